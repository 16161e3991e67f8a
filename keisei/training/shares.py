"""What a checkpoint holds of the games of several ranks: joined in one, divided when read.

A checkpoint does not show how many ranks wrote it, but for the random streams of all ranks besides
the first. Another number of ranks goes on with the same games; where it needs more streams than
there are, new ones begin.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.rl.ranks import Ranks
from keisei.vec import saved

_OTHERS = "other_ranks"
_SEATS = ("opponent", "colour", "opening")


def join(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One state from those of all ranks.

    Args:
        parts: By rank, with the states of "agent", "env", "episode", "buffer" and, if there is
            one, "seating". Those of agent and seating may lack what all ranks have in common,
            except in the first.
    """
    first, others = parts[0], parts[1:]
    joined = dict(first) | {
        "env": _to_tensors(saved.join([_to_arrays(part["env"]) for part in parts])),
        "episode": _cat([part["episode"] for part in parts], dim=0),
        "buffer": first["buffer"]
        | {"columns": _cat([part["buffer"]["columns"] for part in parts], dim=1)},
        _OTHERS: [_own(part) for part in others],
    }
    if "seating" in first:
        seats = [{name: part["seating"][name] for name in _SEATS} for part in parts]
        joined["seating"] = first["seating"] | _cat(seats, dim=0)
    return joined


def divide(
    state: Mapping[str, Any], ranks: Ranks, new_stream: Callable[[str], Tensor]
) -> dict[str, Any]:
    """A rank's part of a joined state, in the form of those that it was joined from.

    Args:
        state: From ``join``.
        ranks: Who reads it.
        new_stream: State of a new random generator for "agent" or "seating", where none is saved.
    """
    num_envs = len(state["episode"]["state"])
    share = ranks.share(num_envs)
    sizes = [num_envs // ranks.size] * ranks.size
    columns: Mapping[str, Tensor] = state["buffer"]["columns"]
    part = dict(state) | {
        "env": _to_tensors(saved.divide(_to_arrays(state["env"]), sizes)[ranks.rank]),
        "episode": {name: rows[share] for name, rows in state["episode"].items()},
        "buffer": state["buffer"]
        | {"columns": {name: column[:, share] for name, column in columns.items()}},
    }
    if "seating" in state:
        seating: Mapping[str, Any] = state["seating"]
        part["seating"] = dict(seating) | {name: seating[name][share] for name in _SEATS}
    return _with_own(part, state[_OTHERS], ranks, new_stream)


def _own(part: Mapping[str, Any]) -> dict[str, Any]:
    """What a rank does not have in common with others, besides its games."""
    seating: Mapping[str, Any] = part.get("seating", {})
    return {
        "agent": part["agent"]["generator"],
        "seating": seating.get("generator"),
        "recent": seating.get("recent"),
    }


def _with_own(
    part: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]],
    ranks: Ranks,
    new_stream: Callable[[str], Tensor],
) -> dict[str, Any]:
    """Give a part what its rank had of its own, if it was saved."""
    everybody = [_own(part), *others]
    is_known = ranks.rank < len(everybody)
    own = everybody[ranks.rank] if is_known else {}
    whole = dict(part)
    for name in ("agent", "seating"):
        if name in part:
            stream = own.get(name)
            generator = new_stream(name) if stream is None else stream
            whole[name] = part[name] | {"generator": generator}
    if "seating" in part:
        if len(everybody) != ranks.size:
            # The games have other owners now; the first rank tells what happened in them.
            recents = [each["recent"] for each in everybody if each["recent"] is not None]
            own = {"recent": _add_up(recents) if ranks.is_first and recents else None}
        whole["seating"] = whole["seating"] | {"recent": own.get("recent")}
    return whole


def _add_up(recents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What happened in the games of several ranks."""
    begun = [sum(counts) for counts in zip(*(each["begun"] for each in recents), strict=True)]
    return {"begun": begun, "ended": [step for each in recents for step in each["ended"]]}


def _cat(parts: Sequence[Mapping[str, Tensor]], dim: int) -> dict[str, Tensor]:
    if len(parts) == 1:
        return dict(parts[0])
    return {name: torch.cat([part[name] for part in parts], dim=dim) for name in parts[0]}


def _to_arrays(state: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: tensor.numpy() for name, tensor in state.items()}


def _to_tensors(state: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    return {name: torch.as_tensor(array) for name, array in state.items()}
