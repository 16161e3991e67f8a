"""The moves that actions stand for."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import Slots
from keisei.games.placing import read_actions
from keisei.games.pool import Pool
from keisei.shogi.constants import NUM_SQUARES, WHITE
from keisei.shogi.features import TO_MOVE
from keisei.shogi.moves import Move


def moves_in_slots(
    slots: Slots, chosen: NDArray[np.int64], actions: NDArray[np.int64], turned: NDArray[np.bool_]
) -> list[Move]:
    """The moves of legal actions.

    Args:
        slots: The positions.
        chosen: int64 [n], slots.
        actions: int64 [n], a legal action of each.
        turned: bool [n], True where the mover's squares are to be turned into Black's.
    """
    parts = np.empty((len(actions), 4), np.int64)
    read_actions(slots, chosen, actions, parts)
    parts[turned, :2] = NUM_SQUARES - 1 - parts[turned, :2]
    return [
        Move(None if dropped else origin, to, bool(promotes), dropped or None)
        for origin, to, promotes, dropped in parts.tolist()
    ]


def moves_of(state: NDArray[np.uint8], actions: NDArray[np.int64]) -> list[Move]:
    """The moves that legal actions stand for.

    Args:
        state: uint8 [n, 100], compact states.
        actions: int64 [n], a legal action for each.
    """
    count = len(actions)
    pool = Pool(count)
    pool.begin(0, state, np.zeros(count, np.int64))
    return moves_in_slots(pool.nodes.slots, np.arange(count), actions, state[:, TO_MOVE] == WHITE)
