"""Who chooses moves, for many positions at once."""

from enum import IntEnum
from typing import Protocol

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


class Player(Protocol):
    """Picks actions for a batch of positions; it keeps its own random state."""

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Pick one legal action for each of n positions; n may differ from call to call.

        Returns:
            int64 [n], legal action labels 0..2186 in the mover's view, or in their place the number
            of a ``Forfeit`` by which the player loses the game.
        """
        ...
