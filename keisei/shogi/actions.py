"""The 2187 actions: 27 move classes times 81 destinations, seen by the player who moves.

``action = 81 * move_class + destination``. Classes 0 to 9 are the directions of travel (UP,
UP_LEFT, UP_RIGHT, LEFT, RIGHT, DOWN, DOWN_LEFT, DOWN_RIGHT, UP2_LEFT, UP2_RIGHT), 10 to 19 the
same with promotion, 20 to 26 drops of PAWN to GOLD. The origin of a move on the board is the first
own piece met when walking back from the destination. These are the labels of dlshogi, cshogi and
pgx. A set of legal actions is kept as ``MASK_WORDS`` words of packed bits.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.bitboard import LO_BITS, ONE, ZERO, lowest_bit, popcount
from keisei.shogi.constants import (
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    NUM_ACTIONS,
    NUM_CLASSES,
    NUM_SQUARES,
)
from keisei.shogi.jit import Int, inline_kernel, kernel
from keisei.shogi.position import LANES, Games, aligned_zeros, origin_square, turn_of

MASK_WORDS = (NUM_ACTIONS + 63) // 64
_SCRATCH_WORDS = MASK_WORDS + 1

# (down, right): UP, UP_LEFT, UP_RIGHT, LEFT, RIGHT, DOWN, DOWN_LEFT, DOWN_RIGHT.
_DIRECTION_BY_SIGNS = {
    (-1, 0): 0,
    (-1, -1): 1,
    (-1, 1): 2,
    (0, -1): 3,
    (0, 1): 4,
    (1, 0): 5,
    (1, -1): 6,
    (1, 1): 7,
}

_LANES = np.uint64(LANES)
_U6 = np.uint64(6)
_U63 = np.uint64(63)
_TWO_WORDS_ENDED = np.uint64(2 * 64 - NUM_SQUARES)
"""From this bit of a word on, a plane fills the word and the next one."""


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


@kernel
def action_parts(games: Games, game: int, action: int) -> tuple[Int, Int, bool, Int]:
    """What a legal action does: (origin, destination, promotes, piece dropped).

    Squares are in the mover's view; the origin is -1 for a drop, the piece 0 for a move on the
    board.
    """
    move_class = action // NUM_SQUARES
    to = action % NUM_SQUARES
    if move_class >= FIRST_DROP_CLASS:
        return -1, to, False, move_class - FIRST_DROP_CLASS + 1
    direction = move_class % FIRST_PROMOTION_CLASS
    origin = origin_square(games, game, turn_of(games, game), direction, to)
    return origin, to, move_class >= FIRST_PROMOTION_CLASS, 0


def board_action(origin: int, to: int, promote: bool) -> int | None:  # noqa: FBT001
    """The action of a move on the board, squares in the mover's view; None if no piece moves so."""
    files = origin // 9 - to // 9
    ranks = to % 9 - origin % 9
    if ranks == -2 and abs(files) == 1:
        direction = 9 if files > 0 else 8
    elif files == 0 or ranks == 0 or abs(files) == abs(ranks):
        sign = ((ranks > 0) - (ranks < 0), (files > 0) - (files < 0))
        direction = _DIRECTION_BY_SIGNS.get(sign, -1)
        if direction < 0:
            return None
    else:
        return None
    return (direction + (FIRST_PROMOTION_CLASS if promote else 0)) * NUM_SQUARES + to


def drop_action(piece: int, to: int) -> int:
    """The action that drops a piece (PAWN to GOLD) on a square of the mover's view."""
    return (FIRST_DROP_CLASS + piece - 1) * NUM_SQUARES + to
