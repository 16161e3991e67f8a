"""Training that faults befall at random moments, and what must hold after each of them.

    python -m tests.training.ordeal --faults 100 --seed 1

kills, stops, interrupts and terminates runs of one and of two processes, fills their disk, makes
their folder read-only, resumes them each time, and compares them at their end with runs that were
left in peace. It mounts a disk of its own, which takes root.
"""

import argparse
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from keisei.training.checkpoint import read_checkpoint
from tests.disks import small_disk
from tests.training.faults import (
    DISKS,
    RANKS,
    SIGNALS,
    Attempt,
    Fault,
    Run,
    kill_a_rank,
    make_read_only,
)

DISK_KILOBYTES = 400_000


class Ordeal:
    """Runs that are struck by faults, each time resumed, and in the end compared.

    Attributes:
        ends: How often each fault ended a run of how many processes with which exit code.
        compared: How many runs have ended like one that was left in peace.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        """Begin without any run; those that are left in peace will lie in a folder."""
        self._folder = folder
        self._peaceful: dict[int, Run] = {}
        self._struck: dict[int, Run] = {}
        self._rng = random.Random(seed)
        self.ends: Counter[tuple[str, int, int]] = Counter()
        self.compared = 0

    def strike(self, folder: Path, faults: Sequence[tuple[int, Fault]], count: int) -> None:
        """Let so many faults befall runs, then bring the runs to their end.

        Args:
            folder: Of the runs.
            faults: Processes of a run and what befalls it, of which each gets its turn.
            count: How many; moments at which the run was complete before do not count.
        """
        deck = itertools.chain.from_iterable(
            self._rng.sample(faults, len(faults)) for _ in itertools.count()
        )
        done = 0
        while done < count:
            processes, fault = next(deck)
            if processes not in self._struck:
                # What the run says must not end on the disk that is filled.
                path = folder / f"struck-{processes}"
                self._struck[processes] = Run(path, processes, self._folder)
            code, story = self._befall(self._struck[processes], fault)
            done += code != 0
            self.ends[fault.name, processes, code] += 1
            say(f"{done}. {story}")
        for run in list(self._struck.values()):
            self._finish(run)
            self._compare(run)

    def _befall(self, run: Run, fault: Fault) -> tuple[int, str]:
        """One attempt to train and what befalls it; its exit code and a line about it."""
        before, unfinished = run.timestep(), run.unfinished()
        attempt = Attempt(run, self._rng)
        with attempt:
            attempt.wait_for_moment(is_early=fault.is_early)
            fault.strike(attempt)
            code = attempt.end()
        story = f"{fault.name}, {run.processes} processes: {before} to {run.timestep()}, {code}"
        errors = run.errors.read_text()
        # Where the run is complete its handler is gone, and a signal ends what is left of it.
        code = 0 if run.is_complete() and code == 128 - fault.code else code
        assert code in (0, fault.code), f"{story}\n{errors}"
        assert "Traceback" not in errors, f"{story}\n{errors}"
        assert (errors.count("Error: ") == 1) == (code in (1, 2)), f"{story}\n{errors}"
        assert run.timestep() >= before, story
        for path in run.checkpoints():
            read_checkpoint(path)
        # What is killed leaves a file half written, and where nothing may change it stays.
        if code >= 0 and fault.strike not in (make_read_only, kill_a_rank):
            assert run.unfinished() <= unfinished, story
        if code == 0:
            self._compare(run)
        return code, story

    def _finish(self, run: Run) -> None:
        """Train to the end in peace."""
        with Attempt(run, self._rng) as attempt:
            assert attempt.end() == 0, run.errors.read_text()

    def _compare(self, run: Run) -> None:
        """Compare a complete run with one that was left in peace, and forget it."""
        if run.processes not in self._peaceful:
            peaceful = Run(self._folder / f"peaceful-{run.processes}", run.processes)
            self._finish(peaceful)
            self._peaceful[run.processes] = peaceful
        run.assert_ends_like(self._peaceful[run.processes])
        shutil.rmtree(self._struck.pop(run.processes).folder)
        self.compared += 1
        say(f"A run of {run.processes} processes ended like one that was left in peace.")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Faults that befall training at random moments.")
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    say(f"seed {seed}")
    faults = [(1, fault) for fault in SIGNALS + DISKS]
    faults += [(2, fault) for fault in SIGNALS + RANKS + DISKS]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        ordeal = Ordeal(Path(folder), seed)
        with small_disk(Path(folder, "disk"), DISK_KILOBYTES) as disk:
            ordeal.strike(disk, faults, arguments.faults)
    for (name, processes, code), count in sorted(ordeal.ends.items()):
        say(f"{count:4} x {name}, {processes} processes: exit code {code}")
    say(
        f"{arguments.faults} faults in {time.monotonic() - begun:.0f} s; {ordeal.compared} runs "
        "ended like runs that were left in peace."
    )


if __name__ == "__main__":
    main()
