"""``keisei-vec train --resume auto``: one command that a scheduler may repeat."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keisei.training import going_on
from keisei.training.going_on import await_lock
from keisei.training.run_lock import LOCK_FILE, HeldFolderError
from tests.cli.command_line import LIGHT_RUN, SMALL_RUN, assert_mistake, run

PROGRAM = (sys.executable, "-m", "keisei", "train", *SMALL_RUN)
HOLDING = """
import sys, time
from pathlib import Path
from keisei.training.run_lock import RunLock

lock = RunLock(Path(sys.argv[1]))
lock.take()
print("taken", flush=True)
time.sleep(float(sys.argv[2]))
"""


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the log and who took the lock last."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("train.log", LOCK_FILE)
    }


def hold(folder: Path, seconds: float) -> "subprocess.Popen[str]":
    """A second process that has the lock of a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(folder), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    return process


def test_one_command_begins_goes_on_and_has_nothing_left_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    command = ("train", *LIGHT_RUN, "--run-dir", str(folder), "--resume", "auto")
    assert run(*command, "--total-timesteps", "32").exit_code == 0
    log = (folder / "train.log").read_text()
    assert log.count("Training from timestep 0 to 32") == 1

    before = contents(folder)
    again = run(*command, "--total-timesteps", "32")
    assert (again.exit_code, again.stderr) == (0, "")
    assert "Nothing is left to train: the run is at timestep 32" in again.stdout
    assert contents(folder) == before

    # Of a run that goes on its own settings count, and flags go over them, as with "latest".
    words = ("--run-dir", str(folder), "--resume", "auto", "--total-timesteps", "48", "--quiet")
    assert run("train", *words).exit_code == 0
    assert "Training from timestep 32 to 48" in (folder / "train.log").read_text()
    refused = run("train", *words, "--num-envs", "8")
    assert_mistake(refused, "was written with env.num_envs = 4, but the settings say 8")


def test_a_folder_whose_run_never_saved_begins_anew_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.toml").write_text("[env]\nnum_envs = 8\n")
    (folder / "train.log").write_text("an earlier attempt\n")
    (folder / "notes.txt").write_text("mine")
    (folder / "metrics.jsonl").touch()
    (folder / LOCK_FILE).write_text("process 1 on elsewhere\n")
    (folder / "checkpoints" / "checkpoint-000000000000.pt.tmp").write_bytes(b"half")
    result = run(
        "train", *LIGHT_RUN, "--total-timesteps", "16", "--run-dir", str(folder),
        "--resume", "auto", "--quiet",
    )  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "")
    assert (folder / "train.log").read_text().startswith("an earlier attempt\n")
    assert (folder / "notes.txt").read_text() == "mine"
    assert "num_envs = 4" in (folder / "config.toml").read_text()


def test_rows_without_a_checkpoint_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 16}\n')
    before = contents(tmp_path)
    result = run("train", *LIGHT_RUN, "--run-dir", str(tmp_path), "--resume", "auto", "--quiet")
    assert_mistake(result, "already holds a run without checkpoints; choose another --run-dir")
    assert contents(tmp_path) == before


def test_damaged_checkpoints_are_told_and_left(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint-000000000016.pt").write_bytes(b"PK")
    before = contents(tmp_path)
    result = run("train", *LIGHT_RUN, "--run-dir", str(tmp_path), "--resume", "auto", "--quiet")
    assert_mistake(result, "no intact checkpoint in", "nothing to resume")
    assert contents(tmp_path) == before


def test_auto_needs_a_folder() -> None:
    assert_mistake(run("train", *LIGHT_RUN, "--resume", "auto"), "--resume auto needs --run-dir")


def test_a_process_that_ends_is_waited_for(tmp_path: Path) -> None:
    told: list[str] = []
    with hold(tmp_path, 1.0) as holder:
        await_lock(tmp_path, 60.0, told.append).release()
        assert holder.wait() == 0
    assert len(told) == 1
    assert told[0].startswith("Waiting for at most 60 s: run folder ")
    assert f"in use by process {holder.pid} on" in told[0]


def test_a_process_that_goes_on_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(going_on, "PATIENCE_SECONDS", 0.3)
    with hold(tmp_path, 600.0) as holder:
        with pytest.raises(HeldFolderError):
            await_lock(tmp_path, 0.3, lambda _: None)
        result = run("train", *LIGHT_RUN, "--run-dir", str(tmp_path), "--resume", "auto")
        holder.kill()
    assert result.exit_code == 2
    waiting, refused = result.stderr.splitlines()
    assert waiting.startswith("Waiting for at most 0.3 s: ")
    assert refused.startswith("Error: run folder ")
    assert f"in use by process {holder.pid} on" in refused
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_command_may_be_repeated_while_the_process_before_still_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "a"
    command = [*PROGRAM, "--quiet", "--run-dir", str(folder), "--resume", "auto"]
    metrics = folder / "metrics.jsonl"
    with subprocess.Popen([*command, "--total-timesteps", "1000000"]) as first:
        while not (metrics.exists() and metrics.read_bytes().count(b"\n") > 2):
            assert first.poll() is None
            time.sleep(0.05)
        first.send_signal(number)
        command += ["--total-timesteps", "16"]
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert first.wait() == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    assert second.returncode == 0, second.stderr
    assert "Nothing is left to train" in (folder / "train.log").read_text()
