"""Hashes of positions: sums of a well-mixed word for each piece on its square and in a hand."""

import numpy as np

from keisei.shogi.bitboard import ONE
from keisei.shogi.constants import NUM_HAND_TYPES, NUM_SQUARES, OTHER_SIDE
from keisei.shogi.jit import Int, inline_kernel

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_U27, _U30, _U31 = np.uint64(27), np.uint64(30), np.uint64(31)
_HAND_KEY = 81 * 32


@inline_kernel
def mix(x: np.uint64) -> np.uint64:
    """A well-mixed word for each word (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = (x + ONE) * _GOLDEN
    x = (x ^ (x >> _U30)) * _MIX_1
    x = (x ^ (x >> _U27)) * _MIX_2
    return x ^ (x >> _U31)


@inline_kernel
def _absolute_key(code: Int, square: Int) -> np.uint64:
    """Hash of a piece (absolute code) on a square (Black's view)."""
    return mix(np.uint64(code * NUM_SQUARES + square))


@inline_kernel
def piece_key(square: Int, piece: Int, side: Int) -> np.uint64:
    """Hash of a piece of a side on a square of that side's view."""
    if side == 1:
        return _absolute_key(piece + OTHER_SIDE, NUM_SQUARES - 1 - square)
    return _absolute_key(piece, square)


@inline_kernel
def hand_key(side: Int, hand_type: Int) -> np.uint64:
    """Hash of one piece in a hand; n pieces add up to n times this."""
    return mix(np.uint64(_HAND_KEY + side * NUM_HAND_TYPES + hand_type))
