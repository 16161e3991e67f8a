"""A training run in processes of its own, and the faults that can befall it."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from keisei.training.checkpoint import CheckpointFolder, read_checkpoint
from tests.disks import fill, read_only
from tests.training.runs import EMBEDDING, ROLLOUT, assert_same, rows_without_time, small_config

UPDATES = 30
_SETTINGS = {
    **EMBEDDING,  # the processes know the networks that ship and no other
    "env.random_opening_share": 0.5,
    "env.random_opening_plies": 4,
    "opponents.share": 0.5,
    "opponents.enter_updates": 5,
    "opponents.enter_games": 4,
    "opponents.active": 1,
    "opponents.pool_size": 2,
    "session.keep_checkpoints": 2,
}
PATIENCE = 600.0
"""Seconds after which something that has not come will never come."""
_EARLY_SHARE = 0.25
"""How many faults come while a run still begins."""


class Run:
    """A run folder and the processes that train in it."""

    def __init__(self, folder: Path, processes: int = 1, beside: Path | None = None) -> None:
        """Write the settings of a run into a folder, by default the one that its own lies in."""
        self.folder = folder
        self.processes = processes
        self.config = (beside or folder.parent) / f"{folder.name}.toml"
        self.errors = self.config.with_suffix(".txt")
        settings = {**_SETTINGS, "session.processes": processes}
        self.config.write_text(small_config(folder, UPDATES, **settings).to_toml())

    def start(self) -> "subprocess.Popen[bytes]":
        """Begin the run, or go on with it when it has a checkpoint."""
        command = [sys.executable, "-m", "keisei.cli.main", "train", "--config", str(self.config)]
        if self.checkpoints():
            command += ["--resume", "latest", "--run-dir", str(self.folder)]
        with self.errors.open("wb") as errors:
            return subprocess.Popen(
                command,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stderr=errors,
                start_new_session=True,
            )

    def checkpoints(self) -> list[Path]:
        return CheckpointFolder(self.folder / "checkpoints", 1).paths()

    def timestep(self) -> int:
        """Of the newest checkpoint; -1 without one."""
        steps = [int(path.stem.removeprefix("checkpoint-")) for path in self.checkpoints()]
        return max(steps, default=-1)

    def is_complete(self) -> bool:
        return self.timestep() == UPDATES * ROLLOUT

    def unfinished(self) -> set[Path]:
        """Files that somebody who was killed has left half written."""
        return set(self.folder.rglob("*.tmp"))

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
        for name in ("best.json", "policy.safetensors"):
            path = Path("checkpoints", name)
            assert (self.folder / path).read_bytes() == (other.folder / path).read_bytes(), name
        best = Path("checkpoints", "best.pt")
        assert_same(read_checkpoint(self.folder / best), read_checkpoint(other.folder / best))


class Attempt:
    """One call of the command line that trains, and its processes.

    Attributes:
        run: What it trains.
        process: The one that was called.
        rng: Draws moments and victims.
    """

    def __init__(self, run: Run, rng: random.Random) -> None:
        self._begins = run.begins()
        self.run = run
        self.rng = rng
        self.process = run.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind, also after a failure."""
        for member in self.members():
            self.send(member, signal.SIGKILL)
        self.process.wait()

    def members(self) -> list[int]:
        """Its processes that live, the called one first."""
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            # What stands behind the name: state, parent, group, session.
            with suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.process.pid and fields[0] != "Z":
                    found.append(int(folder.name))
        return sorted(found)

    def ranks(self) -> list[int]:
        """Its processes that train; the called one alone when there is no other."""
        found: list[int] = []
        for member in self.members():
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{member}/cmdline").read_bytes():
                    found.append(member)
        return found or [self.process.pid]

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened or the called process has ended."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and not happened():
            assert time.monotonic() < deadline, "nothing happens any more"
            time.sleep(0.01)

    def wait_for_moment(self, *, is_early: bool) -> None:
        """Wait for a random moment of training, or maybe for an early one, before it begins."""
        if is_early and self.rng.random() < _EARLY_SHARE:
            self.pause(4.0)
        else:
            self.wait_for(lambda: self.run.begins() > self._begins)
            self.pause(1.0)

    def pause(self, seconds: float) -> None:
        """Wait for at most so long."""
        time.sleep(self.rng.uniform(0.0, seconds))

    def send(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to one of the processes, which may just have ended."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def end(self) -> int:
        """Wait until no process is left; the exit code of the called one."""
        code = self.process.wait(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while self.members():
            assert time.monotonic() < deadline, f"processes {self.members()} do not end"
            time.sleep(0.01)
        return code


def kill_the_parent(attempt: Attempt) -> None:
    attempt.send(attempt.process.pid, signal.SIGKILL)


def kill_a_rank(attempt: Attempt) -> None:
    attempt.send(attempt.rng.choice(attempt.ranks()), signal.SIGKILL)


def kill_all(attempt: Attempt) -> None:
    members = attempt.members()
    for member in attempt.rng.sample(members, len(members)):
        attempt.send(member, signal.SIGKILL)


def stop_for_a_while(attempt: Attempt) -> None:
    """Stop one process; then the run goes on until it is terminated."""
    attempt.wait_for(lambda: attempt.run.rows() > 0)
    victim = attempt.rng.choice([attempt.process.pid, *attempt.ranks()])
    attempt.send(victim, signal.SIGSTOP)
    attempt.pause(3.0)
    rows = attempt.run.rows()
    attempt.send(victim, signal.SIGCONT)
    attempt.wait_for(lambda: attempt.run.rows() > rows + 1)
    terminate(attempt)


def interrupt(attempt: Attempt) -> None:
    attempt.send(attempt.process.pid, signal.SIGINT)


def interrupt_twice(attempt: Attempt) -> None:
    interrupt(attempt)
    attempt.pause(1.5)
    interrupt(attempt)


def terminate(attempt: Attempt) -> None:
    attempt.send(attempt.process.pid, signal.SIGTERM)


def fill_the_disk(attempt: Attempt) -> None:
    """Leave at most half the room that the next checkpoint needs until the run has ended."""
    filler = fill(attempt.run.folder.parent)
    needed = max((path.stat().st_size for path in attempt.run.checkpoints()), default=0)
    os.truncate(filler, filler.stat().st_size - attempt.rng.randint(0, needed // 2))
    attempt.process.wait(PATIENCE)
    filler.unlink()


def make_read_only(attempt: Attempt) -> None:
    """Refuse all writing in the run folder until the run has ended."""
    attempt.run.folder.mkdir(exist_ok=True)
    with read_only(attempt.run.folder):
        attempt.process.wait(PATIENCE)


class Fault(NamedTuple):
    """Something that befalls a run.

    Attributes:
        strike: Does it.
        code: With which the run then ends, unless it was complete before.
        is_early: Whether it may also come while the run begins.
    """

    strike: Callable[[Attempt], None]
    code: int
    is_early: bool = False

    @property
    def name(self) -> str:
        return self.strike.__name__.replace("_", " ")


SIGNALS = (
    Fault(kill_the_parent, -signal.SIGKILL, is_early=True),
    Fault(stop_for_a_while, 128 + signal.SIGTERM),
    Fault(interrupt, 128 + signal.SIGINT),
    Fault(interrupt_twice, 128 + signal.SIGINT),
    Fault(terminate, 128 + signal.SIGTERM),
)
RANKS = (Fault(kill_a_rank, 1), Fault(kill_all, -signal.SIGKILL, is_early=True))
DISKS = (Fault(fill_the_disk, 2, is_early=True), Fault(make_read_only, 2, is_early=True))
