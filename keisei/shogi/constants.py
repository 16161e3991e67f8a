"""Numbers that name the things of shogi: colours, pieces, squares, actions, ends of games.

Squares are file-major: ``square = 9 * (file - 1) + (rank - 1)``, so 1a = 0, 1i = 8, 9i = 80. In a
*view* the board is turned so that its owner moves towards rank a: White's view of a square is
``80 - square``.
"""

from enum import IntEnum

BLACK = 0
WHITE = 1

NUM_FILES = 9
NUM_RANKS = 9
NUM_SQUARES = 81

EMPTY = 0
PAWN = 1
LANCE = 2
KNIGHT = 3
SILVER = 4
BISHOP = 5
ROOK = 6
GOLD = 7
KING = 8
PROMOTED = 8
"""Added to PAWN..ROOK when the piece is promoted (GOLD and KING never are)."""
HORSE = BISHOP + PROMOTED
DRAGON = ROOK + PROMOTED
OTHER_SIDE = 16
"""Added to a piece code for White's pieces, or, in a view, for the opponent's."""

NUM_HAND_TYPES = 7
HAND_LIMITS = (18, 4, 4, 4, 2, 2, 4)
"""How many pieces of each hand type, PAWN to GOLD, a set holds."""


class Direction(IntEnum):
    """Where a move on the board goes, in the mover's view; the last two are the knight's."""

    UP = 0
    UP_LEFT = 1
    UP_RIGHT = 2
    LEFT = 3
    RIGHT = 4
    DOWN = 5
    DOWN_LEFT = 6
    DOWN_RIGHT = 7
    UP2_LEFT = 8
    UP2_RIGHT = 9


NUM_DIRECTIONS = len(Direction)
FIRST_PROMOTION_CLASS = 10
FIRST_DROP_CLASS = 20
NUM_CLASSES = 27
"""Move classes: 10 directions, the same promoting, 7 drops (PAWN to GOLD)."""
NUM_ACTIONS = NUM_CLASSES * NUM_SQUARES
MAX_LEGAL_MOVES = 593
"""Of any position that can come up; the best known one has them all."""

START_SFEN = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"


class Termination(IntEnum):
    """How a game ended; NONE while it goes on."""

    NONE = 0
    CHECKMATE = 1
    STALEMATE = 2
    SENNICHITE = 3
    PERPETUAL_CHECK = 4
    DECLARATION = 5
    MAX_PLIES = 6
