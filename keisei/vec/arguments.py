"""Reading the arguments of the batched environment, and refusing those that do not fit."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.notation import MAX_MOVE_NUMBER

Marks = Sequence[bool] | NDArray[np.bool_]
"""True or False for each game, bool [N]."""

_SEED_LIMIT = 2**64


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """The value if it is allowed.

    Raises:
        ValueError: When it is not.
    """
    if value not in allowed:
        listed = ", ".join(repr(each) for each in allowed)
        raise ValueError(f"{name}={value!r} is not one of {listed}.")
    return value


def at_least(least: int, name: str, value: Any) -> int:
    """The value if it is a whole number from the least one on.

    Raises:
        ValueError: When it is not.
    """
    if not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name}={value!r} has to be a whole number from {least}.")
    return int(cast(Any, value))


def one_game(game: Any, num_envs: int) -> int:
    """The number of a game if there is such a one.

    Raises:
        IndexError: When there is not; -1 is not the last.
    """
    if not isinstance(game, (int, np.integer)) or not 0 <= game < num_envs:
        raise IndexError(f"There is no game {game!r}; they are 0 to {num_envs - 1}.")
    return int(cast(Any, game))


def size(name: str, value: Any) -> int:
    """The value if it is a whole number from 1 to 999,999, up to which SFEN numbers moves.

    Raises:
        ValueError: When it is not.
    """
    if at_least(1, name, value) > MAX_MOVE_NUMBER:
        raise ValueError(f"{name}={value!r} is too large; {MAX_MOVE_NUMBER} is the most.")
    return int(value)


def two_names(name: str, given: Sequence[str] | None, usual: Sequence[str]) -> tuple[str, ...]:
    """The two different names given, or else the usual ones.

    Raises:
        ValueError: When they are not two, are alike, or there is nothing to name.
    """
    names = tuple(usual if given is None else given)
    if given is not None and (
        not usual or isinstance(given, str) or len(names) != 2 or names[0] == names[1]
    ):
        wanted = f"two different names instead of {tuple(usual)}" if usual else "left out here"
        raise ValueError(f"{name}={given!r} has to be {wanted}.")
    return names


def game_seeds(seed: int | Sequence[int | None], num_envs: int) -> list[int | None]:
    """A seed for each game: the numbers given, or seed + i for game i.

    Raises:
        ValueError: When there are too many or too few, or one is out of range.
    """
    if isinstance(seed, (int, np.integer)):
        seeds: list[int | None] = [int(seed) + game for game in range(num_envs)]
    else:
        seeds = [None if each is None else int(each) for each in seed]
    if len(seeds) != num_envs:
        raise ValueError(f"seed names {len(seeds)} games; there are {num_envs}.")
    for each in seeds:
        if each is not None and not 0 <= each < _SEED_LIMIT:
            raise ValueError(f"seed {each} is out of range; seeds are 0 to 2**64 - 1.")
    return seeds


def stream_seeds(
    seed: int | Sequence[int | None] | None,
    begun: NDArray[np.bool_],
    unseeded: np.random.Generator | None,
) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
    """Which random streams a reset begins, and from which seeds.

    Args:
        seed: As for ``reset``.
        begun: bool [N], games that the reset begins.
        unseeded: None when all streams run already; otherwise where the seeds that nobody names
            are drawn from.

    Returns:
        bool [N], the streams to begin; uint64 [N], their seeds (0 for the others).

    Raises:
        ValueError: When the seeds do not fit.
    """
    num_envs = len(begun)
    given = [None] * num_envs if seed is None else game_seeds(seed, num_envs)
    if unseeded is not None:
        drawn = unseeded.integers(2**63, size=num_envs).tolist()
        given = [other if each is None else each for each, other in zip(given, drawn, strict=True)]
    named = begun & np.array([each is not None for each in given])
    return named, np.array([each or 0 for each in given], np.uint64)


def reset_mask(options: dict[str, Any] | None, num_envs: int) -> NDArray[np.bool_]:
    """The games that a reset's options name, bool [N]; all without a "reset_mask".

    Raises:
        TypeError: When the mask is not an array of bool.
        ValueError: When it has another shape or names no game.
    """
    mask = None if options is None else options.get("reset_mask")
    if mask is None:
        return np.ones(num_envs, np.bool_)
    if not isinstance(mask, np.ndarray) or cast(Any, mask).dtype != np.bool_:
        kind = cast(Any, mask).dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(f"options['reset_mask'] is {kind}; it has to be an array of bool.")
    marked = cast(NDArray[np.bool_], mask)
    if marked.shape != (num_envs,) or not marked.any():
        raise ValueError(
            f"options['reset_mask'] has shape {marked.shape} and {int(marked.sum())} True; "
            f"it has to have shape ({num_envs},) and at least one True."
        )
    return marked


def reset_starts(
    options: dict[str, Any] | None, num_envs: int, num_starts: int
) -> NDArray[np.int64] | None:
    """The start positions that a reset's options name, int64 [N]; None without "starts".

    Raises:
        TypeError: When they are no array of whole numbers.
        ValueError: When the array has another shape or there is no such position.
    """
    given = None if options is None else options.get("starts")
    if given is None:
        return None
    if not isinstance(given, np.ndarray) or cast(Any, given).dtype.kind not in "iu":
        kind = cast(Any, given).dtype if isinstance(given, np.ndarray) else type(given).__name__
        raise TypeError(f"options['starts'] is {kind}; it has to be an array of whole numbers.")
    starts = cast(NDArray[Any], given)
    if starts.shape != (num_envs,) or starts.min() < 0 or starts.max() >= num_starts:
        raise ValueError(
            f"options['starts'] has shape {starts.shape} and up to {starts.max(initial=0)} in it; "
            f"it has to have shape ({num_envs},) and numbers from 0 to {num_starts - 1}."
        )
    return starts.astype(np.int64)


def active_games(active: Marks, num_envs: int) -> NDArray[np.bool_]:
    """The games that take part in a call, bool [N].

    Raises:
        ValueError: When they are not given as N times True or False.
    """
    games = np.array(active)  # kernels want it without gaps
    if games.shape != (num_envs,) or games.dtype != np.bool_:
        raise ValueError(
            f"active is {games.dtype} {games.shape}; it has to be bool of shape ({num_envs},)."
        )
    return games
