"""Trains for a given time and watches from outside what the run holds of the machine.

    python benchmarks/hours.py 60 OUT

A run with an opponent pool, random openings, evaluation and checkpoints, in two processes, is
looked at every ten seconds in /proc (so this needs Linux): resident memory, file handles, threads
and processes. OUT/samples.csv gets every look, OUT/run is the run, OUT/train.txt what it printed.
After MINUTES it is interrupted and must end in order. The table at the end compares minute 5 with
the last minute; the exit code is 1 when memory has grown by more than --limit MB, when handles,
threads or processes have become more, or when anything is left behind after the end.
"""

import argparse
import csv
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path

SETTINGS = {
    "env.num_envs": "256",
    "env.num_threads": "1",
    "training.total_timesteps": "1_000_000_000_000",
    "training.lr_schedule": "constant",
    "opponents.share": "0.2",
    "opponents.enter_games": "50",
    "opponents.enter_updates": "3",
    "session.checkpoint_every": "3",
    "session.keep_checkpoints": "3",
    "evaluation.every_updates": "5",
    "evaluation.num_games": "16",
}
ENGINE = "usi:fairy-stockfish?nodes=1&processes=2"
END_SECONDS = 120.0
GRACE_SECONDS = 5.0
"""How long what the run has started may live on: a helper of multiprocessing notices late."""
SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Sample:
    """What the training processes hold at one time, all together; engines are only counted."""

    minute: float
    rss_mb: float
    handles: int
    threads: int
    processes: int
    engines: int


@dataclass(frozen=True)
class Process:
    """One process of the run, by what tells it from a later one of the same number."""

    pid: int
    start: str
    parent: int
    session: int
    threads: int


def processes() -> dict[int, Process]:
    """All processes of the machine that have not ended."""
    found: dict[int, Process] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name of the program stands in brackets and may hold anything.
            words = (folder / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if words[0] not in "ZX":
            pid = int(folder.name)
            found[pid] = Process(pid, words[19], int(words[1]), int(words[3]), int(words[17]))
    return found


def family(root: int) -> list[Process]:
    """A process and all that descend from it."""
    everybody = processes()
    members = [everybody[root]] if root in everybody else []
    for member in members:
        members += [process for process in everybody.values() if process.parent == member.pid]
    return members


def look(members: list[Process], session: int, minute: float) -> Sample:
    """Count what the members hold; those of another session are engines."""
    own = [process for process in members if process.session == session]
    rss = handles = threads = 0
    for process in own:
        folder = Path("/proc") / str(process.pid)
        try:
            pages = int((folder / "statm").read_text().split()[1])
            handles += len(list((folder / "fd").iterdir()))
        except OSError:
            continue  # It has just ended.
        rss += pages * os.sysconf("SC_PAGE_SIZE")
        threads += process.threads
    engines = len(members) - len(own)
    return Sample(round(minute, 2), round(rss / 1e6, 1), handles, threads, len(own), engines)


def watch(
    training: "subprocess.Popen[bytes]", minutes: float, out: Path
) -> tuple[list[Sample], set[tuple[int, str]]]:
    """Look until the time is over or the training has ended; also says who belonged to it."""
    samples: list[Sample] = []
    seen: set[tuple[int, str]] = set()
    begin = time.monotonic()
    with (out / "samples.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(Sample)])
        while training.poll() is None and (minute := (time.monotonic() - begin) / 60) < minutes:
            members = family(training.pid)
            seen |= {(process.pid, process.start) for process in members}
            samples.append(look(members, training.pid, minute))
            writer.writerow(astuple(samples[-1]))
            file.flush()
            time.sleep(min(10.0, minutes))
    return samples, seen


def around(samples: list[Sample], minute: float, width: float) -> Sample:
    """The state in some minutes up to one: median memory, and the least of the counts.

    An evaluation takes handles and threads for a while; what leaks is in the least of them.
    """
    near = [sample for sample in samples if minute - width <= sample.minute <= minute] or samples[
        -1:
    ]
    return Sample(
        minute,
        statistics.median(sample.rss_mb for sample in near),
        min(sample.handles for sample in near),
        min(sample.threads for sample in near),
        min(sample.processes for sample in near),
        min(sample.engines for sample in near),
    )


def left_behind(out: Path, seen: set[tuple[int, str]], shared: set[str]) -> list[str]:
    """A sentence for each thing that the run should have taken with it."""
    deadline = time.monotonic() + GRACE_SECONDS
    while alive := [
        process for process in processes().values() if (process.pid, process.start) in seen
    ]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    mapped = {path for process in processes() for path in maps_of(process)}
    new = {path.name for path in SHARED_MEMORY.iterdir()} - shared
    # torch keeps one folder of this name for all programs.
    temporary = [
        *(path for path in (out / "tmp").iterdir() if not path.name.startswith("torchinductor_")),
        *(out / "run").rglob("*.tmp"),
    ]
    return [
        *(f"process {process.pid} still runs" for process in alive),
        *(
            f"{SHARED_MEMORY / name} is left"
            for name in sorted(new)
            if not any(name in path for path in mapped)  # else another program's
        ),
        *(f"{path} is left" for path in temporary),
    ]


def maps_of(pid: int) -> set[str]:
    """What a process has mapped of the shared memory."""
    try:
        lines = (Path("/proc") / str(pid) / "maps").read_text().splitlines()
    except OSError:
        return set()
    return {line for line in lines if str(SHARED_MEMORY) in line}


def finish(training: "subprocess.Popen[bytes]") -> list[str]:
    """Interrupt the training and say what is wrong with how it ended."""
    if training.poll() is not None:
        return [f"training ended by itself with exit code {training.returncode}"]
    training.send_signal(signal.SIGINT)
    try:
        code = training.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        for process in family(training.pid):
            os.kill(process.pid, signal.SIGKILL)
        training.wait()
        return [f"training did not end within {END_SECONDS:.0f} s of an interrupt"]
    return [] if code == 128 + signal.SIGINT else [f"training ended with exit code {code}"]


def compare(early: Sample, late: Sample, limit: float) -> list[str]:
    """Print both states and say what has grown."""
    print(f"{'minute':>8} {'RSS MB':>8} {'handles':>8} {'threads':>8} {'processes':>10}")
    for at in (early, late):
        print(f"{at.minute:8.1f} {at.rss_mb:8.1f} {at.handles:8} {at.threads:8} {at.processes:10}")
    growth = late.rss_mb - early.rss_mb
    wrong = [f"memory grew by {growth:.1f} MB"] if growth > limit else []
    for name in ("handles", "threads", "processes", "engines"):
        before, after = getattr(early, name), getattr(late, name)
        if after > before:
            wrong.append(f"{name} grew from {before} to {after}")
    return wrong


def start(out: Path, count: int) -> "subprocess.Popen[bytes]":
    """Start the training in a session and a folder for temporary files of its own."""
    (out / "tmp").mkdir(parents=True)
    opponents = ["random", "greedy"]
    if shutil.which("fairy-stockfish", path=f"{os.environ.get('PATH', '')}:/usr/games"):
        opponents.append(ENGINE)
    settings = {
        **SETTINGS,
        "session.processes": str(count),
        "evaluation.opponents": ",".join(opponents),
    }
    command = [sys.executable, "-m", "keisei", "train", "--device", "cpu"]
    command += ["--run-dir", str(out / "run")]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    with (out / "train.txt").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"TMPDIR": str(out / "tmp")},
        )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Train, and watch what the run holds.")
    parser.add_argument("minutes", type=float)
    parser.add_argument("out", type=Path, help="a folder that is not there yet")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--limit", type=float, default=40.0, help="MB that memory may grow")
    chosen = parser.parse_args()
    shared = {path.name for path in SHARED_MEMORY.iterdir()}
    training = start(chosen.out, chosen.processes)
    try:
        samples, seen = watch(training, chosen.minutes, chosen.out)
    finally:
        seen_last = {(process.pid, process.start) for process in family(training.pid)}
        wrong = finish(training)
    first = min(5.0, chosen.minutes / 2)
    early, late = (around(samples, at, 0.4 * first) for at in (first, chosen.minutes))
    wrong += compare(early, late, chosen.limit)
    wrong += left_behind(chosen.out, seen | seen_last, shared)
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    print("something is wrong" if wrong else f"{chosen.minutes:g} minutes and nothing left behind")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
