"""Where the positions of many slots lie: a struct of arrays with one layout, known here alone.

The words of the slots lie in blocks of ``LANES``: ``words[(block * WORDS + word) * LANES + lane]``,
so that the move generator can run the slots of a block side by side in vector registers. Both
players' views are kept, which frees the generator of colour: it always moves up. A view holds the
piece codes of all pieces, one bitboard for each of the four bits of a code, and the bitboard of its
owner's pieces.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.bitboard import Bitboard
from keisei.shogi.constants import NUM_HAND_TYPES, NUM_SQUARES
from keisei.shogi.features import ENEMY_HAND
from keisei.shogi.intrinsics import Scalar, copy_bytes, vector_starts
from keisei.shogi.jit import Int, inline_kernel
from keisei.shogi.notation import Placement

LANES = 32
"""Slots a block. LLVM vectorises the loop over a block only if it is this long."""

VIEW_WORDS = 10
"""Code bits 0 to 3 and own pieces, each as (lo, hi)."""
OWN_WORD = 8
HAND_WORD = 20
"""Black's hand, then White's: byte i is the count of hand type i (PAWN to GOLD)."""
TURN_WORD = 22
"""0 when Black is to move, 1 when White is."""
WORDS = 23

VIEW_SIZE = ENEMY_HAND.stop
"""Bytes of a player's view: board and hands."""

_CACHE_LINE = 64
"""Bytes."""
_LANES = np.uint64(LANES)
_VIEW = np.uint64(VIEW_WORDS * LANES)
_OWN = np.uint64(OWN_WORD * LANES)
_VIEW_PARTS = vector_starts(VIEW_SIZE)


class Slots(NamedTuple):
    """The positions of S slots.

    Attributes:
        words: uint64 [blocks * WORDS * LANES], see the module's text.
        boards: uint8 [S, 2, VIEW_SIZE], Black's and White's view as in the compact state: piece
            codes by square, the opponent's + OTHER_SIDE, then own hand and opponent's.
        hashes: uint64 [S], of board and hands.
        plies: int32 [S], moves played since the game's first position.
        check_runs: int32 [S, 2], how many of a player's last moves gave check without a gap.
        repeats: int32 [S], earlier occurrences of the position.
        in_check: uint8 [S], 1 if the player to move is in check.
    """

    words: NDArray[np.uint64]
    boards: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    plies: NDArray[np.int32]
    check_runs: NDArray[np.int32]
    repeats: NDArray[np.int32]
    in_check: NDArray[np.uint8]


def aligned_zeros(shape: int | tuple[int, ...], dtype: type[Scalar]) -> NDArray[Scalar]:
    """Zeros of a shape and type, from the beginning of a cache line on.

    Vectors that cross from one line into the next are read and written more slowly.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + _CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def blocks_of(size: int) -> int:
    """How many blocks so many slots fill, the last one perhaps in part."""
    return -(-size // LANES)


def in_parts(size: int, parts: int) -> list[tuple[int, int]]:
    """So many slots in parts of whole blocks: the first slot of each, and the one past its last."""
    edges = [min(blocks_of(size) * part // parts * LANES, size) for part in range(parts + 1)]
    return list(itertools.pairwise(edges))


def whole_blocks(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows [S, ...] with empty ones behind them that fill the last block."""
    missing = np.zeros((-len(rows) % LANES, *rows.shape[1:]), rows.dtype)
    return np.concatenate([rows, missing])


def new_slots(size: int) -> Slots:
    """Slots with empty boards; the words fill whole blocks."""
    return Slots(
        words=aligned_zeros(blocks_of(size) * WORDS * LANES, np.uint64),
        boards=np.zeros((size, 2, VIEW_SIZE), np.uint8),
        hashes=np.zeros(size, np.uint64),
        plies=np.zeros(size, np.int32),
        check_runs=np.zeros((size, 2), np.int32),
        repeats=np.zeros(size, np.int32),
        in_check=np.zeros(size, np.uint8),
    )


def words_by_slot(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The words of whole blocks with one row a slot, uint64 [slots, WORDS]."""
    return words.reshape(-1, WORDS, LANES).transpose(0, 2, 1).reshape(-1, WORDS)


def words_in_blocks(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The opposite of ``words_by_slot``; the last block is filled."""
    return whole_blocks(rows).reshape(-1, LANES, WORDS).transpose(0, 2, 1).ravel()


def turns_in(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The colour to move in each slot of whole blocks, uint64 [slots]: 0 Black, 1 White."""
    return words.reshape(-1, WORDS, LANES)[:, TURN_WORD].ravel()


def _words_of(slots: Slots, slot: int) -> NDArray[np.uint64]:
    """The words of one slot, uint64 [WORDS]."""
    return slots.words.reshape(-1, WORDS, LANES)[slot // LANES, :, slot % LANES]


def side_to_move(slots: Slots, slot: int) -> int:
    """The colour to move in one slot: 0 Black, 1 White."""
    return int(_words_of(slots, slot)[TURN_WORD])


def placement_of(slots: Slots, slot: int, first_number: int = 1) -> Placement:
    """The position of one slot as pieces on squares and in hands.

    Args:
        slots: The positions.
        slot: Which one.
        first_number: SFEN's number of the move that is due in the game's first position.
    """
    words = _words_of(slots, slot)
    hands = np.ascontiguousarray(words[HAND_WORD : HAND_WORD + 2]).view(np.uint8).reshape(2, 8)
    return Placement(
        board=slots.boards[slot, 0, :NUM_SQUARES].copy(),
        hands=hands[:, :NUM_HAND_TYPES].copy(),
        to_move=int(words[TURN_WORD]),
        move_number=first_number + int(slots.plies[slot]),
    )


@inline_kernel
def block_of(slot: Int) -> Int:
    """The block in which a slot lies."""
    return slot // LANES


@inline_kernel
def slots_of(block: Int, size: Int) -> tuple[Int, Int]:
    """The first slot of a block, and the one past its last of so many."""
    return block * LANES, min((block + 1) * LANES, size)


@inline_kernel
def slot_base(slot: Int) -> np.uint64:
    """Index into ``words`` of a slot's word 0; word w lies ``w * LANES`` further."""
    index = np.uint64(slot)
    return (index // _LANES) * np.uint64(WORDS * LANES) + index % _LANES


@inline_kernel
def turn_of(slots: Slots, slot: Int) -> Int:
    """The player to move: 0 Black, 1 White."""
    return np.int64(slots.words[slot_base(slot) + np.uint64(TURN_WORD * LANES)])


@inline_kernel
def hand_of(slots: Slots, slot: Int, side: Int) -> np.uint64:
    """The word of a side's hand."""
    return slots.words[slot_base(slot) + np.uint64((HAND_WORD + side) * LANES)]


@inline_kernel
def _pick(words: NDArray[np.uint64], at: np.uint64, other: np.uint64) -> Bitboard:
    """A pair of words of the mover's view: White's where ``other`` is all ones."""
    far = at + _VIEW
    lo, hi = words[at], words[at + _LANES]
    return lo ^ ((lo ^ words[far]) & other), hi ^ ((hi ^ words[far + _LANES]) & other)


@inline_kernel
def pieces_of(
    words: NDArray[np.uint64], base: np.uint64, other: np.uint64
) -> tuple[Bitboard, Bitboard, Bitboard, Bitboard, Bitboard]:
    """All pieces by the four bits of their codes, and own ones, in the mover's view.

    Args:
        words: uint64, of ``Slots``.
        base: index of the slot's word 0.
        other: all ones to see the position as White, 0 as Black.
    """
    step = _LANES + _LANES
    b0 = _pick(words, base, other)
    b1 = _pick(words, base + step, other)
    b2 = _pick(words, base + step + step, other)
    b3 = _pick(words, base + step + step + step, other)
    return b0, b1, b2, b3, _pick(words, base + _OWN, other)


@inline_kernel
def copy_slot(slots: Slots, slot: Int, source: Slots, source_slot: Int) -> None:
    """Copy board, hands, side to move, hash and check flag; counts of the game stay."""
    base, source_base = slot_base(slot), slot_base(source_slot)
    for word in range(WORDS):
        offset = np.uint64(word * LANES)
        slots.words[base + offset] = source.words[source_base + offset]
    for view in range(2):
        for index in range(VIEW_SIZE):
            slots.boards[slot, view, index] = source.boards[source_slot, view, index]
    slots.hashes[slot] = source.hashes[source_slot]
    slots.in_check[slot] = source.in_check[source_slot]


@inline_kernel
def repeat_slot(slots: Slots, source: Int, first: Int, last: Int) -> None:
    """Copy one slot with all its counts to each of the slots from first to before last."""
    base = slot_base(source)
    for block in range(first // LANES, (last + LANES - 1) // LANES):
        lane = np.uint64(max(first - block * LANES, 0))
        end = np.uint64(min(last - block * LANES, LANES))
        # Word by word, for a word lies side by side in the slots of a block.
        for word in range(WORDS):
            value = slots.words[base + np.uint64(word * LANES)]
            at = np.uint64((block * WORDS + word) * LANES)
            for index in range(at + lane, at + end):
                slots.words[index] = value
    view = np.uint64(2 * source) * np.uint64(VIEW_SIZE)
    for slot in range(first, last):
        at = np.uint64(2 * slot) * np.uint64(VIEW_SIZE)
        for side in range(2):
            start = np.uint64(side * VIEW_SIZE)
            for part in _VIEW_PARTS:
                copy_bytes(slots.boards, at + start + part, slots.boards, view + start + part)
        slots.hashes[slot] = slots.hashes[source]
        slots.plies[slot] = slots.plies[source]
        slots.check_runs[slot, 0] = slots.check_runs[source, 0]
        slots.check_runs[slot, 1] = slots.check_runs[source, 1]
