import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch

from keisei.training.checkpoint import read_checkpoint
from tests.cli.command_line import LIGHT_RUN, SMALL_RUN, assert_mistake, run


def rows_of(run_dir: Path) -> list[dict[str, Any]]:
    text = (run_dir / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of 64 plies in four updates."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    result = run("train", *SMALL_RUN, "--total-timesteps", "64", "--run-dir", str(folder))
    assert result.exit_code == 0
    assert "64/64 100.0%" in result.stdout
    return folder


def test_a_run_ends_by_itself_and_leaves_its_folder(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {
        "config.toml", "environment.json", "live.json", "metrics.jsonl", "train.log", "run.lock",
        "checkpoints",
    }  # fmt: skip
    assert [row["step"] for row in rows_of(finished)] == [16, 32, 48, 64]
    assert "eval/score" in rows_of(finished)[1]
    newest = sorted((finished / "checkpoints").glob("*.pt"))[-1]
    assert read_checkpoint(newest)["global_timestep"] == 64


def test_the_effective_settings_lie_in_the_run_folder(finished: Path) -> None:
    values = tomllib.loads((finished / "config.toml").read_text(encoding="utf-8"))
    assert values["env"]["num_envs"] == 4
    assert values["training"]["total_timesteps"] == 64
    assert values["session"]["device"] == "cpu"


def test_resume_takes_the_settings_of_the_run_and_flags_go_over_them(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    first = run("train", *LIGHT_RUN, "--total-timesteps", "32", "--run-dir", str(folder))
    assert first.exit_code == 0
    again = run("train", "--run-dir", str(folder), "--resume", "latest", "--total-timesteps", "64")
    assert again.exit_code == 0
    assert [row["step"] for row in rows_of(folder)] == [16, 32, 48, 64]

    moved = folder.rename(tmp_path / "b")
    checkpoint = sorted((moved / "checkpoints").glob("*.pt"))[-1]
    third = run("train", "--resume", str(checkpoint), "--total-timesteps", "80", "--quiet")
    assert third.exit_code == 0
    assert rows_of(moved)[-1]["step"] == 80
    assert not folder.exists()


def test_a_collapsed_run_stops_with_a_code_of_its_own(tmp_path: Path) -> None:
    watch = ("watch.action=stop", "watch.patience=1", "watch.min_value_spread=1.0")
    settings = [part for each in watch for part in ("--set", each)]
    result = run(
        "train", *LIGHT_RUN, *settings, "--total-timesteps", "64", "--run-dir", str(tmp_path / "a")
    )
    assert result.exit_code == 1
    assert "Stopped by collapse; go on with --resume" in result.stderr
    last = result.stdout.splitlines()[-1]
    assert last.startswith("This run is not healthy: learn/value_spread = ")
    assert "go on from a checkpoint of before timestep 1 or begin again" in last
    assert [row["step"] for row in rows_of(tmp_path / "a")] == [16]


@pytest.mark.parametrize("quiet", [False, True])
def test_a_complete_run_that_has_collapsed_says_so_in_its_last_line(
    tmp_path: Path, quiet: bool
) -> None:
    words = ("--set", "training.learning_rate=1e3", "--total-timesteps", "240")
    folder = tmp_path / "a"
    result = run("train", *LIGHT_RUN, *words, "--run-dir", str(folder), *["--quiet"] * quiet)
    assert result.exit_code == 0
    (*_, told) = (result.stderr if quiet else result.stdout).splitlines()
    assert told.startswith("This run is not healthy: ")
    assert "learn/value_spread = 0 is below watch.min_value_spread = 0.0005, for 1" in told
    assert 'a lower training.learning_rate or with watch.action = "restore"' in told
    assert "(alarms so far: " in told
    assert (folder / "train.log").read_text().splitlines()[-1].endswith(f"WARNING {told}")
    assert quiet == (result.stdout == "")
    assert quiet == (result.stderr != "")


def test_numbers_that_are_not_finite_end_with_a_sentence(tmp_path: Path) -> None:
    settings = ("--set", "training.learning_rate=1e30", "--total-timesteps", "64")
    result = run("train", *LIGHT_RUN, *settings, "--run-dir", str(tmp_path / "a"), "--quiet")
    assert_mistake(result, "is not finite; all weights are as before it; a lower learning_rate")


def test_quiet_prints_nothing(tmp_path: Path) -> None:
    result = run(
        "train", *LIGHT_RUN, "--total-timesteps", "16", "--run-dir", str(tmp_path / "a"), "--quiet"
    )
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_folder_that_holds_a_run_is_not_overwritten(finished: Path) -> None:
    before = (finished / "metrics.jsonl").read_bytes()
    result = run("train", *LIGHT_RUN, "--run-dir", str(finished))
    assert_mistake(result, "already holds a run", "--resume latest")
    assert (finished / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--set", "env.num_env=3"], ["did you mean 'env.num_envs'"]),
        (["--num-envs", "0"], ["env.num_envs", "0"]),
        (["--config", "missing.toml"], ["missing.toml", "No such file"]),
        (["--set", "model.network=tower"], ["'tower'", "embedding"]),
        (["--set", "session.writers=csv"], ["session.writers", "'csv'"]),
        (["--set", 'env.initial_sfens=["foo"]'], ["env.initial_sfens", "'foo'"]),
        (["--resume", "missing.pt"], ["'missing.pt' is no file"]),
        (["--resume", "latest"], ["no checkpoint to resume"]),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], parts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a"
    assert_mistake(run("train", "--quiet", "--run-dir", str(folder), *words), *parts)
    assert not list(folder.glob("checkpoints/*"))


def test_resume_latest_without_a_run_folder_is_refused() -> None:
    assert_mistake(run("train", "--resume", "latest"), "--run-dir")


def test_a_run_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    result = run("train", "--quiet", *LIGHT_RUN, "--run-dir", str(file / "a"))
    assert_mistake(result, str(file), "cannot be written")


def test_a_damaged_or_foreign_checkpoint_is_refused(finished: Path, tmp_path: Path) -> None:
    newest = sorted((finished / "checkpoints").glob("*.pt"))[-1]
    damaged = tmp_path / "damaged.pt"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(content)
    words = ("train", "--quiet", *LIGHT_RUN, "--run-dir", str(tmp_path / "a"), "--resume")
    assert_mistake(run(*words, str(damaged)), "damaged.pt", "damaged")
    foreign = tmp_path / "foreign.pt"
    foreign.write_text("hello", encoding="utf-8")
    assert_mistake(run(*words, str(foreign)), "foreign.pt", "not a Keisei checkpoint")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_absent_is_refused(tmp_path: Path) -> None:
    result = run("train", "--quiet", "--device", "cuda", "--run-dir", str(tmp_path / "a"))
    assert_mistake(result, "session.device = 'cuda'")
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_run_in_order_and_it_can_go_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "a"
    words = [sys.executable, "-m", "keisei", "train", *SMALL_RUN, "--run-dir", str(folder)]
    words = ["env", "--default-signal=HUP", *words]  # these tests may run under nohup
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        while process.poll() is None and not (folder / "metrics.jsonl").exists():
            time.sleep(0.05)
        while process.poll() is None and not rows_of(folder):
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "--resume latest" in errors
    assert "Traceback" not in errors
    stopped_at = int(sorted((folder / "checkpoints").glob("*.pt"))[-1].stem.split("-")[1])
    assert stopped_at >= rows_of(folder)[-1]["step"]
    more = str(stopped_at + 16)
    result = run("train", "--run-dir", str(folder), "--resume", "latest", "--total-timesteps", more)
    assert result.exit_code == 0
    steps = [row["step"] for row in rows_of(folder)]
    assert steps == list(range(16, steps[-1] + 1, 16))
