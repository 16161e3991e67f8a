"""Legal moves, checks and packed masks of whole blocks of slots."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import LANES, WORDS
from keisei.games.masks import new_mask_scratch, pack_planes
from keisei.games.movegen import (
    ANY_MOVE_WORD,
    CHECKERS_WORD,
    PAWN_CHECK_WORD,
    forbid_mating_pawn_drop,
    generate_slot,
    new_planes,
)
from keisei.shogi.bitboard import ONE, ZERO, Bitboard, lowest_bit
from keisei.shogi.jit import Int, inline_kernel, kernel_part

_LANES = np.uint64(LANES)
_CHECKERS = np.uint64(CHECKERS_WORD * LANES)
_ANY_MOVE = np.uint64(ANY_MOVE_WORD * LANES)
_PAWN_CHECK = np.uint64(PAWN_CHECK_WORD * LANES)


class Scratch(NamedTuple):
    """Room in which one thread finds the moves of one block.

    Attributes:
        planes: uint64, from keisei.games.movegen.new_planes.
        mask: uint64, from keisei.games.masks.new_mask_scratch.
    """

    planes: NDArray[np.uint64]
    mask: NDArray[np.uint64]


def new_scratch() -> Scratch:
    """Room for one thread."""
    return Scratch(new_planes(), new_mask_scratch())


@kernel_part
def generate_block(words: NDArray[np.uint64], block: Int, planes: NDArray[np.uint64]) -> None:
    """Write the legal moves of one block of slots into planes."""
    first = np.uint64(block) * np.uint64(WORDS * LANES)
    for index in range(LANES):
        lane = np.uint64(index)
        generate_slot(words, first + lane, planes, lane)
    # The few lanes in question are listed first: in a plain loop over all of them LLVM would make
    # vector code of the careful test, too, and run it for every slot.
    lanes = ZERO
    for index in range(LANES):
        lane = np.uint64(index)
        lanes |= np.uint64(planes[_PAWN_CHECK + lane] != ZERO) << lane
    while lanes != ZERO:
        lane = np.uint64(lowest_bit(lanes))
        lanes &= lanes - ONE
        forbid_mating_pawn_drop(words, first + lane, planes, lane)


@kernel_part
def find_moves(
    words: NDArray[np.uint64], block: Int, scratch: Scratch, legal: NDArray[np.uint64]
) -> None:
    """Write the packed legal actions of one block's slots; the planes stay in the scratch.

    Args:
        words: uint64, of ``Slots``.
        block: Which block.
        scratch: Of this thread.
        legal: uint64 [slots in whole blocks, MASK_WORDS].
    """
    generate_block(words, block, scratch.planes)
    pack_planes(scratch.planes, 0, scratch.mask, legal, block * LANES)


@inline_kernel
def checkers_in(scratch: Scratch, slot: Int) -> Bitboard:
    """The pieces that give check in a slot of the block last looked at, in the mover's view."""
    at = _CHECKERS + np.uint64(slot) % _LANES
    return scratch.planes[at], scratch.planes[at + _LANES]


@inline_kernel
def gives_check(scratch: Scratch, slot: Int) -> bool:
    """Whether the player to move is in check in a slot of the block last looked at."""
    checkers = checkers_in(scratch, slot)
    return (checkers[0] | checkers[1]) != ZERO


@inline_kernel
def can_move(scratch: Scratch, slot: Int) -> bool:
    """Whether there is a legal move in a slot of the block last looked at."""
    return scratch.planes[_ANY_MOVE + np.uint64(slot) % _LANES] != ZERO
