"""Small board tables that turn a state into the numbers that features are made of.

A square number 81 stands for "not on the board" throughout.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.rl.embedding import features
from keisei.rl.embedding.features import (
    KING_SPAN,
    NEIGHBOURHOOD_REACH,
    NO_KING_OFFSET,
    NOT_NEAR,
    NUM_KINDS_OF_PIECE,
    NUM_KING_OFFSETS,
    NUM_NEAR,
    WINDOW_REACH,
)
from keisei.shogi.constants import (
    BISHOP,
    DRAGON,
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    HORSE,
    KING,
    KNIGHT,
    LANCE,
    NUM_CLASSES,
    NUM_FILES,
    NUM_HAND_TYPES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    ROOK,
)
from keisei.shogi.features import IN_CHECK, OWN_HAND, REPETITION, TO_MOVE
from keisei.shogi.piece_moves import JUMPS, SLIDES, STEPS, TRAVEL

OFF_BOARD = NUM_SQUARES
OWN, ENEMY, OWN_MENACE, ENEMY_MENACE = range(4)
"""Rows of a table [4, squares] of attackers: how many attack a square, and the menace to it."""
MAX_STEPS = NUM_FILES - 1
# The opponent's knights jump in two directions in which own pieces do not move.
_ALL_TRAVELS = (*TRAVEL, (-1, 2), (1, 2))
NUM_TRAVELS = len(_ALL_TRAVELS)
_OPPOSITE = tuple(_ALL_TRAVELS.index((-files, -ranks)) for files, ranks in _ALL_TRAVELS)
_ALL_JUMPS = (*JUMPS, *(_OPPOSITE[jump] for jump in JUMPS))
_MAJOR = (BISHOP, ROOK, HORSE, DRAGON)


def _square(file: int, rank: int) -> int:
    if 0 <= file < NUM_FILES and 0 <= rank < NUM_RANKS:
        return NUM_RANKS * file + rank
    return OFF_BOARD


def _squares_ahead() -> NDArray[np.uint8]:
    """Squares [12, 81, 8] met when walking in a direction, nearest first."""
    ahead = np.full((NUM_TRAVELS, NUM_SQUARES, MAX_STEPS), OFF_BOARD, dtype=np.uint8)
    for direction, (files, ranks) in enumerate(_ALL_TRAVELS):
        steps = 1 if direction in _ALL_JUMPS else MAX_STEPS
        for square in range(NUM_SQUARES):
            file, rank = divmod(square, NUM_RANKS)
            for step in range(1, steps + 1):
                ahead[direction, square, step - 1] = _square(
                    file + step * files, rank + step * ranks
                )
    return ahead


def _reaches() -> NDArray[np.int8]:
    """How many steps [256, 12] the piece of a board code can go in each direction."""
    reaches = np.zeros((256, NUM_TRAVELS), dtype=np.int8)
    for moves, reach in ((STEPS, 1), (SLIDES, MAX_STEPS)):
        for piece, directions in moves.items():
            for direction in directions:
                reaches[piece, direction] = reach
                reaches[piece + OTHER_SIDE, _OPPOSITE[direction]] = reach
    return reaches


def _offsets(reach: int) -> list[tuple[int, int]]:
    """Files and ranks from a king to the slots around it, within ``reach``."""
    steps = range(-reach, reach + 1)
    return [(files, ranks) for files in steps for ranks in steps]


def _slots(reach: int, *, with_king: bool) -> NDArray[np.uint8]:
    """Squares [82, (2 reach + 1) ** 2] of the slots around a king's square."""
    offsets = _offsets(reach)
    slots = np.full((NUM_SQUARES + 1, len(offsets)), OFF_BOARD, dtype=np.uint8)
    for king in range(NUM_SQUARES):
        file, rank = divmod(king, NUM_RANKS)
        for slot, (files, ranks) in enumerate(offsets):
            if with_king or (files, ranks) != (0, 0):
                slots[king, slot] = _square(file + files, rank + ranks)
    return slots


def _king_offset(files: NDArray[np.int64] | int, ranks: NDArray[np.int64] | int) -> Any:
    return KING_SPAN * (files + NUM_FILES - 1) + ranks + NUM_RANKS - 1


def _king_offsets() -> NDArray[np.int16]:
    """Number [82, 81] of a square's offset from a king's square; NO_KING_OFFSET without one."""
    offsets = np.full((NUM_SQUARES + 1, NUM_SQUARES), NO_KING_OFFSET, dtype=np.int16)
    files, ranks = np.divmod(np.arange(NUM_SQUARES), NUM_RANKS)
    offsets[:NUM_SQUARES] = _king_offset(files - files[:, None], ranks - ranks[:, None])
    return offsets


def _near_slots() -> NDArray[np.int8]:
    """Slot [290] in a king's neighbourhood by number of the offset from it; NOT_NEAR outside."""
    near = np.full(NUM_KING_OFFSETS, NOT_NEAR, dtype=np.int8)
    for slot, offset in enumerate(_offsets(NEIGHBOURHOOD_REACH)):
        near[_king_offset(*offset)] = slot
    return near


def _by_piece(common: int, others: Mapping[int, Sequence[int]]) -> NDArray[np.int8]:
    """A value [256] by board code: ``common`` for all pieces but ``others``, 0 for none."""
    values = np.full(NUM_KINDS_OF_PIECE + 1, common, dtype=np.int8)
    values[0] = 0
    for value, pieces in others.items():
        values[list(pieces)] = value
    return values[OWN_KIND + ENEMY_KIND]


# Small integers, so that the tables stay in the first-level cache beside the state.
SQUARES_AHEAD = _squares_ahead()
SQUARES_BEHIND = SQUARES_AHEAD[list(_OPPOSITE)]
OPPOSITE = np.array(_OPPOSITE, dtype=np.int8)
"""Direction [12] that leads back."""
REACHES = _reaches()
DIRECTIONS = np.argsort(REACHES == 0, axis=1, kind="stable")[:, :8].astype(np.uint8)
"""Directions [256, 8] in which the piece of a board code goes, as many as NUM_DIRECTIONS_OF."""
NUM_DIRECTIONS_OF = (REACHES > 0).sum(axis=1, dtype=np.uint8)
WINDOWS = _slots(WINDOW_REACH, with_king=False)
NEIGHBOURHOODS = _slots(NEIGHBOURHOOD_REACH, with_king=True)
KING_OFFSETS = _king_offsets()
NEAR_SLOTS = _near_slots()
BESIDE = np.zeros(NUM_NEAR, dtype=np.int8)
"""1 [26] for the slots of a neighbourhood that touch the king, else 0."""
BESIDE[[max(map(abs, each)) == 1 for each in _offsets(NEIGHBOURHOOD_REACH)] + [False]] = 1
OWN_KIND = np.where(np.arange(256) <= NUM_KINDS_OF_PIECE, np.arange(256), 0).astype(np.int8)
"""Piece code [256] 1..14 of an own piece by board code, else 0."""
ENEMY_KIND = np.roll(OWN_KIND, OTHER_SIDE)
"""The same of the opponent's piece."""
PIECE_INDEX = np.where(ENEMY_KIND > 0, ENEMY_KIND + NUM_KINDS_OF_PIECE, OWN_KIND) - np.int8(1)
"""Piece number [256] by board code: own 0..13, the opponent's 14..27, -1 no piece."""
CONTENTS = np.where(ENEMY_KIND > 0, 2, OWN_KIND > 0).astype(np.int8)
MENACES = _by_piece(2, {1: (*_MAJOR, KING), 3: (LANCE, KNIGHT), 4: (PAWN,)})
TARGET_RANKS = _by_piece(2, {0: (KING,), 1: (PAWN, LANCE, KNIGHT), 3: _MAJOR})
"""How much a piece is worth as a target."""
_CLASSES = np.arange(NUM_CLASSES)
_KIND_STARTS = (FIRST_PROMOTION_CLASS, FIRST_DROP_CLASS)
MOVE_KINDS = np.searchsorted(_KIND_STARTS, _CLASSES, side="right").astype(np.int8)
DROPPED = (PAWN + np.maximum(_CLASSES - FIRST_DROP_CLASS, 0)).astype(np.int8)
"""Piece code [27] by class of move: the one that is dropped; for moves on the board a pawn."""
_COUNTS = [
    *((OWN_HAND.start + k, features.row(features.HAND, 0, k)) for k in range(2 * NUM_HAND_TYPES)),
    (IN_CHECK, features.CHECK.first),
    (REPETITION, features.REPETITION.first),
    (TO_MOVE, features.TO_MOVE.first),
]
COUNT_BYTES, COUNT_ROWS = np.array(_COUNTS, dtype=np.int16).T.copy()
"""Bytes [17] of a state that have no row when they are 0, and the rows for 1; more follow those."""
COUNT_LIMITS = np.array([features.MAX_HAND] * 2 * NUM_HAND_TYPES + [1, 2, 1], dtype=np.int16)
"""The highest number [17] that has a row of its own."""
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
SET_BITS = np.argsort(_BITS == 0, axis=1, kind="stable").astype(np.uint8)
"""Positions [256, 8] of the bits of a byte that are 1, lowest first, as many as NUM_SET_BITS."""
NUM_SET_BITS = _BITS.sum(axis=1, dtype=np.uint8)
