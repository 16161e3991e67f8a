"""Observations of one game: planes and the dense mask (docs/spec.md is their card)."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from keisei.shogi.actions import MASK_WORDS
from keisei.shogi.constants import EMPTY, HAND_LIMITS, NUM_ACTIONS, NUM_SQUARES, OTHER_SIDE
from keisei.shogi.features import BOARD, MASK_BYTES, OWN_HAND, STATE_SIZE
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
_SPREAD_BYTE = np.unpackbits(
    np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"
).view(np.uint64)[:, 0]
"""The eight bits of each byte as the eight bytes, 0 or 1, of a word."""
_U8 = np.uint64(8)
_BYTE = np.uint64(0xFF)


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
def write_planes(state: NDArray[np.uint8], out: NDArray[np.uint8], game: Int) -> None:
    """Write one game's planes from its compact state.

    Args:
        state: uint8 [1, STATE_SIZE].
        out: uint8 [N, NUM_PLANES * 81], squares file-major in the mover's view.
        game: where to write.
    """
    for index in range(HAND_PLANES * NUM_SQUARES):
        out[game, index] = 0
    for square in range(NUM_SQUARES):
        # Without a branch, which would be guessed wrong too often: an empty square writes the 0
        # that plane 0 holds there anyway.
        code = np.int64(state[0, square])
        taken = np.int64(code != EMPTY)
        enemy = np.int64(code >= OTHER_SIDE)
        plane = code - taken - enemy * (OTHER_SIDE - ENEMY_PLANES)
        out[game, plane * NUM_SQUARES + square] = taken
    for plane in range(HAND_PLANES, NUM_PLANES):
        value = state[0, plane - HAND_PLANES + _FIRST_VALUE]
        for square in range(NUM_SQUARES):
            out[game, plane * NUM_SQUARES + square] = value


@inline_kernel
def write_dense_mask(legal: NDArray[np.uint64], out: NDArray[np.uint64], game: Int) -> None:
    """Spread a game's packed bits to one byte an action, 1 = legal.

    Args:
        legal: uint64 [N, MASK_WORDS].
        out: uint64 [N, 8 * MASK_WORDS]; as bytes a row is the mask, with zeros behind.
        game: which row.
    """
    for word in range(MASK_WORDS):
        bits = legal[game, word]
        for byte in range(8):
            out[game, 8 * word + byte] = _SPREAD_BYTE[(bits >> (_U8 * np.uint64(byte))) & _BYTE]
