"""The forms of observations as spaces of Gymnasium."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from keisei.games.observing import NUM_PLANES
from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import MASK_BYTES, STATE_SIZE

Observation = NDArray[Any] | dict[str, NDArray[Any]]
"""Planes alone, or two entries: planes or state, then the mask."""


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
