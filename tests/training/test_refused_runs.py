"""What a run refuses before it begins or goes on, and what it may change."""

from pathlib import Path
from typing import Any

import pytest

from keisei.config_schema import ConfigError
from keisei.training.checkpoint import CheckpointError
from keisei.training.session_manager import RunFolderError
from keisei.training.trainer import Trainer
from keisei.training.writers import WriterError
from tests.training.runs import NUM_ENVS, ROLLOUT, small_config, train


@pytest.mark.parametrize(
    ("overrides", "kind", "words"),
    [
        ({"session.device": "cuda"}, ConfigError, "no CUDA device"),
        ({"model.network": "none"}, ConfigError, "unknown network 'none'"),
        ({"env.initial_sfens": "startpos"}, ConfigError, r"env\.initial_sfens: .*startpos"),
        (
            {"env.initial_sfens": "4k4/4G4/4P4/9/9/9/9/9/4K4 w - 1"},
            ConfigError,
            r"env\.initial_sfens: .*over before the first move \(CHECKMATE\)",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    overrides: dict[str, Any],
    kind: type[Exception],
    words: str,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(kind, match=words):
        Trainer(small_config(tmp_path / "run", updates=1, **overrides))
    assert not (tmp_path / "run" / "config.toml").exists()


def test_a_writer_that_cannot_start_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise WriterError("no such writer here")

    monkeypatch.setattr("keisei.training.hooks.build_writers", refuse)
    with pytest.raises(WriterError):
        Trainer(small_config(tmp_path, updates=1))


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    config = small_config(tmp_path, updates=1)
    train(config)
    before = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(RunFolderError, match="already holds a run"):
        Trainer(config)
    assert (tmp_path / "metrics.jsonl").read_text() == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("env.num_envs", NUM_ENVS * 2),
        ("env.max_plies", 99),
        ("env.declaration", "off"),
        ("training.num_steps", 2),
    ],
)
def test_settings_that_the_saved_games_do_not_fit_are_refused(
    tmp_path: Path, key: str, value: Any
) -> None:
    train(small_config(tmp_path, updates=1))
    records = (tmp_path / "config.toml").read_text()
    with pytest.raises(
        CheckpointError, match=rf"was written with {key} = .*, but the settings say"
    ):
        Trainer(small_config(tmp_path, updates=2, **{key: value}), resume="latest")
    # A refused resume leaves the settings of the run as they were.
    assert (tmp_path / "config.toml").read_text() == records


def test_settings_that_may_change_on_a_resume_are_logged(tmp_path: Path) -> None:
    train(small_config(tmp_path, updates=1))
    train(small_config(tmp_path, updates=2, **{"training.ent_coef": 0.5}), resume="latest")
    log = (tmp_path / "train.log").read_text()
    assert "Setting training.ent_coef changes from 0.01 to 0.5" in log
    assert f"training.total_timesteps changes from {ROLLOUT} to {2 * ROLLOUT}" in log
