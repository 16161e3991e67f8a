"""Checkpoints that somebody has changed: refused with a sentence, or a run that goes on."""

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from keisei.training.callbacks import Callback, RunView
from keisei.training.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from keisei.training.model_manager import export_policy, load_policy
from keisei.training.trainer import Trainer
from tests.cli.command_line import assert_mistake, run
from tests.training.runs import EMBEDDING, ROLLOUT, small_config, train

SETTINGS: dict[str, Any] = {
    "opponents.share": 0.5,
    "opponents.enter_updates": 1,
    "env.random_opening_share": 0.5,
    "env.random_opening_plies": 3,
    "evaluation.every_updates": 0,
}


class _Stop(Callback):
    """Ends a run in the middle of a rollout."""

    def on_step_end(self, run: RunView) -> None:
        if run.global_timestep == 2 * ROLLOUT + 24:
            run.request_stop("enough")


def checkpoint(folder: Path, **others: Any) -> Path:
    """One with all parts: a pool, an optimiser's state, and half a rollout."""
    train(small_config(folder, 4, **SETTINGS, **others), callbacks=(_Stop(),))
    return max((folder / "checkpoints").glob("checkpoint-*.pt"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("runs") / "a")


@pytest.fixture(scope="module")
def source_of_embedding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("runs") / "a", **EMBEDDING)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all parts of a checkpoint, without what nobody reads."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, each in cast(dict[Any, Any], value).items():
            if path != ("config",):
                yield from places(each, (*path, name))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(cast(list[Any], value)[:3]):
            yield from places(each, (*path, index))


def others(value: Any) -> list[Any]:
    """What could stand in the place of a part."""
    made: list[Any] = [None, [], {}, "x", -1, 10**30, float("nan"), torch.zeros(3)]
    if isinstance(value, Tensor):
        made += [value.float() if value.dtype != torch.float32 else value.int(), value.unsqueeze(0)]
        if value.ndim and value.numel():
            flipped = value.clone()
            flipped.view(torch.uint8)[..., 0] = 255
            made += [value[:-1], value[:0], flipped, torch.full_like(value, 100)]
    return made


def changed(contents: dict[str, Any], path: tuple[Any, ...], chance: random.Random) -> str:
    """Change or delete one part, and say what was done."""
    parent: Any = contents
    for name in path[:-1]:
        parent = parent[name]
    if isinstance(parent, tuple):
        return ""
    if chance.random() < 0.2:
        del parent[path[-1]]
        return f"without {path}"
    other = chance.choice(others(parent[path[-1]]))
    parent[path[-1]] = other
    return f"{path} = {other!r}"[:300]


def go_on(path: Path, folder: Path, **others: Any) -> bool:
    """Resume a checkpoint in a new folder; whether it was taken."""
    config = small_config(folder, 3, **SETTINGS, **others)
    try:
        trainer = Trainer(config, resume=path)
    except CheckpointError as error:
        lines = str(error).count("\n")
        refused = str(path) in str(error)
    else:
        trainer.run()
        return True
    assert lines == 0
    assert refused
    assert not list((folder / "checkpoints").iterdir())
    return False


def try_changes(source: Path, folder: Path, count: int, seed: int) -> list[bool]:
    chance = random.Random(seed)
    contents = read_checkpoint(source)
    parts = list(places(contents))
    taken: list[bool] = []
    for index in range(count):
        other = copy.deepcopy(contents)
        if what := changed(other, chance.choice(parts), chance):
            path = folder / f"{index}.pt"
            write_checkpoint(path, other)
            try:
                taken.append(go_on(path, folder / str(index), **EMBEDDING))
            except Exception as error:
                raise AssertionError(what) from error
    return taken


def test_the_checkpoint_as_it_was_goes_on(source: Path, tmp_path: Path) -> None:
    contents = read_checkpoint(source)
    assert contents["buffer"]["ptr"] == 3
    assert contents["seating"]["pool"]["snapshots"]
    assert go_on(source, tmp_path / "a")


def test_a_checkpoint_that_knows_nothing_of_mates_goes_on(source: Path, tmp_path: Path) -> None:
    contents = read_checkpoint(source)
    assert not contents["buffer"]["columns"].pop("mates").any()
    write_checkpoint(tmp_path / "old.pt", contents)
    assert go_on(tmp_path / "old.pt", tmp_path / "a")


@pytest.mark.slow
def test_changed_parts_are_refused_or_go_on(source_of_embedding: Path, tmp_path: Path) -> None:
    taken = try_changes(source_of_embedding, tmp_path, 25, 1)
    assert taken.count(False) > 10


@pytest.mark.slow
def test_changed_parts_are_refused_or_go_on_at_length(
    source_of_embedding: Path, tmp_path: Path
) -> None:
    taken = try_changes(source_of_embedding, tmp_path, 100, 2)
    assert taken.count(False) > 40


@pytest.mark.parametrize(
    ("path", "other", "part"),
    [
        (("agent",), None, "agent is NoneType None and not a dict"),
        (("agent", "optimizer"), [], "agent.optimizer is a list of 0 and not a dict"),
        (("agent", "update_count"), "7", "agent.update_count is str '7' and not a whole number"),
        (("agent", "generator"), torch.zeros(5056, dtype=torch.uint8), "no state of a random"),
        (("buffer", "ptr"), 10**6, "buffer.ptr"),
        (("buffer", "columns"), [], "buffer.columns is a list of 0"),
        (("env", "plies"), torch.full((8,), 7 * 10**8, dtype=torch.int32), "'plies'"),
        (("episode", "state"), torch.zeros((8, 100), dtype=torch.uint8), "'episode'"),
        (("seating", "opponent"), torch.full((8,), 9), "seating.opponent holds numbers"),
        (("seating", "pool", "loaded"), [99, 0], "seating.pool.loaded[0]"),
        (("statistics", "ends"), [1], "statistics.ends is a list of 1 and not a list of 7"),
        (("metrics",), {}, "metrics.updates is missing"),
        pytest.param(
            ("metrics", "elapsed_seconds"), 10**400, "metrics.elapsed_seconds is int 1", id="huge"
        ),
        (("config", "env"), [], "config.env is a list of 0 and not a dict"),
        (("model",), "resnet", "model is str 'resnet' and not a dict"),
    ],
)
def test_a_part_that_is_wrong_is_named(
    source: Path, tmp_path: Path, path: tuple[Any, ...], other: Any, part: str
) -> None:
    contents = read_checkpoint(source)
    parent: Any = contents
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = other
    write_checkpoint(tmp_path / "a.pt", contents)
    with pytest.raises(CheckpointError) as refusal:
        Trainer(small_config(tmp_path / "a", 3, **SETTINGS), resume=tmp_path / "a.pt")
    assert part in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["agent", "model", "environment", "global_timestep"])
def test_a_policy_needs_its_parts(source: Path, tmp_path: Path, name: str) -> None:
    contents = read_checkpoint(source)
    wrong: list[Any] = [[], 10**30, torch.zeros(2)]
    for other in wrong:
        contents[name] = other
        path = tmp_path / "a.pt"
        write_checkpoint(path, contents)
        with pytest.raises(CheckpointError, match=rf"{name} is "):
            load_policy(path)
        with pytest.raises(CheckpointError, match=rf"{name} is "):
            export_policy(path, tmp_path / "a.safetensors")
        assert_mistake(run("eval", str(path), "--games", "2"), f"{name} is ")


def test_a_best_score_that_is_none_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    settings = {"evaluation.every_updates": 1}
    train(small_config(folder, 1, **settings))
    for content in (b"", b"{", b"[]", b'{"timestep": "x", "score": 1}', b"\xff"):
        (folder / "checkpoints" / "best.json").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"best\.json' does not hold"):
            train(small_config(folder, 2, **settings), resume="latest")


@pytest.mark.parametrize(
    "assignment",
    ["env.num_envs=1000000000000", "env.max_plies=100000000000000000000",
     "training.num_steps=1000000000000", "env.random_opening_plies=1000000000000"],
)  # fmt: skip
def test_sizes_beyond_all_reason_are_refused_by_their_key(tmp_path: Path, assignment: str) -> None:
    result = run("train", "--set", assignment, "--run-dir", str(tmp_path / "a"))
    assert_mistake(result, assignment.partition("=")[0])


def test_what_no_memory_holds_is_refused_by_its_keys(tmp_path: Path) -> None:
    words = (
        "env.num_envs=999936",
        "training.num_steps=999936",
        "training.total_timesteps=10000000",
    )
    settings = [part for word in words for part in ("--set", word)]
    result = run("train", *settings, "--run-dir", str(tmp_path / "a"))
    assert_mistake(result, "env.num_envs = 999936", "training.num_steps = 999936", "GB")
    assert not (tmp_path / "a").exists()
