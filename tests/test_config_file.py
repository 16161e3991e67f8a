"""Settings from files and overrides, and every mistake as one sentence."""

from pathlib import Path
from typing import Any

import pytest

from keisei.config_file import load_config
from keisei.config_schema import ConfigError


def test_flags_go_over_file_over_defaults(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[env]\nnum_envs = 32\nmax_plies = 100\n")
    config = load_config(path, {"env.num_envs": "16"})
    assert (config.env.num_envs, config.env.max_plies) == (16, 100)
    assert config.env.declaration == "auto"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("env.num_envs", "8", 8),
        ("training.learning_rate", "1e-3", 1e-3),
        ("training.compile", "true", True),
        ("training.target_kl", "0.02", 0.02),
        ("training.minibatch_size", "none", None),
        ("model.network", "7", "7"),
        ("session.run_dir", "2024", Path("2024")),
        ("session.writers", "tensorboard,wandb", ("tensorboard", "wandb")),
        ("session.writers", '["jsonl"]', ("jsonl",)),
        ("model.options", "{ width = 32 }", {"width": 32}),
    ],
)
def test_text_of_an_override_is_read_as_its_key_asks(key: str, text: str, value: Any) -> None:
    section, name = key.split(".")
    config = load_config(overrides={key: text})
    assert getattr(getattr(config, section), name) == value


def test_one_network_option_can_be_overridden() -> None:
    assert load_config(overrides={"model.options.width": "32"}).model.options == {"width": 32}


def test_effective_settings_are_read_back_the_same(tmp_path: Path) -> None:
    config = load_config(
        overrides={
            "env.num_envs": 8,
            "training.target_kl": 0.02,
            "model.options.width": 16,
            "session.run_dir": tmp_path,
            "session.writers": "tensorboard",
        }
    )
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml())
    assert load_config(path) == config


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"env.num_env": "3"}, "unknown key 'env.num_env'; did you mean 'env.num_envs'?"),
        ({"trainin.gamma": "1"}, "unknown section 'trainin'; did you mean 'training'?"),
        (
            {"display.zzz": "1"},
            "unknown key 'display.zzz'; allowed are mode, refresh_per_second, log_every_seconds",
        ),
        ({"env": "3"}, "override 'env' does not name a section and a key, as in env.num_envs"),
        (
            {"env.num_envs": "many"},
            "env.num_envs = 'many' is not usable: input should be a valid integer",
        ),
        (
            {"env.num_envs": 2.5},
            "env.num_envs = 2.5 is not usable: input should be a valid integer",
        ),
        (
            {"env.num_envs": "0"},
            "env.num_envs = 0 is not usable: input should be greater than or equal to 1",
        ),
        (
            {"session.device": "tpu"},
            "session.device = 'tpu' is not usable: input should be 'auto', 'cpu' or 'cuda'",
        ),
        (
            {"training.minibatch_size": "20000"},
            "training: minibatch_size = 20000 is larger than a rollout of 16384 plies "
            "(num_steps 64 x num_envs 256); lower it",
        ),
        (
            {"training.minibatch_size": "1000"},
            "training: a rollout of 16384 plies (num_steps 64 x num_envs 256) "
            "is not a multiple of minibatch_size = 1000",
        ),
        (
            {"training.num_minibatches": "3"},
            "training: a rollout of 16384 plies (num_steps 64 x num_envs 256) does not split "
            "into num_minibatches = 3 equal minibatches; choose a divisor",
        ),
        (
            {"training.total_timesteps": "100"},
            "training.total_timesteps = 100 is less than one vector step "
            "of env.num_envs = 256 games; raise it",
        ),
        (
            {"evaluation.num_games": "3"},
            "evaluation.num_games = 3 is not usable: input should be a multiple of 2",
        ),
        (
            {"model.options.width": "[1]"},
            "model.options.width = [1] is not usable: input should be a valid boolean",
        ),
        (
            {"env.num_envs": "0", "training.gamma": "2"},
            "env.num_envs = 0 is not usable: "
            "input should be greater than or equal to 1 (and 1 more)",
        ),
    ],
)
def test_a_mistake_is_one_sentence(overrides: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(overrides=overrides)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[env]\nnum_env = 3\n", "unknown key 'env.num_env'; did you mean 'env.num_envs'?"),
        ("[enw]\nnum_envs = 3\n", "unknown section 'enw'; did you mean 'env'?"),
        ("[env]\nnum_envs = '3'\n", "env.num_envs = '3' is not usable"),
        ("env = 3\n", "env = 3 is not usable"),
        ("[env\n", "is not valid TOML"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read config file .*no\.toml.*No such file"):
        load_config(tmp_path / "no.toml")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("env = " + 5000 * "[", "is not valid TOML: it is nested too deeply"),
        (
            "env.num_envs = " + 5000 * "9",
            "is not valid TOML: it holds a number with too many digits",
        ),
        ("env.num_envs = 0x" + 5000 * "f", "env.num_envs = a number with too many digits is not"),
        ("model.options.'a\u2028b' = []", "model.options.'a\\u2028b' = [] is not usable"),
        ("env.declaration = [" + 500 * "1," + "]", "env.declaration = [1, 1, 1, "),
    ],
)
def test_strange_texts_are_refused_in_one_short_sentence(
    tmp_path: Path, text: str, part: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert part in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_number_without_end_can_be_assigned_neither() -> None:
    with pytest.raises(ConfigError, match=r"env.num_envs = '9+\.\.\. is not usable"):
        load_config(overrides={"env.num_envs": 5000 * "9"})


@pytest.mark.parametrize("path", ["a\0b", "a\udcffb"])
def test_a_folder_that_settings_cannot_name_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=r"session.run_dir: 'a\\.+b' is no path in UTF-8"):
        load_config(overrides={"session.run_dir": path})
