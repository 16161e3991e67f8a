"""What a new process waits for, and what a game costs in memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Measurement

from keisei.vec import ShogiVectorEnv

NUM_ENVS = 256
MAX_PLIES = 512
STEP = f"""
from keisei.vec import ShogiVectorEnv
env = ShogiVectorEnv({NUM_ENVS}, obs="compact")
env.reset(seed=1)
env.step(env.sample_actions())
"""
TRAIN = "train --num-envs 256 --total-timesteps 256 --device cpu --set display.mode=quiet"

pytestmark = pytest.mark.benchmark(group="start-up")


def run(arguments: list[str], cache: Path, folder: Path) -> None:
    """Run Python with a kernel cache of its own."""
    subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        cwd=folder,
        check=True,
    )


def test_cold_compilation(measure: Measurement, tmp_path: Path) -> None:
    # One step of training: what it waits for beyond a warm one is compilation.
    train = ["-m", "keisei", *TRAIN.split(), "--run-dir"]
    measure.seconds(
        "256 plies of training, all kernels compiled first",
        lambda: run([*train, "cold"], tmp_path / "cache", tmp_path),
        rounds=1,
    )


def test_warm_training(measure: Measurement, tmp_path: Path) -> None:
    train = ["-m", "keisei", *TRAIN.split(), "--run-dir"]
    run([*train, "first"], tmp_path / "cache", tmp_path)
    measure.seconds(
        "256 plies of training, kernels from the cache",
        lambda: run([*train, "warm"], tmp_path / "cache", tmp_path),
        rounds=1,
    )


def test_warm_environment(measure: Measurement, tmp_path: Path) -> None:
    run(["-c", STEP], tmp_path / "cache", tmp_path)
    measure.seconds(
        "new process: import, 256 games, one step",
        lambda: run(["-c", STEP], tmp_path / "cache", tmp_path),
        rounds=5,
    )


def test_memory(measure: Measurement) -> None:
    env = ShogiVectorEnv(NUM_ENVS, max_plies=MAX_PLIES, obs="compact")
    env.reset(seed=1)
    held = sum(array.nbytes for array in env.get_state().values())
    measure.size(f"memory a game, max_plies = {MAX_PLIES}", held / NUM_ENVS, "bytes")
