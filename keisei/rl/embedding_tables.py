"""Numbering of the embedding rows, and the small board tables that turn a state into row numbers.

A position is a set of rows of the *input table*: one for each (piece, square), (hand, count) and
flag, and one for each (piece, offset from a king) within three files and ranks of either king.
A move is four rows of the *move table*: its label; (piece, kind, captured piece); (piece after
the move, destination relative to the enemy king); the same relative to the own king.

Everything here derives from the compact state (:mod:`keisei.shogi.features`) alone. A square
number 81 stands for "not on the board" throughout; boards are padded with an empty square there.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.constants import (
    DRAGON,
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    HAND_LIMITS,
    NUM_ACTIONS,
    NUM_CLASSES,
    NUM_DIRECTIONS,
    NUM_FILES,
    NUM_HAND_TYPES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
)

OFF_BOARD = NUM_SQUARES
NUM_KINDS_OF_PIECE = DRAGON
"""Own piece codes 1..14."""
NUM_PIECES = 2 * NUM_KINDS_OF_PIECE
"""Own 0..13 and the opponent's 14..27, as numbered by :data:`PIECE_INDEX`."""
MAX_HAND = max(HAND_LIMITS)
FLAG_BUCKETS = 16
"""PROGRESS and PLIES_LEFT are read in this many equal steps of ``256 // FLAG_BUCKETS``."""
BUCKET_SHIFT = 4
WINDOW_REACH = 3
WINDOW_SIZE = (2 * WINDOW_REACH + 1) ** 2

# Rows of the input table.
PIECE_SQUARE_ROW = 0
HAND_ROW = PIECE_SQUARE_ROW + NUM_PIECES * NUM_SQUARES
CHECK_ROW = HAND_ROW + 2 * NUM_HAND_TYPES * MAX_HAND
REPETITION_ROW = CHECK_ROW + 1
TO_MOVE_ROW = REPETITION_ROW + 2
PROGRESS_ROW = TO_MOVE_ROW + 1
PLIES_LEFT_ROW = PROGRESS_ROW + FLAG_BUCKETS
OWN_WINDOW_ROW = PLIES_LEFT_ROW + FLAG_BUCKETS
ENEMY_WINDOW_ROW = OWN_WINDOW_ROW + NUM_PIECES * WINDOW_SIZE
NUM_INPUT_ROWS = ENEMY_WINDOW_ROW + NUM_PIECES * WINDOW_SIZE
MAX_INPUT_ROWS = NUM_SQUARES + 2 * NUM_HAND_TYPES + 5 + 2 * WINDOW_SIZE
"""No position has more rows than this."""

# Rows of the move table.
PLAIN_KIND, PROMOTION_KIND, DROP_KIND = 0, 1, 2
NUM_MOVE_KINDS = 3
NUM_CAPTURED = NUM_KINDS_OF_PIECE + 1
"""Captured piece: 0 none, 1..14 by piece code."""
KING_SPAN = 2 * NUM_FILES - 1
NO_KING_OFFSET = KING_SPAN * KING_SPAN
NUM_KING_OFFSETS = NO_KING_OFFSET + 1
LABEL_ROW = 0
EXCHANGE_ROW = LABEL_ROW + NUM_ACTIONS
ENEMY_KING_ROW = EXCHANGE_ROW + NUM_KINDS_OF_PIECE * NUM_MOVE_KINDS * NUM_CAPTURED
OWN_KING_ROW = ENEMY_KING_ROW + NUM_KINDS_OF_PIECE * NUM_KING_OFFSETS
NUM_MOVE_ROWS = OWN_KING_ROW + NUM_KINDS_OF_PIECE * NUM_KING_OFFSETS
ROWS_PER_MOVE = 4
MAX_MOVES = 593
"""No shogi position has more legal moves."""

MAX_STEPS = NUM_FILES - 1
_TRAVEL = (
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
"""(files, ranks) of one step in each direction: LEFT is towards higher file numbers."""
_KNIGHT_DIRECTIONS = (8, 9)


def _square(file: int, rank: int) -> int:
    if 0 <= file < NUM_FILES and 0 <= rank < NUM_RANKS:
        return NUM_RANKS * file + rank
    return OFF_BOARD


def _squares_behind() -> NDArray[np.int64]:
    """Squares int64[10, 81, 8] met when walking back from a destination, nearest first."""
    behind = np.full((NUM_DIRECTIONS, NUM_SQUARES, MAX_STEPS), OFF_BOARD, dtype=np.int64)
    for direction, (files, ranks) in enumerate(_TRAVEL):
        steps = 1 if direction in _KNIGHT_DIRECTIONS else MAX_STEPS
        for square in range(NUM_SQUARES):
            file, rank = divmod(square, NUM_RANKS)
            for step in range(1, steps + 1):
                origin = _square(file - step * files, rank - step * ranks)
                behind[direction, square, step - 1] = origin
    return behind


def _windows() -> NDArray[np.int64]:
    """Squares int64[82, 49] within WINDOW_REACH of a king's square, the king's own left out."""
    windows = np.full((NUM_SQUARES + 1, WINDOW_SIZE), OFF_BOARD, dtype=np.int64)
    reach = range(-WINDOW_REACH, WINDOW_REACH + 1)
    offsets = [(files, ranks) for files in reach for ranks in reach]
    for king in range(NUM_SQUARES):
        file, rank = divmod(king, NUM_RANKS)
        for slot, (files, ranks) in enumerate(offsets):
            if (files, ranks) != (0, 0):
                windows[king, slot] = _square(file + files, rank + ranks)
    return windows


def _king_offsets() -> NDArray[np.int64]:
    """Number int64[82, 81] of a square's offset from a king's square; 289 without a king."""
    offsets = np.full((NUM_SQUARES + 1, NUM_SQUARES), NO_KING_OFFSET, dtype=np.int64)
    files, ranks = np.divmod(np.arange(NUM_SQUARES), NUM_RANKS)
    offset_files = files[None, :] - files[:, None] + NUM_FILES - 1
    offset_ranks = ranks[None, :] - ranks[:, None] + NUM_RANKS - 1
    offsets[:NUM_SQUARES] = KING_SPAN * offset_files + offset_ranks
    return offsets


def _piece_index() -> NDArray[np.int64]:
    """Piece number int64[256] by board code: own 0..13, the opponent's 14..27, -1 no piece."""
    index = np.full(256, -1, dtype=np.int64)
    own = np.arange(1, NUM_KINDS_OF_PIECE + 1)
    index[own] = own - 1
    index[own + OTHER_SIDE] = own - 1 + NUM_KINDS_OF_PIECE
    return index


def _own_kind() -> NDArray[np.int64]:
    """Own piece code int64[256] by board code: 1..14 for the mover's pieces, else 0."""
    kind = np.zeros(256, dtype=np.int64)
    kind[1 : NUM_KINDS_OF_PIECE + 1] = np.arange(1, NUM_KINDS_OF_PIECE + 1)
    return kind


def _move_kinds() -> NDArray[np.int64]:
    """Kind of move int64[27] by class."""
    kinds = np.full(NUM_CLASSES, PLAIN_KIND, dtype=np.int64)
    kinds[FIRST_PROMOTION_CLASS:FIRST_DROP_CLASS] = PROMOTION_KIND
    kinds[FIRST_DROP_CLASS:] = DROP_KIND
    return kinds


def _set_bits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Positions uint8[256, 8] of the bits of each byte that are 1, lowest first; their number."""
    positions = np.zeros((256, 8), dtype=np.uint8)
    numbers = np.zeros(256, dtype=np.uint8)
    for byte in range(256):
        found = [bit for bit in range(8) if byte >> bit & 1]
        positions[byte, : len(found)] = found
        numbers[byte] = len(found)
    return positions, numbers


# Small integers, so that the tables stay in the first-level cache beside the state.
SQUARES_BEHIND = _squares_behind().astype(np.uint8)
WINDOWS = _windows().astype(np.uint8)
KING_OFFSETS = _king_offsets().astype(np.int16)
PIECE_INDEX = _piece_index().astype(np.int8)
OWN_KIND = _own_kind().astype(np.int8)
ENEMY_KIND = np.roll(OWN_KIND, OTHER_SIDE)
"""Piece code 1..14 int8[256] of the opponent's piece by board code, else 0."""
MOVE_KINDS = _move_kinds().astype(np.int8)
SET_BITS, NUM_SET_BITS = _set_bits()
