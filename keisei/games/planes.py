"""Where the planes of destinations lie, one for each move class, two words each.

Letters: L lanes of a block.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import LANES
from keisei.shogi.bitboard import Bitboard
from keisei.shogi.constants import (
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    NUM_CLASSES,
    Direction,
)
from keisei.shogi.jit import inline_kernel

BLOCK = np.uint64(LANES)
"""From the first word of a plane to its second."""
# Where the planes begin, counted from UP. Sums, not numbers of planes, are handed on: Numba
# compiles a function anew for each constant that it is called with.
_PLANES = [np.uint64(2 * move_class * LANES) for move_class in range(NUM_CLASSES)]
UP_LEFT, UP_RIGHT = _PLANES[Direction.UP_LEFT], _PLANES[Direction.UP_RIGHT]
LEFT, RIGHT, DOWN = (_PLANES[each] for each in (Direction.LEFT, Direction.RIGHT, Direction.DOWN))
DOWN_LEFT, DOWN_RIGHT = _PLANES[Direction.DOWN_LEFT], _PLANES[Direction.DOWN_RIGHT]
UP2_LEFT, UP2_RIGHT = _PLANES[Direction.UP2_LEFT], _PLANES[Direction.UP2_RIGHT]
PROMOTIONS = _PLANES[FIRST_PROMOTION_CLASS]
(
    DROP_PAWN,
    DROP_LANCE,
    DROP_KNIGHT,
    DROP_SILVER,
    DROP_BISHOP,
    DROP_ROOK,
    DROP_GOLD,
) = _PLANES[FIRST_DROP_CLASS:]


@inline_kernel
def put(out: NDArray[np.uint64], at: np.uint64, squares: Bitboard) -> np.uint64:
    """Write one plane into out, uint64 [planes * 2 * L]; not 0 iff the plane has a square."""
    out[at] = squares[0]
    out[at + BLOCK] = squares[1]
    return squares[0] | squares[1]
