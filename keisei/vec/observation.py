"""Observations of one game: planes and the dense mask (docs/spec.md is their card)."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from keisei.shogi.actions import MASK_WORDS
from keisei.shogi.constants import HAND_LIMITS, NUM_ACTIONS, NUM_SQUARES, OTHER_SIDE
from keisei.shogi.features import BOARD, MASK_BYTES, OWN_HAND, STATE_SIZE
from keisei.shogi.intrinsics import fill_bytes, match_bytes, spread_bits, vector_starts
from keisei.shogi.jit import Int, inline_kernel

Observation = NDArray[Any] | dict[str, NDArray[Any]]
"""Planes alone, or two entries: planes or state, then the mask."""

ENEMY_PLANES = 14
HAND_PLANES = 28
"""First of the planes that hold one value on all squares; they follow the state's bytes."""
NUM_PLANES = HAND_PLANES + STATE_SIZE - BOARD.stop
"""Own pieces, the opponent's, hands, check, repetition, colour, progress, plies left."""

PLANE_MAXIMA = np.array([1] * HAND_PLANES + [*HAND_LIMITS, *HAND_LIMITS] + [1, 2, 1, 255, 255])
"""Largest value of each plane; float planes are divided by it."""

_FIRST_VALUE = OWN_HAND.start
_PLANE_CODES = np.array(
    [code + side for side in (0, OTHER_SIDE) for code in range(1, ENEMY_PLANES + 1)], np.uint8
)
_PLANE_SIZE = np.uint64(NUM_SQUARES)
_PLANE_PARTS = vector_starts(NUM_SQUARES)


def observation_space(form: str, dtype: str, keys: tuple[str, ...]) -> gym.Space[Any]:
    """The observation space of one game; arguments as for ``ShogiVectorEnv``."""
    if form == "compact":
        state = gym.spaces.Box(0, 255, (STATE_SIZE,), np.uint8)
        bits = gym.spaces.Box(0, 255, (MASK_BYTES,), np.uint8)
        return gym.spaces.Dict(dict(zip(keys, (state, bits), strict=True)))
    shape = (NUM_PLANES, 9, 9)
    if dtype == "float32":
        planes = gym.spaces.Box(0.0, 1.0, shape, np.float32)
    else:
        planes = gym.spaces.Box(0, 255, shape, np.uint8)
    if form == "box":
        return planes
    mask = gym.spaces.Box(0, 1, (NUM_ACTIONS,), np.int8)
    return gym.spaces.Dict(dict(zip(keys, (planes, mask), strict=True)))


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
