"""What cannot be written ends a command with one sentence, and costs nothing written before."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from keisei.training.checkpoint import read_checkpoint
from tests.cli.command_line import SMALL_RUN, assert_mistake, run
from tests.disks import fill, largest_file, read_only, small_disk

# Checkpoints of less than a megabyte.
TINY = (
    *SMALL_RUN[:-2],
    "--set", "model.network=resnet",
    "--set", "model.options.blocks=1",
    "--set", "model.options.channels=8",
)  # fmt: skip
KEEP_ALL = ("--set", "session.keep_checkpoints=1000", "--set", "session.checkpoint_every=1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run, for which everything is compiled."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    words = ("--total-timesteps", "32", "--run-dir", str(folder), "--quiet")
    assert run("train", *TINY, *words).exit_code == 0
    return folder


def whole_checkpoints(folder: Path) -> list[int]:
    """Timesteps of the checkpoints of a run, all of which are looked at."""
    checkpoints = folder / "checkpoints"
    assert list(checkpoints.glob("*.tmp")) == []
    return [
        int(read_checkpoint(path)["global_timestep"])
        for path in sorted(checkpoints.glob("checkpoint-*.pt"))
    ]


def test_a_checkpoint_that_may_not_grow_ends_a_run_with_a_sentence(
    finished: Path, tmp_path: Path
) -> None:
    size = max(path.stat().st_size for path in (finished / "checkpoints").glob("*.pt"))
    folder = tmp_path / "a"
    words = ("--total-timesteps", "6400", "--run-dir", str(folder), "--quiet")
    # The checkpoint of a beginning has no rollout and no optimiser's state; the next ones are full.
    with largest_file(size - 1000):
        result = run("train", *TINY, *words)
    assert_mistake(result, "cannot write", "checkpoint-0000000", "File too large")
    assert whole_checkpoints(folder) == [0]
    again = run("train", "--resume", "latest", "--run-dir", str(folder), "--total-timesteps", "32")
    assert again.exit_code == 0


@pytest.mark.usefixtures("finished")
def test_a_full_disk_ends_a_run_with_a_sentence_and_costs_nothing_before(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4_000) as disk:
        folder = disk / "a"
        words = ("--total-timesteps", "64000", "--run-dir", str(folder), "--quiet")
        result = run("train", *TINY, *KEEP_ALL, *words)
        assert_mistake(result, "cannot write", "No space left on device")
        saved = whole_checkpoints(folder)
        assert len(saved) >= 3
        (folder / "checkpoints" / "checkpoint-000000000000.pt").unlink()
        again = run(
            "train", "--resume", "latest", "--run-dir", str(folder), "--quiet",
            "--set", "session.keep_checkpoints=1", "--total-timesteps", str(saved[-1] + 32),
        )  # fmt: skip
        assert again.exit_code == 0, again.stderr
        assert whole_checkpoints(folder) == [saved[-1] + 32]


def test_commands_name_the_file_that_cannot_be_written(finished: Path, tmp_path: Path) -> None:
    policy, target = finished / "checkpoints" / "policy.safetensors", tmp_path / "a.safetensors"
    short = ("--games", "2", "--max-plies", "120")
    commands = {
        "match/games.usi": ("match", "random", "random", *short, "--save", str(tmp_path / "match")),
        "eval/games.usi": ("eval", str(policy), *short, "--out", str(tmp_path / "eval")),
        "a.safetensors": ("export", str(policy), str(target)),
        "a.svg": ("show", "startpos", "--svg", str(tmp_path / "a.svg")),
    }
    for name, words in commands.items():
        assert run(*words).exit_code == 0
        before = (tmp_path / name).read_bytes()
        if "games" in name:
            shutil.rmtree((tmp_path / name).parent)  # A match is not saved over an earlier one.
        with largest_file(600):
            result = run(*words)
        assert result.exit_code == 2
        assert result.stderr == f"Error: cannot write '{tmp_path / name}': File too large\n"
        # What was played is not lost with it.
        assert ("games" in result.stdout) == ("games" in name)
        if "games" in name:
            assert list((tmp_path / name).parent.iterdir()) == []
        # A picture can go to a device, too, and is not renamed into place.
        assert name != "a.safetensors" or (tmp_path / name).read_bytes() == before


def begin(folder: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "keisei", "train", *TINY, "--quiet", "--run-dir", str(folder)]
    return subprocess.Popen([*command, *words], stderr=subprocess.PIPE, text=True, env=os.environ)


def until(process: "subprocess.Popen[str]", is_so: Callable[[], object]) -> None:
    while not is_so():
        assert process.poll() is None, process.communicate()
        time.sleep(0.0005)


def rows(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


@contextmanager
def no_room(disk: Path) -> Generator[str]:
    fill(disk)
    yield "No space left on device"


@contextmanager
def nothing_may_change(disk: Path) -> Generator[str]:
    with read_only(disk / "a" / "checkpoints"):
        yield "Read-only file system"


@contextmanager
def another_name(disk: Path) -> Generator[str]:
    (disk / "a").rename(disk / "b")
    yield "No such file or directory"


@pytest.mark.slow
@pytest.mark.parametrize("happens", [no_room, nothing_may_change, another_name])
def test_a_disk_that_changes_under_a_run_ends_it_with_a_sentence(
    tmp_path: Path, happens: Callable[[Path], AbstractContextManager[str]]
) -> None:
    with small_disk(tmp_path / "disk", 20_000) as disk:
        folder = disk / "a"
        process = begin(folder, "--total-timesteps", "100000000")
        until(process, lambda: rows(folder) >= 5)
        with happens(disk) as reason:
            _, errors = process.communicate()
        assert process.returncode == 2
        assert errors.count("\n") == 1, errors
        assert errors.startswith(f"Error: cannot write '{folder}/")
        assert errors.endswith(f": {reason}\n")
        (kept,) = (path for path in disk.iterdir() if path.is_dir())
        assert whole_checkpoints(kept)


BIG = (
    "--set", "model.options.blocks=4",
    "--set", "model.options.channels=256",
    "--set", "session.checkpoint_every=1",
    "--set", "evaluation.every_updates=0",
)  # fmt: skip


def interrupt_saves(folder: Path, *, also_the_last: bool) -> tuple[int, str] | None:
    """Interrupt a run twice within a save, and once more within the last one, if so asked.

    Returns:
        Exit code and standard error; None when a save was over before its interrupt.
    """

    def is_saving() -> bool:
        return any((folder / "checkpoints").glob("checkpoint-*.tmp"))

    def wait_for(event: Callable[[], bool]) -> bool:
        while process.poll() is None and not event():
            time.sleep(0.001)
        return process.poll() is None

    process = begin(folder, *BIG, "--total-timesteps", "100000000")
    until(process, lambda: rows(folder) >= 1)
    until(process, is_saving)
    process.send_signal(signal.SIGINT)
    time.sleep(0.01)
    is_hit = is_saving()
    process.send_signal(signal.SIGINT)
    if also_the_last:
        wait_for(lambda: "Training ends" in (folder / "train.log").read_text())
        is_hit &= wait_for(is_saving)
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    return (process.returncode, errors) if is_hit else None


@pytest.mark.slow
@pytest.mark.parametrize("interrupts_last_save", [False, True])
def test_a_second_ctrl_c_during_a_save_leaves_what_was_saved_before(
    tmp_path: Path, interrupts_last_save: bool
) -> None:
    folders = (tmp_path / str(attempt) for attempt in range(5))
    ends = ((each, interrupt_saves(each, also_the_last=interrupts_last_save)) for each in folders)
    folder, end = next((folder, end) for folder, end in ends if end is not None)
    code, errors = end
    assert code == 130
    assert errors.count("\n") <= 1
    assert "Traceback" not in errors
    saved = whole_checkpoints(folder)
    last = 16 * rows(folder)
    assert (last in saved) == (not interrupts_last_save)
    assert last - 16 in saved
