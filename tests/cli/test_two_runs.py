"""Two runs in one folder: the second one is refused and changes nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keisei.training.run_lock import LOCK_FILE, RunFolderError, RunLock
from tests.cli.command_line import LIGHT_RUN, SMALL_RUN, assert_mistake, run

HOLDER = """
import sys, time
from pathlib import Path
from keisei.training.run_lock import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.take()
print("taken", flush=True)
time.sleep(600)
"""


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All files of a folder with their times."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_the_lock_of_another_process_names_it_until_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "taken\n"
        before = contents(tmp_path)
        lock = RunLock(tmp_path)
        with pytest.raises(RunFolderError, match=rf"in use by process {holder.pid} on .* since 2"):
            lock.take()
        assert contents(tmp_path) == before
        holder.kill()
        holder.wait()
        lock.take()
    assert f"process {os.getpid()} on " in (tmp_path / LOCK_FILE).read_text()
    lock.release()


def test_what_is_no_holder_is_not_printed(tmp_path: Path) -> None:
    first, second = RunLock(tmp_path), RunLock(tmp_path)
    first.take()
    for text in (b"", b"\x1b[2J", b"a\nb"):
        (tmp_path / LOCK_FILE).write_bytes(text)
        with pytest.raises(RunFolderError, match="in use by another process,"):
            second.take()
    first.release()
    second.take()
    second.release()


@pytest.mark.parametrize("resume", [(), ("--resume", "latest")])
def test_a_refused_second_run_names_the_first_and_changes_nothing(
    tmp_path: Path, resume: tuple[str, ...]
) -> None:
    folder = tmp_path / "a"
    words = (*LIGHT_RUN, "--total-timesteps", "16", "--quiet", "--run-dir", str(folder))
    assert run("train", *words).exit_code == 0
    lock = RunLock(folder)
    lock.take()
    before = contents(folder)
    assert_mistake(
        run("train", *words, *resume), f"in use by process {os.getpid()} on", "--run-dir"
    )
    assert contents(folder) == before
    # Whoever only reads is not kept out.
    assert run("eval", str(folder), "--games", "2", "--max-plies", "10").exit_code == 0
    lock.release()
    again = ("--resume", "latest", "--total-timesteps", "32")
    assert run("train", *words, *again).exit_code == 0


def is_held(folder: Path) -> bool:
    lock = RunLock(folder)
    try:
        lock.take()
    except RunFolderError:
        return True
    lock.release()
    return False


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_holds_its_folder_until_its_last_process_ends(tmp_path: Path, processes: int) -> None:
    folder = tmp_path / "a"
    several = ("--set", f"session.processes={processes}")
    command = [sys.executable, "-m", "keisei", "train", *SMALL_RUN, *several, "--quiet"]
    command += ["--run-dir", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as first:
        while not (folder / "metrics.jsonl").exists():
            assert first.poll() is None
            time.sleep(0.05)
        second = subprocess.run(
            [*command, "--resume", "latest"], capture_output=True, text=True, check=False
        )
        assert second.returncode == 2
        assert second.stderr.count("\n") == 1
        holder = int((folder / LOCK_FILE).read_text().split()[1])
        assert f"in use by process {holder} on" in second.stderr
        assert (holder == first.pid) == (processes == 1)
        first.send_signal(signal.SIGKILL)
        first.wait()
        # Ranks notice within a moment that nobody is left to hear of them.
        while is_held(folder):
            time.sleep(0.05)
