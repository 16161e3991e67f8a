"""``keisei-vec train`` with several processes: how it starts, what it leaves, and how it ends."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import typer

from keisei.cli.orders import Order
from keisei.training.checkpoint import read_checkpoint
from tests.cli.command_line import SMALL_RUN, assert_mistake, run

TWO = ("--set", "session.processes=2")
TRAIN = (sys.executable, "-m", "keisei", "train", *SMALL_RUN)
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")


def begin(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ
    )


def steps(folder: Path) -> list[int]:
    """Timesteps of the rows that are written so far."""
    metrics = folder / "metrics.jsonl"
    lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.exists() else []
    return [int(line.split(",")[0].removeprefix('{"step": ')) for line in lines]


def children_of(process: "subprocess.Popen[str]") -> list[int]:
    """Processes that train, by rank; the launcher starts one more beside them."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return sorted(
        int(child)
        for child in path.read_text().split()
        if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()
    )


def until_updates(process: "subprocess.Popen[str]", folder: Path, count: int) -> None:
    while len(steps(folder)) < count:
        assert process.poll() is None
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    # A process that has ended may still wait to be noticed by the parent that it was left to.
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["one command", "torchrun"])
def test_a_run_leaves_one_set_of_files(tmp_path: Path, launcher: str) -> None:
    folder = tmp_path / "a"
    sizes = ("--total-timesteps", "64", "--run-dir", str(folder), "--quiet")
    words = (
        (*TRAIN, *TWO, *sizes)
        if launcher == "one command"
        else (*TORCHRUN, "-m", "keisei.cli", "train", *SMALL_RUN, *sizes)
    )
    with begin(*words) as process:
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert {path.name for path in folder.iterdir()} == {
        "config.toml", "environment.json", "live.json", "metrics.jsonl", "train.log", "run.lock",
        "checkpoints",
    }  # fmt: skip
    assert steps(folder) == [16, 32, 48, 64]
    log = (folder / "train.log").read_text(encoding="utf-8")
    assert log.count("Training ends at timestep 64") == 1
    settings = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    assert settings["session"]["processes"] == 2
    assert settings["env"]["num_envs"] == 4
    newest = max((folder / "checkpoints").glob("checkpoint-*.pt"))
    contents = read_checkpoint(newest)
    assert contents["global_timestep"] == 64
    assert contents["episode"]["state"].shape[0] == 4
    assert len(contents["other_ranks"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_processes_in_order(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "a"
    with begin(*TRAIN, *TWO, "--run-dir", str(folder)) as process:
        until_updates(process, folder, 2)
        workers = children_of(process)
        assert len(workers) == 2
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == code
    assert errors.count("--resume latest") == 1
    assert "Traceback" not in errors
    assert not any(is_alive(worker) for worker in workers)
    newest = max((folder / "checkpoints").glob("checkpoint-*.pt"))
    assert int(newest.stem.removeprefix("checkpoint-")) >= steps(folder)[-1]
    assert f"({number.name})" in (folder / "train.log").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_signal_to_torchrun_ends_all_processes_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    words = (*TORCHRUN, "-m", "keisei.cli", "train", *SMALL_RUN, "--run-dir", str(folder))
    with begin(*words) as process:
        until_updates(process, folder, 2)
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode != 0
    newest = max((folder / "checkpoints").glob("checkpoint-*.pt"))
    assert int(newest.stem.removeprefix("checkpoint-")) >= steps(folder)[-1]
    assert "(SIGINT)" in (folder / "train.log").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_dies_ends_the_others(tmp_path: Path, rank: int) -> None:
    folder = tmp_path / "a"
    with begin(*TRAIN, *TWO, "--run-dir", str(folder)) as process:
        until_updates(process, folder, 2)
        workers = children_of(process)
        os.kill(workers[rank], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    told = [line for line in errors.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1
    assert f"process {rank} of 2 died (SIGKILL) and the others were ended" in told[0]
    assert "Traceback" not in errors
    assert not any(is_alive(worker) for worker in workers)


@pytest.mark.slow
def test_processes_whose_parent_is_killed_end_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with begin(*TRAIN, *TWO, "--run-dir", str(folder)) as process:
        until_updates(process, folder, 2)
        workers = children_of(process)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        while any(is_alive(worker) for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    log = (folder / "train.log").read_text(encoding="utf-8")
    assert "(SIGINT)" in log
    assert "Broke off" not in log


@pytest.mark.slow
def test_a_mistake_that_the_first_process_notices_is_told_once(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "metrics.jsonl").write_text('{"step": 1}\n')
    with begin(*TRAIN, *TWO, "--run-dir", str(folder)) as process:
        _, errors = process.communicate()
    assert process.returncode == 2
    told = [line for line in errors.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1
    assert "already holds a run" in told[0]


def test_sizes_are_refused_before_a_process_starts(tmp_path: Path) -> None:
    result = run("train", "--quiet", *SMALL_RUN, "--set", "session.processes=3",
                 "--run-dir", str(tmp_path / "a"))  # fmt: skip
    assert_mistake(result, "session.processes = 3 does not divide env.num_envs = 4")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("setting", "launched", "parts"),
    [
        (2, 4, ["session.processes = 2, but 4 processes were launched"]),
        (1, 3, ["session.processes = 3 does not divide env.num_envs = 4"]),
    ],
)
def test_a_launcher_that_contradicts_the_settings_is_refused(
    capsys: pytest.CaptureFixture[str], setting: int, launched: int, parts: list[str]
) -> None:
    words = [*SMALL_RUN[5::2], f"session.processes={setting}"]
    flags = {"session.run_dir": None, "env.num_envs": 4}
    with pytest.raises(typer.Exit) as refused:
        Order(None, words, flags, None).settle(launched)
    assert refused.value.exit_code == 2
    told = capsys.readouterr().err
    assert all(part in told for part in parts)
