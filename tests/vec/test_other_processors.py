"""The same games on processors without the vector instructions of this one."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

GAMES = """
import hashlib
import numpy as np
from keisei.vec import ShogiVectorEnv

digest = hashlib.sha256()
for form in ("compact", "dict"):
    env = ShogiVectorEnv(70, obs=form, max_plies=200)
    env.reset(seed=1)
    for _ in range(250):
        obs, rewards, terminations, truncations, _ = env.step(env.sample_actions())
        for array in (*obs.values(), rewards, terminations, truncations):
            digest.update(np.ascontiguousarray(array))
    for array in env.get_state().values():
        digest.update(array)
print(digest.hexdigest())
"""


def played(**environment: str) -> str:
    """A digest of all that some games show, played by a new process."""
    return subprocess.run(
        [sys.executable, "-c", GAMES],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names processors of that family")
def test_games_do_not_depend_on_the_processor(tmp_path: Path) -> None:
    other = played(NUMBA_CPU_NAME="x86-64", NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(tmp_path))
    assert other == played()
