import tomllib
from pathlib import Path

import pytest

from keisei.config_file import load_config
from tests.cli.command_line import assert_mistake, run


def test_the_defaults_are_printed_as_toml_that_reads_back(tmp_path: Path) -> None:
    result = run("config")
    assert result.exit_code == 0
    file = tmp_path / "defaults.toml"
    file.write_text(result.stdout, encoding="utf-8")
    assert load_config(file) == load_config()


def test_set_goes_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[env]\nnum_envs = 32\nmax_plies = 100\n", encoding="utf-8")
    result = run(
        "config", "--config", str(file), "--set", "env.num_envs=8", "--set", "training.gamma = 0.5"
    )
    values = tomllib.loads(result.stdout)
    assert values["env"]["num_envs"] == 8
    assert values["env"]["max_plies"] == 100
    assert values["training"]["gamma"] == 0.5
    assert values["training"]["num_steps"] == 64


@pytest.mark.parametrize(
    ("assignment", "parts"),
    [
        ("env.num_env=8", ["'env.num_env'", "did you mean 'env.num_envs'"]),
        ("environment.num_envs=8", ["unknown section 'environment'"]),
        ("env.num_envs=many", ["env.num_envs", "'many'"]),
        ("env.num_envs=0", ["env.num_envs", "0"]),
        ("env.num_envs", ["'env.num_envs' has no '='"]),
        ("training.minibatch_size=1000000", ["minibatch_size = 1000000 is larger than a rollout"]),
        ("session.torch_threads=100000000000", ["session.torch_threads", "equal to 1024"]),
    ],
)
def test_a_bad_setting_is_refused_in_one_sentence(assignment: str, parts: list[str]) -> None:
    assert_mistake(run("config", "--set", assignment), *parts)


def test_a_settings_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert_mistake(run("config", "--config", str(tmp_path / "no.toml")), "no.toml", "No such file")
    file = tmp_path / "broken.toml"
    file.write_text("[env\n", encoding="utf-8")
    assert_mistake(run("config", "--config", str(file)), "broken.toml", "not valid TOML")
    file.write_text("[env]\nnum_env = 3\n", encoding="utf-8")
    assert_mistake(run("config", "--config", str(file)), "'env.num_env'", "broken.toml")


def test_a_long_assignment_is_told_in_a_short_sentence() -> None:
    result = run("config", "--set", 9999 * "x")
    assert_mistake(result, "has no '='")
    assert len(result.stderr) < 300
