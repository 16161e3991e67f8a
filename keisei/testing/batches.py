"""Batched observations as arrays, and whether they lie in their space."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from keisei.testing.report import Report, is_a

_ARRAYS = (spaces.Box, spaces.MultiBinary, spaces.MultiDiscrete)


def arrays_of(space: Any, value: Any, name: str = "obs") -> Iterator[tuple[str, Any, Any]]:
    """Name, space and array of each part of an observation.

    Parts whose spaces are of other kinds than boxes and numbers are left out.
    """
    if is_a(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from arrays_of(part, value[key], f"{name}[{key!r}]")
    elif is_a(space, spaces.Tuple):
        for index, part in enumerate(space.spaces):
            yield from arrays_of(part, value[index], f"{name}[{index}]")
    elif is_a(space, *_ARRAYS):
        yield name, space, value


def check_contained(report: Report, space: Any, value: Any, name: str = "obs") -> None:
    """Note where an observation is not in its space, with exactly its shapes and types.

    Raises:
        VectorEnvError: When it cannot even be read.
    """
    if is_a(space, spaces.Dict):
        keys = sorted(space.spaces)
        report.needs(
            is_a(value, dict) and sorted(value) == keys,
            "obs",
            f"{name} is no dict with the keys {keys}.",
        )
    for part, inner, array in arrays_of(space, value, name):
        report.needs(
            is_a(array, np.ndarray) and array.shape == inner.shape,
            "obs",
            f"{part} is a {type(array).__name__} of shape {np.shape(array)}; its space wants an "
            f"array of shape {inner.shape}.",
        )
        report.wants(
            array.dtype == inner.dtype,
            "dtype",
            f"{part} is {array.dtype}; its space wants {inner.dtype}.",
        )
        if not report.wants(not _nan(array).any(), "nan", f"{part} holds NaN."):
            return
        if is_a(inner, spaces.Box):
            outside = (array < inner.low) | (array > inner.high)
            report.wants(
                not outside.any(),
                "bounds",
                f"{part} holds {array[outside][:3]}, outside its space.",
            )
    if not report.has("dtype", "bounds"):
        report.wants(space.contains(value), "bounds", f"{name} is not contained in its space.")


def rows_differ(space: Any, first: Any, second: Any, num_envs: int) -> NDArray[np.bool_]:
    """Games whose observations differ between two batches, bool [N]."""
    differ = np.zeros(num_envs, np.bool_)
    others = arrays_of(space, second)
    for (_, _, one), (_, _, other) in zip(arrays_of(space, first), others, strict=True):
        unlike = (one != other) & ~(_nan(one) & _nan(other))
        differ |= unlike.reshape(num_envs, -1).any(axis=1)
    return differ


def rows_alike(space: Any, batch: Any) -> bool:
    """Whether all games have the same observation."""
    return all(
        np.array_equal(part, part[:1].repeat(len(part), 0))
        for _, _, part in arrays_of(space, batch)
    )


def game_of(space: Any, batch: Any, game: int) -> list[NDArray[Any]]:
    """The arrays of one game's observation in a batch."""
    return [part[game] for _, _, part in arrays_of(space, batch)]


def _nan(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Where an array holds NaN."""
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, np.bool_)
