"""The arrays that observations are handed out in, and used again once nobody holds them."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.games.observing import HAND_PLANES, NUM_PLANES, PLANE_MAXIMA
from keisei.shogi.constants import NUM_ACTIONS, NUM_SQUARES
from keisei.shogi.features import MASK_BYTES
from keisei.shogi.intrinsics import Held, hold
from keisei.vec.batch import Outputs, new_outputs
from keisei.vec.observation import Observation

_KEPT = 4
"""Buffers that are kept. A loop that holds one observation while it asks for the next needs two."""

_FORMS = {
    "dict": {"planes", "mask"},
    "box": {"planes"},
    "compact": {"state", "bits"},
}
_FIRST_DIVIDED = HAND_PLANES * NUM_SQUARES
_DIVISORS = np.repeat(PLANE_MAXIMA, NUM_SQUARES).astype(np.float32)[_FIRST_DIVIDED:]
"""Of the planes behind those of the pieces, square by square."""


class ObservationForm:
    """How the observations of N games are laid out.

    Args:
        form: "dict", "box" or "compact" (see ``ShogiVectorEnv``).
        dtype: Of the planes, "uint8" or "float32".
        names: Of the entries; none for "box".
    """

    def __init__(self, form: str, dtype: str, names: Sequence[str]) -> None:
        self._form = form
        self._names = tuple(names)
        self._divides = dtype == "float32" and form != "compact"

    def new_outputs(self, num_games: int) -> Outputs:
        """Room for the observations of so many games."""
        return new_outputs(num_games, _FORMS[self._form])

    def entries(self, outputs: Outputs) -> list[NDArray[np.uint8] | NDArray[np.int8]]:
        """Views of what the kernels write, [N, ...], position first; planes are still uint8."""
        if self._form == "compact":
            return [outputs.state, outputs.bits.view(np.uint8)[:, :MASK_BYTES]]
        planes = outputs.planes.reshape(-1, NUM_PLANES, 9, 9)
        if self._form == "box":
            return [planes]
        return [planes, outputs.mask.view(np.int8)[:, :NUM_ACTIONS]]

    def observation(self, entries: Sequence[NDArray[Any]]) -> Observation:
        """The entries as the caller asked for them."""
        position: NDArray[Any] = entries[0]
        if self._divides:
            position = position.astype(np.float32)
            position.reshape(*position.shape[:-3], -1)[..., _FIRST_DIVIDED:] /= _DIVISORS
        if not self._names:
            return position
        return dict(zip(self._names, (position, *entries[1:]), strict=True))


class _Buffer:
    """Room for one observation."""

    def __init__(self, form: ObservationForm, num_games: int) -> None:
        outputs = form.new_outputs(num_games)
        self.held = hold(outputs)
        self.entries = form.entries(outputs)
        self._memory = [entry.base for entry in self.entries]
        self._unused = self._references()

    def is_free(self) -> bool:
        """Whether no array is left that shows this memory, so that it might as well be freed."""
        return self._references() == self._unused

    def _references(self) -> list[int]:
        # NumPy lets every view refer to the memory's owner, never to another view.
        return [sys.getrefcount(memory) for memory in self._memory]


class ObservationBuffers:
    """Memory for observations, handed out step by step.

    Fresh arrays for every step would be as safe, but the system clears large ones page by page
    each time. What is handed out is overwritten only when no array refers to it any more.

    Args:
        form: Of the observations.
        num_games: N.
        copy: False to use the same memory at every step, whoever still looks at it.

    Attributes:
        finals: Where kernels write the last observations of games that begin anew, from row 0 on.
    """

    def __init__(self, form: ObservationForm, num_games: int, *, copy: bool) -> None:
        self._form = form
        self._num_games = num_games
        self._copy = copy
        self._buffers: list[_Buffer] = []
        self.finals = form.new_outputs(num_games)
        self._final_entries = form.entries(self.finals)

    def next(self) -> Held[Outputs]:
        """Memory for the next observation, which nobody looks at if copies are asked for."""
        for buffer in self._buffers:
            if not self._copy or buffer.is_free():
                self._current = buffer
                return buffer.held
        self._current = _Buffer(self._form, self._num_games)
        self._buffers = [*self._buffers[1 - _KEPT :], self._current]
        return self._current.held

    def observation(self) -> Observation:
        """What was written to the memory that was handed out last."""
        return self._form.observation([entry[:] for entry in self._current.entries])

    def final_observations(self, count: int) -> list[Observation]:
        """Copies of the first last observations, each of one game."""
        return [
            self._form.observation([entry[row].copy() for entry in self._final_entries])
            for row in range(count)
        ]

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle takes along: no memory but that of the finals."""
        return {**self.__dict__, "_buffers": [], "_current": None, "_final_entries": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on as a copy, whose kernels write to finals of its own."""
        self.__dict__.update(state)
        self._final_entries = self._form.entries(self.finals)
