"""Networks that grow compute what they computed before."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from typing import Any

import pytest
import torch
from torch import Tensor

from keisei.rl.growing import GrowthError, grow_into
from keisei.rl.network_base import PolicyValueNet
from keisei.rl.networks import build_network
from tests.rl.random_positions import random_positions


def network(name: str, seed: int, **options: Any) -> PolicyValueNet:
    """A network with weights as after some learning: nowhere zero."""
    torch.manual_seed(seed)
    built = build_network(name, **options)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return built


def fresh(name: str, **options: Any) -> PolicyValueNet:
    torch.manual_seed(9)
    return build_network(name, **options)


def positions() -> tuple[Tensor, Tensor, Tensor]:
    states, bits, actions = (torch.from_numpy(array) for array in random_positions(32, 5))
    return states, bits, actions


def outputs(judge: PolicyValueNet) -> tuple[Tensor, Tensor]:
    states, bits, _ = positions()
    with torch.no_grad():
        return judge.legal_log_probs(states, bits)


@pytest.mark.parametrize(
    ("name", "small", "large"),
    [
        ("embedding", {"width": 64}, {"width": 128}),
        ("embedding", {"width": 128}, {"width": 192, "fused": False}),
        ("resnet", {"blocks": 2, "channels": 16}, {"blocks": 2, "channels": 32}),
        ("resnet", {"blocks": 1, "channels": 8}, {"blocks": 3, "channels": 24}),
        (
            "resnet",
            {"blocks": 1, "channels": 16, "se_ratio": 4},
            {"blocks": 1, "channels": 16, "se_ratio": 2},
        ),
    ],
)
def test_a_larger_network_gives_the_same(
    name: str, small: dict[str, Any], large: dict[str, Any]
) -> None:
    source, grown = network(name, 1, **small), fresh(name, **large)
    before = outputs(grown)
    grow_into(grown, source, 0)
    for own, wanted, other in zip(outputs(grown), outputs(source), before, strict=True):
        torch.testing.assert_close(own, wanted, rtol=1e-4, atol=1e-5)
        assert (other - wanted).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("name", "options"), [("embedding", {"width": 64}), ("resnet", {"blocks": 1, "channels": 8})]
)
def test_one_of_the_same_size_gives_the_same_to_the_bit(name: str, options: dict[str, Any]) -> None:
    source, taken = network(name, 1, **options), fresh(name, **options)
    grow_into(taken, source, 0)
    for own, wanted in zip(outputs(taken), outputs(source), strict=True):
        assert torch.equal(own, wanted)


@pytest.mark.parametrize(
    ("name", "small", "large"),
    [
        ("embedding", {"width": 64}, {"width": 128}),
        ("resnet", {"blocks": 1, "channels": 8}, {"blocks": 1, "channels": 16}),
    ],
)
def test_what_is_new_learns(name: str, small: dict[str, Any], large: dict[str, Any]) -> None:
    source, grown = network(name, 1, **small), fresh(name, **large)
    grow_into(grown, source, 0)
    states, bits, actions = positions()
    optimizer = torch.optim.SGD(grown.parameters(), lr=1.0)
    for _ in range(2):
        optimizer.zero_grad()
        log_probs, _, values = grown(states, bits, actions)
        (values - log_probs).mean().backward()
        optimizer.step()
    # Copies that stayed alike would be no more than the small network.
    read = grown.get_parameter("policy_vector.weight" if name == "embedding" else "stem.weight")
    halves = read[:, 64:] if name == "embedding" else read[::2] - read[1::2]
    assert halves.abs().max() > 1e-6


@pytest.mark.parametrize(
    ("name", "small", "large", "words"),
    [
        ("embedding", {"width": 128}, {"width": 64}, "it only grows"),
        ("resnet", {"blocks": 1, "channels": 16}, {"blocks": 1, "channels": 24}, "multiples"),
        ("resnet", {"blocks": 2, "channels": 8}, {"blocks": 1, "channels": 8}, "more blocks"),
    ],
)
def test_what_is_not_exact_is_refused(
    name: str, small: dict[str, Any], large: dict[str, Any], words: str
) -> None:
    target = fresh(name, **large)
    before = {key: value.clone() for key, value in target.state_dict().items()}
    with pytest.raises(GrowthError, match=words):
        grow_into(target, network(name, 1, **small), 0)
    assert all(torch.equal(value, before[key]) for key, value in target.state_dict().items())
