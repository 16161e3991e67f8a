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
    Direction,
)

_TRAVEL = {
    Direction.UP: (0, -1),
    Direction.UP_LEFT: (1, -1),
    Direction.UP_RIGHT: (-1, -1),
    Direction.LEFT: (1, 0),
    Direction.RIGHT: (-1, 0),
    Direction.DOWN: (0, 1),
    Direction.DOWN_LEFT: (1, 1),
    Direction.DOWN_RIGHT: (-1, 1),
    Direction.UP2_LEFT: (1, -2),
    Direction.UP2_RIGHT: (-1, -2),
}
TRAVEL = tuple(_TRAVEL[direction] for direction in Direction)
"""(files, ranks) of one step in each ``Direction``, mover's view; left is a higher file."""
_ORTHOGONAL = (Direction.UP, Direction.LEFT, Direction.RIGHT, Direction.DOWN)
_DIAGONAL = (Direction.UP_LEFT, Direction.UP_RIGHT, Direction.DOWN_LEFT, Direction.DOWN_RIGHT)
_AS_GOLD = (*_ORTHOGONAL, Direction.UP_LEFT, Direction.UP_RIGHT)

JUMPS = (Direction.UP2_LEFT, Direction.UP2_RIGHT)
"""The two directions of a knight."""
STEPS: Mapping[int, Sequence[int]] = {
    PAWN: (Direction.UP,),
    KNIGHT: JUMPS,
    SILVER: (Direction.UP, *_DIAGONAL),
    GOLD: _AS_GOLD,
    KING: tuple(direction for direction in Direction if direction not in JUMPS),
    **dict.fromkeys(range(PAWN + PROMOTED, SILVER + PROMOTED + 1), _AS_GOLD),
    HORSE: _ORTHOGONAL,
    DRAGON: _DIAGONAL,
}
"""Directions in which a piece, by its code, goes a single step."""
SLIDES: Mapping[int, Sequence[int]] = {
    LANCE: (Direction.UP,),
    BISHOP: _DIAGONAL,
    ROOK: _ORTHOGONAL,
    HORSE: _DIAGONAL,
    DRAGON: _ORTHOGONAL,
}
"""Directions in which a piece goes as far as the way is free."""
