"""Game-steps a second by number of games, threads and form of the outputs.

The work is that of test_env_step.py. The games of each number are brought into the middle of play
once; every form and number of threads goes on from there.
"""

from functools import cache

import numpy as np
import pytest
from conftest import Measurement
from numpy.typing import NDArray

from keisei.vec import ShogiVectorEnv

WARM_UP_STEPS = 600
GAME_STEPS_A_ROUND = 65536


@cache
def middle_of_play(num_envs: int) -> dict[str, NDArray[np.generic]]:
    """State of games that have been played at random for a while."""
    env = ShogiVectorEnv(num_envs, obs="compact", copy=False)
    env.reset(seed=1)
    for _ in range(WARM_UP_STEPS):
        env.step(env.sample_actions())
    return env.get_state()


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("num_envs", [64, 256, 1024, 4096, 16384])
@pytest.mark.parametrize(
    ("label", "obs"),
    [
        ("dense mask + uint8 planes", "dict"),
        ("uint8 planes", "box"),
        ("compact state + packed mask", "compact"),
    ],
)
@pytest.mark.benchmark(group="env step by size")
def test_env_step(
    measure: Measurement, label: str, obs: str, num_envs: int, num_threads: int
) -> None:
    env = ShogiVectorEnv(num_envs, obs=obs, num_threads=num_threads)
    env.reset(seed=1)
    env.set_state(middle_of_play(num_envs))
    steps = GAME_STEPS_A_ROUND // num_envs

    def play() -> None:
        for _ in range(steps):
            env.step(env.sample_actions())

    threads = "1 thread" if num_threads == 1 else f"{num_threads} threads"
    name = f"{label}, N = {num_envs}, {threads}"
    measure(name, play, amount=steps * num_envs, unit="game-steps", rounds=7)
    env.close()
