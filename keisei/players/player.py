"""Who chooses moves, and what a network says of them, for many positions at once."""

from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from keisei.players.positions import Positions


class Forfeit(IntEnum):
    """What a player may answer instead of an action; each loses the game."""

    RESIGNATION = -1
    ILLEGAL_MOVE = -2
    """No legal move: a move that the rules forbid, a text that is none, a win claimed wrongly."""
    ENGINE_FAILURE = -3
    """No answer: the engine's process died, or did not answer in time."""
    OUT_OF_TIME = -4
    """An answer later than the clock of the game allows."""


class Player(Protocol):
    """Picks actions for a batch of positions; it keeps its own random state."""

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Pick one legal action for each of n positions; n may differ from call to call.

        Returns:
            int64 [n], legal action labels 0..2186 in the mover's view, or in their place the number
            of a ``Forfeit`` by which the player loses the game.
        """
        ...


class Evaluation(NamedTuple):
    """What is to be expected of n positions and of their m legal moves."""

    offsets: NDArray[np.int64]
    """int64 [n + 1]: position i has the moves ``offsets[i]`` to ``offsets[i + 1] - 1``."""
    actions: NDArray[np.int64]
    """int64 [m], legal action labels, in ascending order in each position."""
    log_probs: NDArray[np.float32]
    """float32 [m], log-probabilities; their exponentials sum to 1 in each position."""
    values: NDArray[np.float32]
    """float32 [n] in [-1, 1], expected results to the players to move."""


class Evaluator(Protocol):
    """Judges positions and their moves without playing; the same positions, the same answer."""

    def evaluate(self, positions: Positions) -> Evaluation:
        """Moves and values of n positions.

        Raises:
            ValueError: A position has no legal action.
        """
        ...

    def values(self, positions: Positions) -> NDArray[np.float32]:
        """The values alone, float32 [n] in [-1, 1], to the players to move."""
        ...
