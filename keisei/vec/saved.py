"""Saving N games and going on from what was saved."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.vec.batch import GameBatch

_CAP = "max_plies"


def save(batch: GameBatch, max_plies: int) -> dict[str, NDArray[Any]]:
    """Copies of all arrays that the games need to go on, random streams and ply cap included."""
    return {name: array.copy() for name, array in _arrays(batch).items()} | {
        _CAP: np.array(max_plies)
    }


def restore(
    batch: GameBatch, state: Mapping[str, NDArray[Any]], num_starts: int, max_plies: int
) -> None:
    """Write saved arrays into games of the same number and ply cap.

    Args:
        batch: The games, written.
        state: From ``save``.
        num_starts: How many start positions there are.
        max_plies: The ply cap.

    Raises:
        ValueError: When the state is of other games; nothing is written then.
    """
    arrays = _arrays(batch)
    needed = sorted([*arrays, _CAP])
    if sorted(state) != needed:
        raise ValueError(f"The state holds {sorted(state)}; this environment needs {needed}.")
    for name, array in arrays.items():
        if state[name].shape != array.shape or state[name].dtype != array.dtype:
            raise ValueError(
                f"State array {name!r} is {state[name].dtype} {state[name].shape}; "
                f"this environment needs {array.dtype} {array.shape}."
            )
    if state[_CAP] != max_plies:
        raise ValueError(
            f"The state is of games of at most {state[_CAP]} plies; this environment's max_plies "
            f"is {max_plies}."
        )
    # Kernels read the start position without looking whether there is one of that number.
    if not ((state["next_start"] >= 0) & (state["next_start"] < num_starts)).all():
        raise ValueError(
            f"The state goes on with start position {int(np.max(state['next_start']))}; this "
            f"environment has {num_starts}. Give it the same initial_sfens."
        )
    for name, array in arrays.items():
        array[...] = state[name]


def _arrays(batch: GameBatch) -> dict[str, NDArray[Any]]:
    """The arrays that hold the games between steps, by name."""
    arrays: dict[str, NDArray[Any]] = dict(batch.games._asdict())
    arrays |= {name: array for name, array in batch._asdict().items() if name != "games"}
    return arrays
