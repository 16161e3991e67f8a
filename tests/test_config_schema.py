"""Settings: defaults, derived sizes, and the files that are shipped."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from keisei.config_file import load_config
from keisei.config_schema import AppConfig

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.toml"))


def test_defaults_are_those_of_the_recipe() -> None:
    config = AppConfig()
    assert (config.env.num_envs, config.env.max_plies, config.training.num_steps) == (256, 512, 64)
    assert config.training.minibatch_size is None
    assert config.session.writers == ("jsonl",)


def test_the_plies_of_a_rollout_are_computed() -> None:
    config = load_config(
        overrides={
            "env.num_envs": 10,
            "env.random_opening_share": 0.0,
            "training.num_steps": 8,
            "training.num_minibatches": 5,
        }
    )
    assert config.steps_per_epoch == 80


def test_nothing_can_be_set_afterwards() -> None:
    config = AppConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.env.num_envs = 3  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_load_and_say_how_to_run_them(path: Path) -> None:
    config = load_config(path)
    assert config.training.total_timesteps >= config.steps_per_epoch
    header = path.read_text().split("[", maxsplit=1)[0]
    assert f"keisei-vec train --config configs/{path.name}" in header


def test_the_shipped_configs_are_known() -> None:
    assert [path.stem for path in CONFIGS] == ["cpu_20min", "default", "single_gpu", "smoke"]


def test_default_config_file_spells_out_the_defaults() -> None:
    path = next(path for path in CONFIGS if path.stem == "default")
    assert load_config(path) == AppConfig()
    written = tomllib.loads(path.read_text())
    assert set(written) == set(AppConfig.model_fields)
