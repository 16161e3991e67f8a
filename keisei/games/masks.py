"""Sets of legal actions: ``MASK_WORDS`` words of packed bits a slot."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import LANES, aligned_zeros, blocks_of
from keisei.shogi.bitboard import LO_BITS, ONE, ZERO, lowest_bit, popcount
from keisei.shogi.constants import NUM_ACTIONS, NUM_CLASSES, NUM_SQUARES
from keisei.shogi.features import MASK_BYTES
from keisei.shogi.jit import Int, inline_kernel

MASK_WORDS = (NUM_ACTIONS + 63) // 64
_SCRATCH_WORDS = MASK_WORDS + 1

_LANES = np.uint64(LANES)
_U6 = np.uint64(6)
_U63 = np.uint64(63)
_TWO_WORDS_ENDED = np.uint64(2 * 64 - NUM_SQUARES)
"""From this bit of a word on, a plane fills the word and the next one."""


def new_masks(size: int) -> NDArray[np.uint64]:
    """Empty sets for so many slots, uint64 [slots in whole blocks, MASK_WORDS]."""
    return aligned_zeros((blocks_of(size) * LANES, MASK_WORDS), np.uint64)


def mask_words(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed masks uint8 [n, MASK_BYTES] as words uint64 [n, MASK_WORDS]."""
    words = np.zeros((len(bits), MASK_WORDS), np.uint64)
    words.view(np.uint8)[:, :MASK_BYTES] = bits
    return words


def unpacked(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Packed masks uint64 [n, MASK_WORDS] as bool [n, 2187], True = legal."""
    bits = words.view(np.uint8)[:, :MASK_BYTES]
    return np.unpackbits(bits, axis=1, count=NUM_ACTIONS, bitorder="little").view(np.bool_)


def new_mask_scratch() -> NDArray[np.uint64]:
    """Room in which ``pack_planes`` joins the planes of one block."""
    return aligned_zeros(_SCRATCH_WORDS * LANES, np.uint64)


@inline_kernel
def pack_planes(
    planes: NDArray[np.uint64],
    at: Int,
    scratch: NDArray[np.uint64],
    legal: NDArray[np.uint64],
    first_game: Int,
) -> None:
    """Join the 27 planes of each game of a block into one row of packed bits.

    Args:
        planes: uint64, the generator's output; its block starts at index ``at``.
        at: see planes.
        scratch: uint64, from ``new_mask_scratch``.
        legal: uint64 [N, MASK_WORDS], bit ``action % 64`` of word ``action // 64`` = legal.
        first_game: row of the block's first game.
    """
    begun = np.uint64(MASK_WORDS * LANES)  # behind the words: what the next one begins with
    for index in range(LANES):
        scratch[begun + np.uint64(index)] = ZERO
    for move_class in range(NUM_CLASSES):
        bit = np.uint64(move_class * NUM_SQUARES)
        shift = bit & _U63
        back = _U63 - shift
        out = (bit >> _U6) * _LANES
        source = np.uint64(at) + np.uint64(2 * move_class * LANES)
        fills_two = ZERO - np.uint64(shift >= _TWO_WORDS_ENDED)
        for index in range(LANES):
            lane = np.uint64(index)
            low = planes[source + lane]
            high = planes[source + _LANES + lane]
            low |= high << LO_BITS
            high >>= ONE
            second = ((low >> ONE) >> back) | (high << shift)
            third = (high >> ONE) >> back
            scratch[out + lane] = scratch[begun + lane] | (low << shift)
            scratch[out + _LANES + lane] = second
            scratch[begun + lane] = second ^ ((second ^ third) & fills_two)
    last = np.uint64((MASK_WORDS - 1) * LANES)
    for index in range(LANES):
        lane = np.uint64(index)
        scratch[last + lane] = scratch[begun + lane]
        for word in range(MASK_WORDS):
            legal[first_game + index, word] = scratch[np.uint64(word * LANES) + lane]


@inline_kernel
def is_legal(legal: NDArray[np.uint64], game: Int, action: Int) -> bool:
    """Whether an action is one of a game's legal ones; any integer may be asked for."""
    if action < 0 or action >= NUM_ACTIONS:
        return False
    word = np.uint64(action)
    return (legal[game, word >> _U6] >> (word & _U63)) & ONE != ZERO


@inline_kernel
def count_legal(legal: NDArray[np.uint64], game: Int) -> Int:
    """Number of a game's legal actions."""
    total = 0
    for word in range(MASK_WORDS):
        total += popcount(legal[game, word])
    return total


@inline_kernel
def nth_legal(legal: NDArray[np.uint64], game: Int, n: Int) -> Int:
    """A game's n-th legal action in ascending order, n from 0; -1 if there are not so many."""
    for word in range(MASK_WORDS):
        bits = legal[game, word]
        count = popcount(bits)
        if n < count:
            for _ in range(n):
                bits &= bits - ONE
            return word * 64 + lowest_bit(bits)
        n -= count
    return -1
