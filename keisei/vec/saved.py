"""Saving N games, going on from what was saved, and regrouping games that were saved."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import whole_blocks, words_by_slot, words_in_blocks
from keisei.vec.batch import GameBatch, new_batch

_CAP = "max_plies"
_WORDS = "words"
_LEGAL = "legal"


def save(batch: GameBatch, max_plies: int) -> dict[str, NDArray[Any]]:
    """Copies of all arrays that the games need to go on, random streams and ply cap included."""
    return {name: array.copy() for name, array in _arrays(batch).items()} | {
        _CAP: np.array(max_plies)
    }


def forms(num_envs: int, max_plies: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each array of a state of so many games, by name."""
    arrays = _arrays(new_batch(num_envs, max_plies)) | {_CAP: np.array(max_plies)}
    return {name: (array.dtype.name, array.shape) for name, array in arrays.items()}


def arrays_of(
    batch: GameBatch, state: Mapping[str, NDArray[Any]], num_starts: int, max_plies: int
) -> dict[str, NDArray[Any]]:
    """The arrays of a state of as many games, of the same ply cap and start positions.

    Args:
        batch: The games that are to go on from it.
        state: From ``save``, or from anybody.
        num_starts: How many start positions there are.
        max_plies: The ply cap.

    Raises:
        ValueError: When the state is of other games.
    """
    own = _arrays(batch)
    if set(state) != {*own, _CAP}:
        raise ValueError(
            f"The state holds {sorted(map(str, state))}; this environment needs "
            f"{sorted([*own, _CAP])}."
        )
    arrays = arrays_like(own, state)
    cap = np.asarray(state[_CAP])
    if cap.shape or cap.dtype.kind not in "iu" or cap != max_plies:
        raise ValueError(
            f"The state is of games of at most {cap} plies; this environment's max_plies "
            f"is {max_plies}."
        )
    # Kernels read the start position without looking whether there is one of that number.
    starts = arrays["next_start"]
    wrong = starts[(starts < 0) | (starts >= num_starts)]
    if wrong.size:
        raise ValueError(
            f"The state goes on with start position {wrong.max()}; this environment has "
            f"{num_starts}. Give it the same initial_sfens."
        )
    return arrays


def arrays_like(
    own: Mapping[str, NDArray[Any]], state: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """The arrays of a state that have the names, types and shapes of one's own.

    Raises:
        ValueError: When one differs, or holds what is neither true nor false.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, array in own.items():
        given: Any = state[name]
        if not isinstance(given, np.ndarray):
            raise ValueError(f"State array {name!r} is a {type(given).__name__} and no array.")
        # Plain ones: comparisons of masked arrays would pass over what is masked.
        found = arrays[name] = np.asarray(cast(Any, given))
        if (found.dtype, found.shape) != (array.dtype, array.shape):
            raise ValueError(
                f"State array {name!r} is {found.dtype} {found.shape}; "
                f"this environment needs {array.dtype} {array.shape}."
            )
        if found.dtype == np.bool_ and (found.view(np.uint8) > 1).any():
            raise ValueError(f"State array {name!r} holds bytes that are neither true nor false.")
    return arrays


def require_range(name: str, array: NDArray[Any], count: int) -> None:
    """Refuse an array of numbers that are not all from 0 to below a count.

    Raises:
        ValueError: When one is not.
    """
    wrong = array[(array < 0) | (array >= count)]
    if wrong.size:
        raise ValueError(f"State array {name!r} holds {wrong[0]}; there are {count}, from 0 on.")


def restore(batch: GameBatch, state: Mapping[str, NDArray[Any]]) -> None:
    """Write saved arrays, which have been checked, into games."""
    for name, array in _arrays(batch).items():
        array[...] = state[name]


def join(states: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The state of all games of several states of one ply cap, in their order."""
    if len(states) == 1:
        return dict(states[0])
    parts = [_by_game(state) for state in states]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _in_blocks(joined) | {_CAP: states[0][_CAP]}


def divide(
    state: Mapping[str, NDArray[Any]], sizes: Sequence[int]
) -> list[dict[str, NDArray[Any]]]:
    """States of parts of the games of a state, in their order.

    Args:
        state: From ``save`` or ``join``.
        sizes: Games of each part, all together those of the state.
    """
    if len(sizes) == 1:
        return [dict(state)]
    edges: list[int] = np.cumsum(sizes)[:-1].tolist()
    parts = [dict[str, NDArray[Any]]() for _ in sizes]
    for name, array in _by_game(state).items():
        for part, share in zip(parts, np.split(array, edges), strict=True):
            part[name] = share
    return [_in_blocks(part) | {_CAP: state[_CAP]} for part in parts]


def _by_game(state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays of a state but the ply cap, each with one row a game."""
    count = len(state["hashes"])
    words = words_by_slot(state[_WORDS])
    arrays = {name: array for name, array in state.items() if name != _CAP}
    return arrays | {_WORDS: words[:count], _LEGAL: state[_LEGAL][:count]}


def _in_blocks(games: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The opposite of ``_by_game``."""
    words = words_in_blocks(games[_WORDS])
    return {**games, _WORDS: words, _LEGAL: whole_blocks(games[_LEGAL])}


def _arrays(batch: GameBatch) -> dict[str, NDArray[Any]]:
    """The arrays that hold the games between steps, by name."""
    arrays: dict[str, NDArray[Any]] = dict(batch.slots._asdict())
    arrays |= {"history": batch.history.hashes, "seen": batch.history.seen}
    own = batch._asdict()
    return arrays | {name: own[name] for name in own if name not in ("slots", "history")}
