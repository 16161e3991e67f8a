"""The registry, and what every shipped network promises."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import math
from typing import cast

import pytest
import torch
from random_positions import random_positions
from torch import Tensor, nn

from keisei.rl.masking import unpack_mask
from keisei.rl.networks import PolicyValueNet, build_network, register_network
from keisei.shogi.constants import NUM_ACTIONS

SMALL = {"embedding": {"width": 64}, "resnet": {"blocks": 2, "channels": 16}}


@pytest.fixture(scope="module")
def positions() -> tuple[Tensor, Tensor, Tensor]:
    """States, packed masks and legal actions of forty positions of random games."""
    states, masks, actions = random_positions(40, seed=5)
    return torch.tensor(states), torch.tensor(masks), torch.tensor(actions)


def _build(name: str) -> PolicyValueNet:
    torch.manual_seed(3)
    return build_network(name, **SMALL[name])


@pytest.mark.parametrize("name", sorted(SMALL))
def test_logits_and_value_have_the_promised_shape(
    name: str, positions: tuple[Tensor, Tensor, Tensor]
) -> None:
    logits, values = _build(name).logits_and_value(positions[0])
    assert logits.shape == (40, NUM_ACTIONS)
    assert values.shape == (40,)
    assert values.abs().max() < 1.0


@pytest.mark.parametrize("name", sorted(SMALL))
def test_the_first_policy_is_nearly_uniform(
    name: str, positions: tuple[Tensor, Tensor, Tensor]
) -> None:
    log_prob, entropy, values = _build(name)(*positions)
    num_legal = unpack_mask(positions[1], NUM_ACTIONS).sum(1)
    assert torch.allclose(entropy, num_legal.log(), atol=0.05)
    assert torch.allclose(log_prob, -num_legal.log(), atol=0.5)
    assert values.abs().max() < 0.1


@pytest.mark.parametrize("name", sorted(SMALL))
def test_acting_and_learning_see_the_same_policy(
    name: str, positions: tuple[Tensor, Tensor, Tensor]
) -> None:
    network = _build(name)
    state, mask_bits, _ = positions
    legal = unpack_mask(mask_bits, NUM_ACTIONS)
    uniforms = torch.rand(40, generator=torch.Generator().manual_seed(0))
    for deterministic in (False, True):
        actions, log_prob, values = network.act(
            state, mask_bits, uniforms, deterministic=deterministic
        )
        assert legal.gather(1, actions.unsqueeze(1)).all()
        again, _, same_values = network(state, mask_bits, actions)
        assert torch.allclose(log_prob, again, atol=1e-5)
        assert torch.allclose(values, same_values, atol=1e-6)
        assert torch.allclose(values, network.value(state), atol=1e-6)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_position_does_not_feel_its_neighbours_in_the_batch(
    name: str, positions: tuple[Tensor, Tensor, Tensor]
) -> None:
    network = _build(name)
    together = network(*positions)
    alone = network(*(column[7:8] for column in positions))
    for all_rows, row in zip(together, alone, strict=True):
        assert torch.allclose(all_rows[7:8], row, atol=1e-5)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_weight_learns(name: str, positions: tuple[Tensor, Tensor, Tensor]) -> None:
    network = _build(name)
    # The residual blocks start as the identity; one step wakes what lies behind the zeros.
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        log_prob, entropy, values = network(*positions)
        (log_prob.mean() + entropy.mean() + (values - 1).square().mean()).backward()
        optimizer.step()
    for label, weight in network.named_parameters():
        assert weight.grad is not None, label
        assert weight.grad.abs().max() > 0, label


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_row_without_a_legal_action_is_refused(
    name: str, positions: tuple[Tensor, Tensor, Tensor]
) -> None:
    state, mask_bits, actions = positions
    mask_bits = mask_bits.clone()
    mask_bits[11] = 0
    with pytest.raises(ValueError, match="row 11 of 40 has no legal action"):
        _build(name)(state, mask_bits, actions)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="unknown network 'renset'; known are"):
        build_network("renset")
    with pytest.raises(ValueError, match="no option 'depth'; its options are blocks, channels"):
        build_network("resnet", depth=3)
    with pytest.raises(ValueError, match="multiple of 8, not 20"):
        build_network("resnet", channels=20)
    with pytest.raises(ValueError, match="between 1 and 1000, not 0"):
        build_network("resnet", blocks=0)
    with pytest.raises(ValueError, match="se_ratio must lie between 1 and channels = 16, not 0"):
        build_network("resnet", channels=16, se_ratio=0)
    with pytest.raises(ValueError, match="positive multiple of 64, not 100"):
        build_network("embedding", width=100)
    with pytest.raises(ValueError, match="reads shogi states of 100 bytes"):
        build_network("embedding", state_size=9, num_actions=9)
    with pytest.raises(ValueError, match="name 'resnet' is taken"):
        register_network("resnet")(PolicyValueNet)


@pytest.mark.parametrize("name", ["embedding", "resnet"])
@pytest.mark.parametrize("wanted", [3.5, 4.5])
def test_sure_values_still_have_a_gradient_in_bfloat16(
    name: str, wanted: float, positions: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    """Tanh of bfloat16 is 1 from 3.5 on, and one minus its square 0."""
    network = _build(name)
    last = cast(nn.Linear, network.value_out)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, wanted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = network(*positions)[2]
    assert values.dtype == torch.float32
    values.mean().backward()
    assert last.bias.grad is not None
    assert last.bias.grad.item() == pytest.approx(1 - math.tanh(wanted) ** 2, rel=1e-3)


def test_bfloat16_logits_are_added_up_in_float32(
    positions: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    network = build_network("embedding", width=64, fused=False)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        logits, _ = network.logits_and_value(positions[0])
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, logits.bfloat16().float())
