"""What players see of positions: compact state, planes, dense mask (docs/spec.md is their card)."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import VIEW_SIZE, Slots, turn_of
from keisei.games.masks import MASK_WORDS
from keisei.shogi.constants import HAND_LIMITS, NUM_SQUARES, OTHER_SIDE
from keisei.shogi.features import (
    BOARD,
    IN_CHECK,
    OWN_HAND,
    PLIES_LEFT,
    PROGRESS,
    REPETITION,
    STATE_SIZE,
    TO_MOVE,
)
from keisei.shogi.intrinsics import (
    copy_bytes,
    fill_bytes,
    match_bytes,
    spread_bits,
    vector_starts,
)
from keisei.shogi.jit import Int, inline_kernel

ENEMY_PLANES = 14
HAND_PLANES = 28
"""First of the planes that hold one value on all squares; they follow the state's bytes."""
NUM_PLANES = HAND_PLANES + STATE_SIZE - BOARD.stop
"""Own pieces, the opponent's, hands, check, repetition, colour, progress, plies left."""

PLANE_MAXIMA = np.array([1] * HAND_PLANES + [*HAND_LIMITS, *HAND_LIMITS] + [1, 2, 1, 255, 255])
"""Largest value of each plane; float planes are divided by it."""

MAX_REPETITION = 2
_MAX_BYTE = 255
_VIEW_PARTS = vector_starts(VIEW_SIZE)
_FIRST_VALUE = OWN_HAND.start
_PLANE_CODES = np.array(
    [code + side for side in (0, OTHER_SIDE) for code in range(1, ENEMY_PLANES + 1)], np.uint8
)
_PLANE_SIZE = np.uint64(NUM_SQUARES)
_PLANE_PARTS = vector_starts(NUM_SQUARES)


@inline_kernel
def write_state(slots: Slots, slot: Int, max_plies: Int, out: NDArray[np.uint8], row: Int) -> None:
    """Write one slot's compact state (keisei.shogi.features).

    Args:
        slots: the positions.
        slot: which one.
        max_plies: the ply cap.
        out: uint8 [rows, STATE_SIZE].
        row: where to write.
    """
    side = turn_of(slots, slot)
    at = np.uint64(row) * np.uint64(STATE_SIZE)
    view = np.uint64(2 * slot + side) * np.uint64(VIEW_SIZE)
    for part in _VIEW_PARTS:
        copy_bytes(out, at + part, slots.boards, view + part)
    ply = slots.plies[slot]
    out[row, IN_CHECK] = slots.in_check[slot]
    out[row, REPETITION] = min(slots.repeats[slot], MAX_REPETITION)
    out[row, TO_MOVE] = side
    out[row, PROGRESS] = min(_MAX_BYTE * ply // max_plies, _MAX_BYTE)
    out[row, PLIES_LEFT] = min(max(max_plies - ply, 0), _MAX_BYTE)


@inline_kernel
def write_planes(states: NDArray[np.uint8], row: Int, out: NDArray[np.uint8], game: Int) -> None:
    """Write one game's planes from its compact state.

    Args:
        states: uint8 [rows, STATE_SIZE].
        row: which of them.
        out: uint8 [N, NUM_PLANES * 81], squares file-major in the mover's view.
        game: where to write.
    """
    at = np.uint64(game) * np.uint64(NUM_PLANES * NUM_SQUARES)
    first = np.uint64(row) * np.uint64(STATE_SIZE)
    for plane in range(HAND_PLANES):
        for part in _PLANE_PARTS:
            match_bytes(out, at + part, states, first + part, _PLANE_CODES[plane])
        at += _PLANE_SIZE
    for plane in range(HAND_PLANES, NUM_PLANES):
        for part in _PLANE_PARTS:
            fill_bytes(out, at + part, states[row, plane - HAND_PLANES + _FIRST_VALUE])
        at += _PLANE_SIZE


@inline_kernel
def write_dense_mask(legal: NDArray[np.uint64], out: NDArray[np.uint64], game: Int) -> None:
    """Spread a game's packed bits to one byte an action, 1 = legal.

    Args:
        legal: uint64 [N, MASK_WORDS].
        out: uint64 [N, 8 * MASK_WORDS]; as bytes a row is the mask, with zeros behind.
        game: which row.
    """
    first = np.uint64(game) * np.uint64(8 * MASK_WORDS)
    for word in range(MASK_WORDS):
        spread_bits(out, first + np.uint64(8 * word), legal[game, word])
