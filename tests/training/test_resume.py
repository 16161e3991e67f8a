"""A run that was stopped and resumed ends like one that never stopped, bit for bit."""

from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from keisei.training.callbacks import Callback, RunView
from keisei.training.checkpoint import read_checkpoint
from keisei.training.trainer import Trainer
from tests.training.runs import (
    EMBEDDING,
    NUM_ENVS,
    ROLLOUT,
    assert_same,
    rows_without_time,
    small_config,
    train,
)

UPDATES = 5


class StopAt(Callback):
    """Asks to stop after a number of plies."""

    def __init__(self, plies: int) -> None:
        self.plies = plies

    @override
    def on_step_end(self, run: RunView) -> None:
        if run.global_timestep == self.plies:
            run.request_stop("test")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that was never stopped."""
    folder = tmp_path_factory.mktemp("straight")
    train(small_config(folder, UPDATES))
    return folder


@pytest.fixture(scope="module")
def straight_of_embedding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the network that ships."""
    folder = tmp_path_factory.mktemp("straight")
    train(small_config(folder, UPDATES, **EMBEDDING))
    return folder


def newest(folder: Path) -> Path:
    return max((folder / "checkpoints").glob("*.pt"))


def assert_ends_like(folder: Path, straight: Path) -> None:
    assert newest(folder).name == newest(straight).name
    assert_same(read_checkpoint(newest(folder)), read_checkpoint(newest(straight)))
    assert rows_without_time(folder) == rows_without_time(straight)
    policies = [path / "checkpoints" / "policy.safetensors" for path in (folder, straight)]
    assert policies[0].read_bytes() == policies[1].read_bytes()


def stop_and_resume(folder: Path, plies: int, **settings: Any) -> None:
    config = small_config(folder, UPDATES, **settings)
    stopped = Trainer(config, callbacks=(StopAt(plies),))
    assert stopped.run() == "test"
    assert newest(folder).name == f"checkpoint-{plies:012d}.pt"
    train(config, resume="latest")


@pytest.mark.parametrize(
    "plies",
    [
        NUM_ENVS,  # early in the first rollout
        ROLLOUT + 3 * NUM_ENVS,  # within a rollout, between two periodic checkpoints
        2 * ROLLOUT,  # at an update
        3 * ROLLOUT - NUM_ENVS,  # a step before an update
    ],
)
def test_stopped_and_resumed(tmp_path: Path, straight: Path, plies: int) -> None:
    stop_and_resume(tmp_path, plies)
    assert_ends_like(tmp_path, straight)


@pytest.mark.parametrize(
    "plies",
    [
        pytest.param(NUM_ENVS, marks=pytest.mark.slow),
        ROLLOUT + 3 * NUM_ENVS,
        pytest.param(2 * ROLLOUT, marks=pytest.mark.slow),
        pytest.param(3 * ROLLOUT - NUM_ENVS, marks=pytest.mark.slow),
    ],
)
def test_the_network_that_ships_is_stopped_and_resumed(
    tmp_path: Path, straight_of_embedding: Path, plies: int
) -> None:
    """It remembers the positions of a rollout and rounds gradients at random."""
    stop_and_resume(tmp_path, plies, **EMBEDDING)
    assert_ends_like(tmp_path, straight_of_embedding)


def test_stopped_twice(tmp_path: Path, straight: Path) -> None:
    config = small_config(tmp_path, UPDATES)
    train(config, callbacks=(StopAt(ROLLOUT - NUM_ENVS),))
    train(config, resume="latest", callbacks=(StopAt(ROLLOUT + NUM_ENVS),))
    train(config, resume="latest")
    assert_ends_like(tmp_path, straight)


def test_resumed_from_an_older_checkpoint_after_rows_were_written(
    tmp_path: Path, straight: Path
) -> None:
    config = small_config(tmp_path, UPDATES)
    # As after SIGKILL: rows of updates 3 exist, but the newest checkpoint is that of update 2.
    train(config, callbacks=(StopAt(3 * ROLLOUT),))
    newest(tmp_path).unlink()
    assert len(rows_without_time(tmp_path)) == 3
    train(config, resume="latest")
    assert_ends_like(tmp_path, straight)


def test_resumed_past_a_damaged_newest(tmp_path: Path, straight: Path) -> None:
    config = small_config(tmp_path, UPDATES)
    train(config, callbacks=(StopAt(3 * ROLLOUT),))
    newest(tmp_path).write_bytes(newest(tmp_path).read_bytes()[:-1000])
    train(config, resume="latest")
    assert "trying the one before" in (tmp_path / "train.log").read_text()
    assert_ends_like(tmp_path, straight)


AGAINST_OTHERS: dict[str, Any] = {
    "opponents.share": 0.6,
    "opponents.enter_updates": 1,
    "opponents.active": 2,
    "opponents.pool_size": 3,
    "opponents.games_per_draw": 4,
    "env.random_opening_share": 0.5,
    "env.random_opening_plies": 3,
}


@pytest.mark.parametrize(
    ("plies", "network"),
    [
        (3 * ROLLOUT + 2 * NUM_ENVS, {}),
        pytest.param(3 * ROLLOUT + 2 * NUM_ENVS, EMBEDDING, marks=pytest.mark.slow),
        pytest.param(4 * ROLLOUT, EMBEDDING, marks=pytest.mark.slow),
    ],
)
def test_a_run_against_snapshots_goes_on_bit_for_bit(
    tmp_path: Path, plies: int, network: dict[str, Any]
) -> None:
    settings = AGAINST_OTHERS | network
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    train(small_config(straight, 6, **settings))
    config = small_config(stopped, 6, **settings)
    train(config, callbacks=(StopAt(plies),))
    train(config, resume="latest")
    assert_ends_like(stopped, straight)
    rows = rows_without_time(straight)
    assert [row["opponents/pool_size"] for row in rows] == [1, 2, 3, 3, 3, 3]
    assert sum(row["opponents/games"] for row in rows) > 0
    assert all(0.5 < row["learn/learned_share"] < 1 for row in rows)


def test_a_pool_can_be_switched_on_and_off_in_a_resumed_run(tmp_path: Path) -> None:
    train(small_config(tmp_path, 2))
    train(small_config(tmp_path, 4, **AGAINST_OTHERS), resume="latest")
    assert "opponents.share changes from 0.0 to 0.6" in (tmp_path / "train.log").read_text()
    train(small_config(tmp_path, 6), resume="latest")
    rows = rows_without_time(tmp_path)
    assert ["opponents/pool_size" in row for row in rows] == [False] * 2 + [True] * 2 + [False] * 2


def test_a_run_can_branch_off_into_another_folder(tmp_path: Path, straight: Path) -> None:
    first = tmp_path / "first"
    train(small_config(first, UPDATES), callbacks=(StopAt(2 * ROLLOUT),))
    before = newest(first).read_bytes()
    branch = small_config(tmp_path / "branch", UPDATES)
    train(branch, resume=str(newest(first)))
    assert newest(first).read_bytes() == before
    assert_same(read_checkpoint(newest(tmp_path / "branch")), read_checkpoint(newest(straight)))


def test_a_longer_total_extends_a_complete_run(tmp_path: Path, straight: Path) -> None:
    train(small_config(tmp_path, 3))
    train(small_config(tmp_path, UPDATES), resume="latest")
    assert rows_without_time(tmp_path) == rows_without_time(straight)


def test_a_complete_run_resumed_stays_as_it_is(tmp_path: Path, straight: Path) -> None:
    config = small_config(tmp_path, UPDATES)
    train(config)
    train(config, resume="latest")
    assert_ends_like(tmp_path, straight)
