"""``policy.safetensors``: the weights of a network and what it is, for sharing.

Such files come from strangers, so nothing that they say is believed before it is checked.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from keisei.files import write_whole
from keisei.search.settings import SearchSettings, SearchSettingsError
from keisei.shogi.moves import shown
from keisei.training.checkpoint import CheckpointError

_FORMAT = "keisei-policy-1"
TEMPERATURE = "search_temperature"


def write_policy(path: Path, facts: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> None:
    """Write weights and what is known of their network.

    Raises:
        UnwritableError: The file cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    # One entry, because safetensors writes several in a random order.
    header = {_FORMAT: json.dumps(facts)}
    write_whole(path, lambda file: file.write(save(tensors, header)))


def read_policy(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What a file says of its policy, which need not be true, and the weights.

    Raises:
        CheckpointError: The file cannot be read or is not of this format.
    """
    try:
        with cast(Any, safe_open)(path, framework="pt") as archive:
            header: dict[str, str] = archive.metadata() or {}
            weights: dict[str, torch.Tensor] = {
                name: archive.get_tensor(name)
                for name in archive.keys()  # noqa: SIM118
            }
    except OSError as error:
        # The library's own OSErrors carry their words elsewhere than in strerror.
        raise CheckpointError(f"cannot read policy {str(path)!r}: {error}") from None
    except SafetensorError as error:
        raise CheckpointError(
            f"{str(path)!r} is damaged or no safetensors file: {shown(str(error), 200)}"
        ) from None
    if _FORMAT not in header:
        raise CheckpointError(f"{str(path)!r} is not a Keisei policy of format {_FORMAT}")
    try:
        facts: object = json.loads(header[_FORMAT])
    except (ValueError, RecursionError):
        raise CheckpointError(f"{str(path)!r} is damaged: {_FORMAT} is no JSON") from None
    if not isinstance(facts, dict):
        raise CheckpointError(f"{str(path)!r} is damaged: {_FORMAT} is no table")
    return cast(dict[str, Any], facts), weights


def search_temperature(path: Path, facts: Mapping[str, Any]) -> float | None:
    """What the policy's logits are best divided by in a search, None where the file says nothing.

    Raises:
        CheckpointError: It is no such number.
    """
    found = facts.get(TEMPERATURE)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise CheckpointError(f"{str(path)!r} is damaged: {TEMPERATURE} is no number")
    try:
        return SearchSettings(temperature=float(found)).temperature
    except (SearchSettingsError, OverflowError):
        raise CheckpointError(
            f"{str(path)!r} is damaged: {TEMPERATURE} = {shown(str(found))} is out of range"
        ) from None


def check_weights(
    path: Path, weights: Mapping[str, torch.Tensor], needed: Mapping[str, torch.Tensor]
) -> None:
    """Refuse weights that are not those of a network, before there is room for it.

    Args:
        path: The file that holds them.
        weights: By their names, of any floating type.
        needed: Tensors of the same shapes, which need not hold anything.

    Raises:
        CheckpointError: One is missing, is too many, has another shape, or is not finite.
    """
    damaged = f"{str(path)!r} does not fit its network:"
    missing, foreign = sorted(needed.keys() - weights.keys()), weights.keys() - needed.keys()
    if missing:
        raise CheckpointError(f"{damaged} it lacks {missing[0]}")
    if foreign:
        raise CheckpointError(f"{damaged} {shown(min(foreign))} is no part of it")
    for name, tensor in weights.items():
        size = tuple(needed[name].shape)
        if tensor.shape != size or not tensor.is_floating_point():
            raise CheckpointError(
                f"{damaged} {name} is {tensor.dtype} {tuple(tensor.shape)} and should be {size}"
            )
        if not tensor.float().isfinite().all():
            raise CheckpointError(
                f"{str(path)!r} holds numbers that are not finite in {name}; take an earlier one"
            )
