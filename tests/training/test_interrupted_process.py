"""A training process that is interrupted or killed, and resumed, ends like one left in peace."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keisei.training.checkpoint import read_checkpoint
from tests.training.runs import ROLLOUT, assert_same, rows_without_time, small_config

UPDATES = 60
KILLS = 5

pytestmark = pytest.mark.slow


class Run:
    """A run folder and the processes that train in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder.with_suffix(".toml")
        self.config.write_text(small_config(folder, UPDATES).to_toml())

    def start(self) -> "subprocess.Popen[bytes]":
        """Begin the run, or go on with it when it has a checkpoint."""
        command = [sys.executable, "-m", "keisei.cli.main", "train", "--config", str(self.config)]
        if self.checkpoints():
            command += ["--resume", "latest", "--run-dir", str(self.folder)]
        return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def checkpoints(self) -> list[Path]:
        return sorted((self.folder / "checkpoints").glob("*.pt"))

    def begins(self) -> int:
        """How often the loop has begun in this folder."""
        log = self.folder / "train.log"
        return log.read_text().count("Training from timestep") if log.exists() else 0

    def rows(self) -> int:
        path = self.folder / "metrics.jsonl"
        return path.read_text().count("\n") if path.exists() else 0

    def assert_ends_like(self, other: "Run") -> None:
        ours, theirs = self.checkpoints()[-1], other.checkpoints()[-1]
        assert ours.name == theirs.name == f"checkpoint-{UPDATES * ROLLOUT:012d}.pt"
        assert_same(read_checkpoint(ours), read_checkpoint(theirs))
        assert rows_without_time(self.folder) == rows_without_time(other.folder)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was left in peace."""
    run = Run(tmp_path_factory.mktemp("straight") / "run")
    assert run.start().wait() == 0
    return run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_leaves_a_checkpoint_to_go_on_from(
    tmp_path: Path, straight: Run, number: signal.Signals, code: int
) -> None:
    run = Run(tmp_path / "run")
    process = run.start()
    while run.rows() < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait() == code
    log = (run.folder / "train.log").read_text()
    assert f"({number.name})" in log
    reached = int(run.checkpoints()[-1].stem.removeprefix("checkpoint-"))
    assert 3 * ROLLOUT <= reached < UPDATES * ROLLOUT
    assert run.start().wait() == 0
    run.assert_ends_like(straight)


def test_killed_at_random_moments(tmp_path: Path, straight: Run) -> None:
    moments = random.Random(5)
    run = Run(tmp_path / "run")
    codes: list[int] = []
    for _ in range(KILLS):
        begins = run.begins()
        process = run.start()
        while run.begins() == begins and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 1.0))
        process.kill()
        codes.append(process.wait())
    assert codes.count(-signal.SIGKILL) >= 2
    assert run.start().wait() == 0
    run.assert_ends_like(straight)
