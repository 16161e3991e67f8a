"""The 2187 actions: 27 move classes times 81 destinations, seen by the player who moves.

``action = 81 * move_class + destination``. Classes 0 to 9 are the directions of travel
(``Direction``), 10 to 19 the same with promotion, 20 to 26 drops of PAWN to GOLD. The origin of a
move on the board is the first own piece met when walking back from the destination. These are the
labels of dlshogi, cshogi and pgx.
"""

from keisei.shogi.constants import (
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    NUM_RANKS,
    NUM_SQUARES,
)
from keisei.shogi.piece_moves import TRAVEL

_DIRECTIONS = {step: direction for direction, step in enumerate(TRAVEL)}


def board_action(origin: int, to: int, promote: bool) -> int | None:  # noqa: FBT001
    """The action of a move on the board, squares in the mover's view; None if no piece moves so."""
    files = to // NUM_RANKS - origin // NUM_RANKS
    ranks = to % NUM_RANKS - origin % NUM_RANKS
    if files == 0 or ranks == 0 or abs(files) == abs(ranks):
        files, ranks = (files > 0) - (files < 0), (ranks > 0) - (ranks < 0)
    direction = _DIRECTIONS.get((files, ranks))
    if direction is None:
        return None
    return (direction + (FIRST_PROMOTION_CLASS if promote else 0)) * NUM_SQUARES + to


def drop_action(piece: int, to: int) -> int:
    """The action that drops a piece (PAWN to GOLD) on a square of the mover's view."""
    return (FIRST_DROP_CLASS + piece - 1) * NUM_SQUARES + to
