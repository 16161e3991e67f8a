"""A screen that goes away: the run ends in order and says why in one sentence."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from keisei.training.display import DisplayError
from keisei.training.trainer import Trainer
from tests.cli.command_line import SMALL_RUN, run
from tests.training.runs import ROLLOUT, small_config

TRAIN = (sys.executable, "-m", "keisei", "train", *SMALL_RUN)
TOLD = "Error: cannot write to the screen: {}; with display.mode = 'quiet' (--quiet) the run needs"


def test_a_reader_that_has_left_ends_the_run_with_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    with (
        suppress(BrokenPipeError),  # of what is left to write when it is closed
        os.fdopen(writing, "w") as stdout,
        monkeypatch.context() as patch,
    ):
        patch.setattr(sys, "stdout", stdout)
        trainer = Trainer(small_config(tmp_path, updates=2, **{"display.mode": "log"}))
        assert b"Kernels are ready" in os.read(reading, 1000)
        os.close(reading)
        with pytest.raises(DisplayError, match="cannot write to the screen: Broken pipe"):
            trainer.run()
    log = (tmp_path / "train.log").read_text()
    assert log.count("Training ends at timestep 0") == log.count("Saved") == 1
    assert Trainer(small_config(tmp_path, updates=2), resume="latest").run() is None
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2
    assert (tmp_path / "checkpoints" / f"checkpoint-{2 * ROLLOUT:012d}.pt").exists()


@pytest.mark.slow
def test_a_reader_that_leaves_train_is_a_sentence_and_the_run_can_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    words = (*TRAIN, "--run-dir", str(folder), "--total-timesteps", "1000000")
    with (
        subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
        subprocess.Popen(
            ["sed", "/Training from timestep/q"], stdin=process.stdout, stdout=subprocess.DEVNULL
        ),
    ):
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith(TOLD.format("Broken pipe"))
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    newest = max((folder / "checkpoints").glob("*.pt"))
    more = str(int(newest.stem.removeprefix("checkpoint-")) + 16)
    words = ("train", "--run-dir", str(folder), "--resume", "latest", "--total-timesteps", more)
    assert run(*words).exit_code == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_behind_standard_output_is_a_sentence(tmp_path: Path) -> None:
    words = (*TRAIN, "--run-dir", str(tmp_path / "a"), "--total-timesteps", "16")
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(TOLD.format("No space left on device"))
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_standard_output_that_was_closed_is_no_reason_to_end(tmp_path: Path) -> None:
    command = '"$@" >&-'
    words = (*TRAIN, "--run-dir", str(tmp_path / "a"), "--total-timesteps", "16")
    result = subprocess.run(
        ["sh", "-c", command, "sh", *words], stderr=subprocess.PIPE, text=True, check=False
    )
    assert result.returncode == 0
    assert "Error" not in result.stderr
