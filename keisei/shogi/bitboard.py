"""Sets of squares as pairs of words, without branches and without tables.

A bitboard is ``(lo, hi)``, two ``uint64``: bit ``s`` of ``lo`` is square ``s`` for files 1 to 7
(63 bits), bit ``s - 63`` of ``hi`` is square ``s`` for files 8 and 9 (18 bits). All other bits
are 0. Vertical moves never cross the words. Directions are those of the player whose view it is:
up is towards rank a (``square - 1``), left is towards file 9 (``square + 9``).

Every function here is inlined; in a loop over the games of a block LLVM turns them into vector
code that runs several games at once.
"""

import numpy as np

from keisei.shogi.constants import NUM_SQUARES
from keisei.shogi.jit import Int, inline_kernel

Bitboard = tuple[np.uint64, np.uint64]

LO_BITS = np.uint64(63)
LO_MASK = np.uint64((1 << 63) - 1)
HI_MASK = np.uint64((1 << 18) - 1)
ZERO = np.uint64(0)
ONE = np.uint64(1)


def squares_bitboard(squares: "set[int] | range | list[int]") -> Bitboard:
    """The bitboard of some squares, for constants and tests."""
    bits = sum(1 << square for square in squares)
    return np.uint64(bits & int(LO_MASK)), np.uint64(bits >> int(LO_BITS))


def bitboard_squares(board: Bitboard) -> list[int]:
    """The squares of a bitboard in ascending order, for tests and single games."""
    bits = int(board[0]) | int(board[1]) << int(LO_BITS)
    return [square for square in range(NUM_SQUARES) if bits >> square & 1]


def _ranks(*ranks: int) -> Bitboard:
    return squares_bitboard([s for s in range(NUM_SQUARES) if s % 9 in ranks])


ALL = squares_bitboard(range(NUM_SQUARES))
ZONE = _ranks(0, 1, 2)
"""The last three ranks of the player whose view it is."""
NOT_RANK_1 = _ranks(1, 2, 3, 4, 5, 6, 7, 8)
NOT_RANKS_1_2 = _ranks(2, 3, 4, 5, 6, 7, 8)
NOT_RANK_9 = _ranks(0, 1, 2, 3, 4, 5, 6, 7)
NOT_RANKS_8_9 = _ranks(0, 1, 2, 3, 4, 5, 6)


@inline_kernel
def and_(a: Bitboard, b: Bitboard) -> Bitboard:
    """Squares in a and in b."""
    return a[0] & b[0], a[1] & b[1]


@inline_kernel
def or_(a: Bitboard, b: Bitboard) -> Bitboard:
    """Squares in a or in b."""
    return a[0] | b[0], a[1] | b[1]


@inline_kernel
def and_not(a: Bitboard, b: Bitboard) -> Bitboard:
    """Squares in a and not in b."""
    return a[0] & ~b[0], a[1] & ~b[1]


@inline_kernel
def not_(a: Bitboard) -> Bitboard:
    """Squares not in a."""
    return a[0] ^ LO_MASK, a[1] ^ HI_MASK


@inline_kernel
def where(mask: np.uint64, a: Bitboard) -> Bitboard:
    """The squares of a where the mask is all ones, none where it is 0."""
    return a[0] & mask, a[1] & mask


@inline_kernel
def mask_if(condition: bool) -> np.uint64:  # noqa: FBT001
    """All ones if the condition holds, else 0."""
    return ZERO - np.uint64(condition)


@inline_kernel
def mask_if_any(a: Bitboard) -> np.uint64:
    """All ones if there is a square in a, else 0."""
    return ZERO - np.uint64((a[0] | a[1]) != ZERO)


@inline_kernel
def popcount(word: np.uint64) -> Int:
    """Number of bits that are set (Hacker's Delight, 5-1; LLVM knows the pattern)."""
    word -= (word >> ONE) & np.uint64(0x5555555555555555)
    pairs = np.uint64(0x3333333333333333)
    word = (word & pairs) + ((word >> np.uint64(2)) & pairs)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inline_kernel
def lowest_bit(word: np.uint64) -> Int:
    """Index of the lowest bit of a word that is not 0."""
    return popcount((word & (ZERO - word)) - ONE)


@inline_kernel
def count(a: Bitboard) -> Int:
    """Number of squares in a."""
    return popcount(a[0]) + popcount(a[1])


@inline_kernel
def several(a: Bitboard) -> bool:
    """True if there are at least two squares in a."""
    # The carry into bit 63 says that lo is not 0. A comparison would do, but beside lo - 1 LLVM
    # makes it an overflow test, and then no loop with it becomes vector code.
    lo_any = ZERO - ((a[0] + LO_MASK) >> LO_BITS)
    more = (a[0] & (a[0] - ONE)) | (a[1] & (a[1] - ONE)) | (a[1] & lo_any)
    return more != ZERO


@inline_kernel
def plus(a: Bitboard, step: np.uint64) -> Bitboard:
    """Every square moved to square + step."""
    lo, hi = a
    return (lo << step) & LO_MASK, ((hi << step) | (lo >> (LO_BITS - step))) & HI_MASK


@inline_kernel
def minus(a: Bitboard, step: np.uint64) -> Bitboard:
    """Every square moved to square - step."""
    lo, hi = a
    return (lo >> step) | ((hi << (LO_BITS - step)) & LO_MASK), hi >> step


_S1 = np.uint64(1)
_S7 = np.uint64(7)
_S8 = np.uint64(8)
_S9 = np.uint64(9)
_S10 = np.uint64(10)
_S11 = np.uint64(11)
_S2 = np.uint64(2)
_S4 = np.uint64(4)


@inline_kernel
def up(a: Bitboard) -> Bitboard:
    """One step forward."""
    return and_(minus(a, _S1), NOT_RANK_9)


@inline_kernel
def down(a: Bitboard) -> Bitboard:
    """One step backward."""
    return and_(plus(a, _S1), NOT_RANK_1)


@inline_kernel
def left(a: Bitboard) -> Bitboard:
    """One step to the left."""
    return plus(a, _S9)


@inline_kernel
def right(a: Bitboard) -> Bitboard:
    """One step to the right."""
    return minus(a, _S9)


@inline_kernel
def up_left(a: Bitboard) -> Bitboard:
    """One step forward and left."""
    return and_(plus(a, _S8), NOT_RANK_9)


@inline_kernel
def up_right(a: Bitboard) -> Bitboard:
    """One step forward and right."""
    return and_(minus(a, _S10), NOT_RANK_9)


@inline_kernel
def down_left(a: Bitboard) -> Bitboard:
    """One step backward and left."""
    return and_(plus(a, _S10), NOT_RANK_1)


@inline_kernel
def down_right(a: Bitboard) -> Bitboard:
    """One step backward and right."""
    return and_(minus(a, _S8), NOT_RANK_1)


@inline_kernel
def up2_left(a: Bitboard) -> Bitboard:
    """The knight's jump forward and left."""
    return and_(plus(a, _S7), NOT_RANKS_8_9)


@inline_kernel
def up2_right(a: Bitboard) -> Bitboard:
    """The knight's jump forward and right."""
    return and_(minus(a, _S11), NOT_RANKS_8_9)


@inline_kernel
def down2_left(a: Bitboard) -> Bitboard:
    """The opponent's knight's jump, to the left of this view."""
    return and_(plus(a, _S11), NOT_RANKS_1_2)


@inline_kernel
def down2_right(a: Bitboard) -> Bitboard:
    """The opponent's knight's jump, to the right of this view."""
    return and_(minus(a, _S7), NOT_RANKS_1_2)


# Rays by parallel prefix (Kogge-Stone): after the steps of 1, 2 and 4 squares every source has
# spread over up to 7 free squares, and one step more reaches the blocker. ``landing`` leaves out
# the rank that a step would wrap around to.


@inline_kernel
def _ray_plus(a: Bitboard, free: Bitboard, step: np.uint64, landing: Bitboard) -> Bitboard:
    free = and_(free, landing)
    a = or_(a, and_(plus(a, step), free))
    free = and_(free, plus(free, step))
    a = or_(a, and_(plus(a, step * _S2), free))
    free = and_(free, plus(free, step * _S2))
    a = or_(a, and_(plus(a, step * _S4), free))
    return and_(plus(a, step), landing)


@inline_kernel
def _ray_minus(a: Bitboard, free: Bitboard, step: np.uint64, landing: Bitboard) -> Bitboard:
    free = and_(free, landing)
    a = or_(a, and_(minus(a, step), free))
    free = and_(free, minus(free, step))
    a = or_(a, and_(minus(a, step * _S2), free))
    free = and_(free, minus(free, step * _S2))
    a = or_(a, and_(minus(a, step * _S4), free))
    return and_(minus(a, step), landing)


@inline_kernel
def ray_up(a: Bitboard, free: Bitboard) -> Bitboard:
    """Squares forward of each source, up to and with the first that is not free."""
    return _ray_minus(a, free, _S1, NOT_RANK_9)


@inline_kernel
def ray_down(a: Bitboard, free: Bitboard) -> Bitboard:
    """Squares backward of each source, up to and with the first that is not free."""
    return _ray_plus(a, free, _S1, NOT_RANK_1)


@inline_kernel
def ray_left(a: Bitboard, free: Bitboard) -> Bitboard:
    """Squares left of each source, up to and with the first that is not free."""
    return _ray_plus(a, free, _S9, ALL)


@inline_kernel
def ray_right(a: Bitboard, free: Bitboard) -> Bitboard:
    """Squares right of each source, up to and with the first that is not free."""
    return _ray_minus(a, free, _S9, ALL)


@inline_kernel
def ray_up_left(a: Bitboard, free: Bitboard) -> Bitboard:
    """Squares forward left of each source, up to and with the first that is not free."""
    return _ray_plus(a, free, _S8, NOT_RANK_9)


@inline_kernel
def ray_up_right(a: Bitboard, free: Bitboard) -> Bitboard:
    """Squares forward right of each source, up to and with the first that is not free."""
    return _ray_minus(a, free, _S10, NOT_RANK_9)


@inline_kernel
def ray_down_left(a: Bitboard, free: Bitboard) -> Bitboard:
    """Squares backward left of each source, up to and with the first that is not free."""
    return _ray_plus(a, free, _S10, NOT_RANK_1)


@inline_kernel
def ray_down_right(a: Bitboard, free: Bitboard) -> Bitboard:
    """Squares backward right of each source, up to and with the first that is not free."""
    return _ray_minus(a, free, _S8, NOT_RANK_1)


_FILE_BOTTOMS_LO = np.uint64(sum(1 << (9 * f) for f in range(7)))
_FILE_BOTTOMS_HI = np.uint64(sum(1 << (9 * f) for f in range(2)))
_LOWER_8 = np.uint64(0xFF)


@inline_kernel
def _full_fields(word: np.uint64, bottoms: np.uint64) -> np.uint64:
    """Fill each 9-bit field that holds a bit; the carry into bit 8 says which do."""
    lower = bottoms * _LOWER_8
    tops = ((((word & lower) + lower) | word) >> _S8) & bottoms
    return (tops << _S9) - tops


@inline_kernel
def files_of(a: Bitboard) -> Bitboard:
    """All squares of each file that holds a square of a."""
    return _full_fields(a[0], _FILE_BOTTOMS_LO), _full_fields(a[1], _FILE_BOTTOMS_HI)
