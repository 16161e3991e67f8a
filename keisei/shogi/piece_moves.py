"""How each piece moves over an empty board, in the directions that the action labels name."""

from collections.abc import Mapping, Sequence

from keisei.shogi.constants import (
    BISHOP,
    DRAGON,
    GOLD,
    HORSE,
    KING,
    KNIGHT,
    LANCE,
    PAWN,
    PROMOTED,
    ROOK,
    SILVER,
)

TRAVEL = (
    (0, -1),
    (1, -1),
    (-1, -1),
    (1, 0),
    (-1, 0),
    (0, 1),
    (1, 1),
    (-1, 1),
    (1, -2),
    (-1, -2),
)
"""(files, ranks) of one step in each of the NUM_DIRECTIONS, mover's view; left is a higher file."""
_UP, _UP_LEFT, _UP_RIGHT, _LEFT, _RIGHT, _DOWN, _DOWN_LEFT, _DOWN_RIGHT = range(8)
_ORTHOGONAL = (_UP, _LEFT, _RIGHT, _DOWN)
_DIAGONAL = (_UP_LEFT, _UP_RIGHT, _DOWN_LEFT, _DOWN_RIGHT)
_AS_GOLD = (*_ORTHOGONAL, _UP_LEFT, _UP_RIGHT)

JUMPS = (8, 9)
"""The two directions of a knight."""
STEPS: Mapping[int, Sequence[int]] = {
    PAWN: (_UP,),
    KNIGHT: JUMPS,
    SILVER: (_UP, *_DIAGONAL),
    GOLD: _AS_GOLD,
    KING: range(8),
    **dict.fromkeys(range(PAWN + PROMOTED, SILVER + PROMOTED + 1), _AS_GOLD),
    HORSE: _ORTHOGONAL,
    DRAGON: _DIAGONAL,
}
"""Directions in which a piece, by its code, goes a single step."""
SLIDES: Mapping[int, Sequence[int]] = {
    LANCE: (_UP,),
    BISHOP: _DIAGONAL,
    ROOK: _ORTHOGONAL,
    HORSE: _DIAGONAL,
    DRAGON: _ORTHOGONAL,
}
"""Directions in which a piece goes as far as the way is free."""
