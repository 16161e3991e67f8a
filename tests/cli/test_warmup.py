"""``keisei-vec warmup`` compiles all that the other commands need, and keeps it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.command_line import SMALL_RUN
from tests.disks import read_only, small_disk

ENVIRONMENT = """
import gymnasium, keisei
for obs in ("dict", "box", "compact"):
    env = gymnasium.make_vec("keisei/Shogi-v0", num_envs=5, obs=obs)
    env.reset(seed=1)
    for _ in range(3):
        env.step(env.unwrapped.sample_actions())
"""
GO = "usi\nisready\nposition startpos moves 7g7f\ngo nodes 30\ngo byoyomi 300\ngo mate 100\n"
RUN = (*SMALL_RUN, "--num-envs", "64", "--total-timesteps", "1024")
HALVES = ("--set", "opponents.share=0.5", "--set", "training.overlap=on")


def command(
    cache: Path, words: Sequence[str], text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """A new process of Python that keeps its kernels in a folder."""
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def kept(cache: Path) -> dict[str, int]:
    """The files of a cache, and when they were written."""
    return {str(each): each.stat().st_mtime_ns for each in cache.rglob("*.nb?")}


@pytest.mark.slow
def test_after_it_no_command_compiles_anything(tmp_path: Path) -> None:
    cache, run = tmp_path / "cache", str(tmp_path / "run")
    first = command(cache, ["-m", "keisei", "warmup"])
    assert (first.returncode, first.stderr) == (0, "")
    assert "kernels compiled" in first.stdout.splitlines()[-1]
    before = kept(cache)
    assert before
    play = ["-m", "keisei", "match", "--games", "2", "--max-plies", "20"]
    train = ["-m", "keisei", "train", "--run-dir", run, *RUN]
    for words, text in (
        (["-m", "keisei", "warmup"], ""),
        (["-c", ENVIRONMENT], ""),
        ([*train, *HALVES], ""),
        ([*play, "keisei?nodes=20", "greedy"], ""),
        ([*play, "keisei?nodes=20&method=puct", f"{run}?argmax"], ""),
        (["-m", "keisei", "usi"], GO),
    ):
        done = command(cache, words, text)
        assert done.returncode == 0, done.stderr
        assert "Compiling" not in done.stderr
        assert kept(cache) == before, words
        if "warmup" in words:
            assert done.stdout.splitlines()[-1].startswith("All kernels were there; ")


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1000) as folder, read_only(folder):
        done = command(folder, ["-m", "keisei", "warmup"])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: NUMBA_CACHE_DIR={folder} cannot be written; name a folder that can\n"
    )


@pytest.mark.slow
def test_a_disk_without_room_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 60) as folder:
        done = command(folder, ["-m", "keisei", "warmup"])
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: kernels cannot be kept in {folder}")
    assert done.stderr.endswith("No space left on device\n")
