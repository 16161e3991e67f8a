"""Reading the arguments of the batched environment, and refusing those that do not fit."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

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


def at_least_one(name: str, value: Any) -> int:
    """The value if it is a whole number from 1.

    Raises:
        ValueError: When it is not.
    """
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name}={value!r} has to be a whole number from 1.")
    return int(cast(Any, value))


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
