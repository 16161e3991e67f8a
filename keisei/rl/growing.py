"""Weights of a network for a larger one that computes the same: net-to-net growth.

After Chen et al., "Net2Net: Accelerating Learning via Knowledge Transfer" (arXiv:1511.05641). Sums
with more terms are rounded in another order, so the same means to the precision of float32.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from keisei.rl.embedding.network import EmbeddingNet
from keisei.rl.network_base import PolicyValueNet
from keisei.rl.resnet import ResNet

_UNEVENNESS = 0.5


class GrowthError(ValueError):
    """Weights that do not fit a network exactly; the message is half a sentence."""


def grow_into(network: PolicyValueNet, source: PolicyValueNet, seed: int) -> None:
    """Give a network what another one of its kind has learned, bit for bit if it is as large.

    The embedding network takes any larger width: old units read nothing of new ones, which begin as
    they were initialised. The residual tower takes more blocks, which begin as the identity, and
    widths that are multiples of the old ones: each channel is copied and what reads it divides its
    weight among the copies, unevenly, so that they learn different things. A width between cannot
    be exact, for its norms take means over groups of channels.

    Args:
        network: Freshly initialised; changed in place.
        source: Has learned.
        seed: Fixes how weights are divided.

    Raises:
        GrowthError: It cannot be done exactly; nothing is changed.
    """
    old, new = source.state_dict(), network.state_dict()
    if {name: each.shape for name, each in old.items()} == {
        name: each.shape for name, each in new.items()
    }:
        network.load_state_dict(old)
    elif isinstance(network, EmbeddingNet) and isinstance(source, EmbeddingNet):
        network.load_state_dict(_beside(network, old, new))
    elif isinstance(network, ResNet) and isinstance(source, ResNet):
        network.load_state_dict(_copied(old, new, torch.Generator().manual_seed(seed)))
    else:
        raise GrowthError("only networks that ship with Keisei grow; leave its options as they are")


def _beside(
    network: PolicyValueNet, old: dict[str, Tensor], new: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Weights with new units beside the old ones, which do not read them.

    Args:
        network: Its layers are linear.
        old: Weights by name.
        new: Fresh ones, not smaller.
    """
    modules = cast(Iterable[tuple[str, nn.Module]], network.named_modules())
    layers = {name for name, layer in modules if isinstance(layer, nn.Linear)}
    grown: dict[str, Tensor] = {}
    for name, fresh in new.items():
        learned, own = old[name], fresh.clone()
        if any(size > room for size, room in zip(learned.shape, fresh.shape, strict=True)):
            raise GrowthError(_does_not_fit(name, learned, fresh, "it only grows"))
        if name.removesuffix(".weight") in layers:
            own[: len(learned), learned.shape[1] :] = 0.0
        own[tuple(slice(size) for size in learned.shape)] = learned
        grown[name] = own
    return grown


def _copied(
    old: dict[str, Tensor], new: dict[str, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """Weights in which each old unit stands several times side by side.

    Args:
        old: Weights by name, the first axis of what a layer gives, the second of what it reads.
        new: Fresh ones; those without an old counterpart stay.
        generator: Divides weights among copies.
    """
    if not old.keys() <= new.keys():
        raise GrowthError("it has more blocks; model.options.blocks only grows")
    grown = dict(new)
    for name, learned in old.items():
        factors: list[int] = []
        for size, room in zip(learned.shape, new[name].shape, strict=True):
            if room % size:
                reason = "it only grows to multiples, for its norms take means over channels"
                raise GrowthError(_does_not_fit(name, learned, new[name], reason))
            factors.append(room // size)
        own = learned.repeat_interleave(factors[0], dim=0)
        if len(factors) > 1 and factors[1] > 1:
            own = own.repeat_interleave(factors[1], dim=1)
            own = own * _shares(own, factors[1], generator)
        grown[name] = own
    return grown


def _shares(weights: Tensor, copies: int, generator: torch.Generator) -> Tensor:
    """Factors [out, in, 1, ...] that add up to 1 over the copies of each unit that is read."""
    outputs, inputs = weights.shape[:2]
    drawn = torch.rand((outputs, inputs // copies, copies), generator=generator, dtype=torch.double)
    drawn = 1.0 + _UNEVENNESS * (2.0 * drawn - 1.0)
    shares = (drawn / drawn.sum(-1, keepdim=True)).flatten(1).to(weights.dtype)
    return shares.reshape(outputs, inputs, *(1 for _ in weights.shape[2:]))


def _does_not_fit(name: str, learned: Tensor, fresh: Tensor, reason: str) -> str:
    return (
        f"{name} has {tuple(learned.shape)} weights and would have {tuple(fresh.shape)}; {reason}"
    )
