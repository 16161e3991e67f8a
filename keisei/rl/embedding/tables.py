"""Numbering of the embedding rows, and the small board tables that turn a state into row numbers.

A position is a set of rows of the *input table*: one for each (piece, square), (hand, count) and
flag; one for each (piece, offset from a king) within three files and ranks of either king; one for
each (piece, own menace, menace); one for each (offset from a king, content, attacks) within two
files and ranks; one for the flights of each king. A move is seven rows of the *move table*: its
label; (piece, kind, captured piece, menace, supported); (piece after the move, destination relative
to the enemy king); the same for the own king; (piece, danger at the origin, attacks on the
destination); (piece after the move, destination near the enemy king, guards, flights); (piece after
the move, threat, guards).

*Attacks* on a square are counted for both sides, up to two each; other pieces block, pins are not
looked at. The *menace* of a side to a square is how cheap its cheapest attacker there is: 0 none, 1
a major piece or the king, 2 a general or what moves like one, 3 a lance or knight, 4 a pawn. A
destination is *supported* when the mover attacks it with another piece, too; *guards* tell that,
and whether the opponent attacks it. *Flights* of a king are the squares around it without a piece
of its own side that the other side does not attack, up to three. A move's *threat* tells what the
piece attacks from its destination: whether the king; the best piece that is worth more than itself
or that nobody protects (1 pawn, lance or knight, 2 general, 3 major piece); and whether there are
several such.

Everything here derives from the compact state (:mod:`keisei.shogi.features`) alone. A square
number 81 stands for "not on the board" throughout; boards are padded with an empty square there.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.constants import (
    BISHOP,
    DRAGON,
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    GOLD,
    HAND_LIMITS,
    HORSE,
    KING,
    KNIGHT,
    LANCE,
    NUM_ACTIONS,
    NUM_CLASSES,
    NUM_FILES,
    NUM_HAND_TYPES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    ROOK,
    SILVER,
)
from keisei.shogi.piece_moves import JUMPS, SLIDES, STEPS, TRAVEL

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
ZONE_REACH = 2
ZONE_SIZE = (2 * ZONE_REACH + 1) ** 2
MAX_ATTACKERS = 2
NUM_ATTACKS = (MAX_ATTACKERS + 1) ** 2
"""Own attackers of a square times (MAX_ATTACKERS + 1), plus the opponent's."""
NUM_CONTENTS = 3
"""What is on a square: 0 nothing, 1 an own piece, 2 one of the opponent's."""
MAX_FLIGHTS = 3
NUM_MENACES = 5

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
ATTACKED_PIECE_ROW = ENEMY_WINDOW_ROW + NUM_PIECES * WINDOW_SIZE
OWN_ZONE_ROW = ATTACKED_PIECE_ROW + NUM_PIECES * NUM_MENACES**2
ENEMY_ZONE_ROW = OWN_ZONE_ROW + ZONE_SIZE * NUM_CONTENTS * NUM_ATTACKS
OWN_FLIGHTS_ROW = ENEMY_ZONE_ROW + ZONE_SIZE * NUM_CONTENTS * NUM_ATTACKS
ENEMY_FLIGHTS_ROW = OWN_FLIGHTS_ROW + MAX_FLIGHTS + 1
NUM_INPUT_ROWS = ENEMY_FLIGHTS_ROW + MAX_FLIGHTS + 1
MAX_INPUT_ROWS = 2 * NUM_SQUARES + 2 * NUM_HAND_TYPES + 7 + 2 * WINDOW_SIZE + 2 * ZONE_SIZE
"""No position has more rows than this."""

# Rows of the move table.
PLAIN_KIND, PROMOTION_KIND, DROP_KIND = 0, 1, 2
NUM_MOVE_KINDS = 3
NUM_CAPTURED = NUM_KINDS_OF_PIECE + 1
"""Captured piece: 0 none, 1..14 by piece code."""
KING_SPAN = 2 * NUM_FILES - 1
NO_KING_OFFSET = KING_SPAN * KING_SPAN
NUM_KING_OFFSETS = NO_KING_OFFSET + 1
NUM_DANGERS = 1 + 2 * NUM_MENACES
"""At the origin: 0 a drop, else 1 plus twice the opponent's menace plus "protected"."""
NOT_NEAR = ZONE_SIZE
NUM_NEAR = NOT_NEAR + 1
NUM_GUARDS = 4
"""Twice "defended" plus "supported"; near the opponent's king, it does not count as a defender."""
NUM_THREATS = 16
"""8 for a check, twice the rank of the best target, 1 for several targets."""
LABEL_ROW = 0
EXCHANGE_ROW = LABEL_ROW + NUM_ACTIONS
ENEMY_KING_ROW = EXCHANGE_ROW + NUM_KINDS_OF_PIECE * NUM_MOVE_KINDS * NUM_CAPTURED * 2 * NUM_MENACES
OWN_KING_ROW = ENEMY_KING_ROW + NUM_KINDS_OF_PIECE * NUM_KING_OFFSETS
DANGER_ROW = OWN_KING_ROW + NUM_KINDS_OF_PIECE * NUM_KING_OFFSETS
MATING_ROW = DANGER_ROW + NUM_KINDS_OF_PIECE * NUM_DANGERS * NUM_ATTACKS
THREAT_ROW = MATING_ROW + NUM_KINDS_OF_PIECE * NUM_NEAR * NUM_GUARDS * (MAX_FLIGHTS + 1)
NUM_MOVE_ROWS = THREAT_ROW + NUM_KINDS_OF_PIECE * NUM_THREATS * NUM_GUARDS
ROWS_PER_MOVE = 7

MAX_STEPS = NUM_FILES - 1
# The opponent's knights jump in two directions in which own pieces do not move.
_ALL_TRAVELS = (*TRAVEL, (-1, 2), (1, 2))
NUM_TRAVELS = len(_ALL_TRAVELS)
_OPPOSITE = tuple(_ALL_TRAVELS.index((-files, -ranks)) for files, ranks in _ALL_TRAVELS)
_ALL_JUMPS = (*JUMPS, *(_OPPOSITE[jump] for jump in JUMPS))


def _square(file: int, rank: int) -> int:
    if 0 <= file < NUM_FILES and 0 <= rank < NUM_RANKS:
        return NUM_RANKS * file + rank
    return OFF_BOARD


def _squares_ahead() -> NDArray[np.int64]:
    """Squares int64[12, 81, 8] met when walking in a direction, nearest first."""
    ahead = np.full((NUM_TRAVELS, NUM_SQUARES, MAX_STEPS), OFF_BOARD, dtype=np.int64)
    for direction, (files, ranks) in enumerate(_ALL_TRAVELS):
        steps = 1 if direction in _ALL_JUMPS else MAX_STEPS
        for square in range(NUM_SQUARES):
            file, rank = divmod(square, NUM_RANKS)
            for step in range(1, steps + 1):
                ahead[direction, square, step - 1] = _square(
                    file + step * files, rank + step * ranks
                )
    return ahead


def _reaches() -> NDArray[np.int64]:
    """How many steps int64[256, 12] the piece of a board code can go in each direction."""
    reaches = np.zeros((256, NUM_TRAVELS), dtype=np.int64)
    for moves, reach in ((STEPS, 1), (SLIDES, MAX_STEPS)):
        for piece, directions in moves.items():
            for direction in directions:
                reaches[piece, direction] = reach
                reaches[piece + OTHER_SIDE, _OPPOSITE[direction]] = reach
    return reaches


def _directions() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Directions int64[256, 8] in which the piece of a board code goes, and their number."""
    reaches = _reaches()
    directions = np.zeros((256, 8), dtype=np.int64)
    for code in range(256):
        found = np.flatnonzero(reaches[code])
        directions[code, : len(found)] = found
    return directions, (reaches > 0).sum(1)


def _windows(reach: int, *, with_king: bool) -> NDArray[np.int64]:
    """Squares int64[82, (2 reach + 1) ** 2] within ``reach`` files and ranks of a king's square."""
    steps = range(-reach, reach + 1)
    offsets = [(files, ranks) for files in steps for ranks in steps]
    windows = np.full((NUM_SQUARES + 1, len(offsets)), OFF_BOARD, dtype=np.int64)
    for king in range(NUM_SQUARES):
        file, rank = divmod(king, NUM_RANKS)
        for slot, (files, ranks) in enumerate(offsets):
            if with_king or (files, ranks) != (0, 0):
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


def _near_slots() -> NDArray[np.int64]:
    """Slot int64[290] in a king's zone by number of the offset from it; NOT_NEAR outside."""
    near = np.full(NUM_KING_OFFSETS, NOT_NEAR, dtype=np.int64)
    for files in range(-ZONE_REACH, ZONE_REACH + 1):
        for ranks in range(-ZONE_REACH, ZONE_REACH + 1):
            offset = KING_SPAN * (files + NUM_FILES - 1) + ranks + NUM_RANKS - 1
            near[offset] = (2 * ZONE_REACH + 1) * (files + ZONE_REACH) + ranks + ZONE_REACH
    return near


def _rings() -> NDArray[np.int64]:
    """1 int64[26] for the slots of a king's zone that touch the king, else 0."""
    ring = np.zeros(NUM_NEAR, dtype=np.int64)
    for slot in range(ZONE_SIZE):
        files, ranks = divmod(slot, 2 * ZONE_REACH + 1)
        ring[slot] = max(abs(files - ZONE_REACH), abs(ranks - ZONE_REACH)) == 1
    return ring


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


def _menaces() -> NDArray[np.int64]:
    """Menace int64[256] of a piece by board code; 0 for none."""
    menaces = np.zeros(256, dtype=np.int64)
    menaces[1 : NUM_KINDS_OF_PIECE + 1] = 2
    menaces[[BISHOP, ROOK, KING, HORSE, DRAGON]] = 1
    menaces[[LANCE, KNIGHT]] = 3
    menaces[PAWN] = 4
    menaces[OTHER_SIDE + 1 : OTHER_SIDE + NUM_KINDS_OF_PIECE + 1] = menaces[
        1 : NUM_KINDS_OF_PIECE + 1
    ]
    return menaces


def _target_ranks() -> NDArray[np.int64]:
    """Rank int64[256] as a target by board code: 1 small, 2 general, 3 major, 0 king or none."""
    ranks = np.zeros(256, dtype=np.int64)
    ranks[[PAWN, LANCE, KNIGHT]] = 1
    ranks[[SILVER, GOLD, *range(PAWN + PROMOTED, SILVER + PROMOTED + 1)]] = 2
    ranks[[BISHOP, ROOK, HORSE, DRAGON]] = 3
    ranks[OTHER_SIDE:][: NUM_KINDS_OF_PIECE + 1] = ranks[: NUM_KINDS_OF_PIECE + 1]
    return ranks


def _contents() -> NDArray[np.int64]:
    """What is on a square int64[256] by board code, as NUM_CONTENTS counts it."""
    piece = _piece_index()
    return np.where(piece < 0, 0, 1 + piece // NUM_KINDS_OF_PIECE)


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
SQUARES_AHEAD = _squares_ahead().astype(np.uint8)
SQUARES_BEHIND = SQUARES_AHEAD[list(_OPPOSITE)]
REACHES = _reaches().astype(np.int8)
DIRECTIONS, NUM_DIRECTIONS_OF = (table.astype(np.uint8) for table in _directions())
WINDOWS = _windows(WINDOW_REACH, with_king=False).astype(np.uint8)
ZONES = _windows(ZONE_REACH, with_king=True).astype(np.uint8)
NEAR_SLOTS = _near_slots().astype(np.int8)
RINGS = _rings().astype(np.int8)
KING_OFFSETS = _king_offsets().astype(np.int16)
PIECE_INDEX = _piece_index().astype(np.int8)
OWN_KIND = _own_kind().astype(np.int8)
ENEMY_KIND = np.roll(OWN_KIND, OTHER_SIDE)
"""Piece code 1..14 int8[256] of the opponent's piece by board code, else 0."""
CONTENTS = _contents().astype(np.int8)
MENACES = _menaces().astype(np.int8)
TARGET_RANKS = _target_ranks().astype(np.int8)
OPPOSITE = np.array(_OPPOSITE, dtype=np.int8)
MOVE_KINDS = _move_kinds().astype(np.int8)
SET_BITS, NUM_SET_BITS = _set_bits()
