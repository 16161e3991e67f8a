"""Settings of strangers: files, ``--set``, and what a run makes of texts in them."""

import itertools
import os
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
import tomli_w
from hypothesis import strategies as st

from keisei.config_file import load_config
from keisei.config_schema import AppConfig, ConfigError
from keisei.training.checkpoint import CheckpointError
from keisei.training.session_manager import RunFolderError
from keisei.training.trainer import Trainer
from keisei.training.writers import WriterError
from tests.cli.command_line import run
from tests.fuzz.harness import assert_sentence, fuzz, guarded, refused
from tests.fuzz.mutations import mutated_bytes, mutated_text, mutated_tree, odd_values
from tests.training.runs import EMBEDDING, small_overrides

FILES = [path.read_text() for path in sorted(Path("configs").glob("*.toml"))]
DEFAULTS = AppConfig().model_dump(mode="json")
KEYS = [f"{section}.{key}" for section, values in DEFAULTS.items() for key in values]
TOKENS = (
    *(
        "[[",
        "]]",
        "[env]",
        "[x.y]",
        "[env.num_envs]",
        "num_envs = ",
        "= 1",
        "'''",
        '"""',
        "1_000",
        "0x",
    ),
    *(
        "1979-05-27T07:32:00Z",
        "inf",
        "-nan",
        "1e999",
        "9" * 5000,
        "[" * 5000,
        "0x" + "f" * 5000,
        "{a.b=1}",
        "\\u0000",
    ),
)
VALUES = (
    "1",
    "0",
    "-1",
    "1e3",
    "1.5",
    "true",
    "none",
    "cpu",
    "'x'",
    '["random", "greedy"]',
    "a,b",
    ",",
)


@fuzz(
    st.one_of(
        mutated_text(st.sampled_from(FILES), TOKENS).map(
            lambda text: text.encode("utf-8", "replace")
        ),
        mutated_bytes(st.sampled_from(FILES).map(str.encode)),
    ),
    examples=30,
)
def test_a_file_is_settings_or_is_refused(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_bytes(data)
        with guarded(megabytes=200):
            refused(lambda: assert_usable(load_config(file)), ConfigError)


def assert_usable(config: AppConfig) -> None:
    assert load_config(overrides=dotted(tomllib.loads(config.to_toml()))) == config


def dotted(tables: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{key}": tuple(cast(list[Any], value)) if isinstance(value, list) else value
        for section, values in tables.items()
        for key, value in values.items()
    }


@fuzz(
    st.lists(
        st.tuples(
            st.one_of(
                st.sampled_from(KEYS), mutated_text(st.sampled_from(KEYS), ("model.options.x",))
            ),
            st.sampled_from(("=", "=", "=", "", "==", " = ")),
            st.one_of(mutated_text(st.sampled_from(VALUES), TOKENS), st.text()),
        ).map("".join),
        max_size=3,
    ),
    examples=30,
)
def test_assignments_are_taken_or_refused(assignments: list[str]) -> None:
    words = itertools.chain.from_iterable(("--set", text) for text in assignments)
    with guarded(megabytes=200):
        result = run("config", *words)
    if result.exit_code:
        assert result.exit_code == 2
        assert result.stdout == ""
        (line,) = result.stderr.removesuffix("\n").split("\n")
        assert line.startswith("Error: ")
        assert_sentence(line)
    else:
        tomllib.loads(result.stdout)


@fuzz(mutated_tree(st.just(DEFAULTS), st.one_of(odd_values(), st.text(max_size=3))), examples=30)
def test_overrides_of_any_kind_are_taken_or_refused(tree: Any) -> None:
    overrides: dict[str, Any] = {}
    for section, values in tree.items():
        if isinstance(values, dict):
            overrides |= dotted({section: values})
    with guarded(megabytes=200):
        refused(lambda: load_config(overrides=overrides), ConfigError)


texts = mutated_text(
    st.sampled_from(("random", "greedy", "a/b.pt", "usi:true?nodes=1", "startpos", "4k4/9 b - 1"))
).filter(lambda text: len(repr(text)) < 300)  # Sentences name folders in full.


odd_settings: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "session.run_dir": texts,
        "evaluation.opponents": st.lists(texts, min_size=1, max_size=2).map(tuple),
        "env.initial_sfens": st.lists(texts, max_size=2).map(tuple),
        "model.network": texts,
        "model.options": st.dictionaries(
            st.sampled_from(("width", "fused", "blocks", "x", "")),
            st.one_of(odd_values(), st.integers(), st.floats(), st.booleans()),
        ),
    },
)
no_settings: dict[str, Any] = {}


@fuzz(odd_settings, examples=6, warm_up=no_settings)
def test_a_run_is_built_or_refused(overrides: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        if "session.run_dir" in overrides:
            overrides["session.run_dir"] = os.path.join(folder, overrides["session.run_dir"])  # noqa: PTH118
        settings = {**small_overrides(Path(folder) / "run", 1), **EMBEDDING, **overrides}

        def build() -> None:
            Trainer(load_config(overrides=settings)).close()

        # A run asks git for its commit.
        with guarded(megabytes=500, may_start=True):
            refused(build, ConfigError, RunFolderError, CheckpointError, WriterError)


@pytest.mark.parametrize("kind", ["folder", "fifo", "device", "big", "endless", "gone", "binary"])
def test_what_is_no_file_of_settings_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "config.toml"
    match kind:
        case "folder":
            file.mkdir()
        case "fifo":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/tty")
        case "big":
            with file.open("wb") as sparse:
                sparse.truncate(1 << 30)
        case "endless":
            file.symlink_to("/dev/zero")
        case "binary":
            file.write_bytes(bytes(range(256)))
        case _:
            pass
    with guarded(seconds=5, megabytes=100):
        result = run("config", "--config", str(file))
    assert result.exit_code == 2
    assert_sentence(result.stderr.removesuffix("\n"))
    assert str(file) in result.stderr


def test_the_settings_of_a_file_can_be_set_again() -> None:
    for text in FILES:
        assert load_config(overrides=dotted(tomllib.loads(text))).to_toml()
        assert tomli_w.dumps(tomllib.loads(text))
