"""Restores of real runs: the weights that come back are those from before the collapse."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from typing_extensions import override

from keisei.training.callbacks import Callback, RunView
from keisei.training.checkpoint import read_checkpoint
from tests.training.runs import ROLLOUT, rows_without_time, small_config, train

COLLAPSE = 7
"""The update whose weights are spoiled."""


class Spoiling(Callback):
    """Notes the weights after each update, and spoils the value head of one of them."""

    def __init__(self, weight: float = 0.0) -> None:
        self.weight = weight
        self.healthy: dict[int, dict[str, Tensor]] = {}

    @override
    def on_training_start(self, run: RunView) -> None:
        self._note(run)

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        if run.metrics.updates < COLLAPSE:
            self._note(run)
        if run.metrics.updates == COLLAPSE:
            with torch.no_grad():
                head = cast(Any, run.agent.network).value_out.weight
                head.fill_(self.weight)
                head[:, ::2] *= -1

    def _note(self, run: RunView) -> None:
        weights = run.agent.network.state_dict()
        self.healthy[run.global_timestep] = {name: each.clone() for name, each in weights.items()}


class StopAfter(Callback):
    """Asks to stop after a number of updates."""

    def __init__(self, updates: int) -> None:
        self.updates = updates

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        if run.metrics.updates == self.updates:
            run.request_stop("test")


def settings(every: int, keep: int) -> dict[str, Any]:
    return {
        "watch.action": "restore",
        "watch.patience": 3,
        # So small that a spoiled value head stays so.
        "training.learning_rate": 1e-8,
        "session.checkpoint_every": every,
        "session.keep_checkpoints": keep,
        "evaluation.every_updates": 0,
    }


def assert_restored(folder: Path, at: int, spoiling: Spoiling, timestep: int) -> None:
    """Check that an update's restore has brought the weights of a timestep, bit for bit."""
    log = (folder / "train.log").read_text()
    assert f"restored the weights of timestep {timestep}," in log
    saved = read_checkpoint(folder / "checkpoints" / f"checkpoint-{at * ROLLOUT:012d}.pt")
    for name, weight in spoiling.healthy[timestep].items():
        assert torch.equal(weight, saved["agent"]["network"][name]), name


@pytest.mark.parametrize(
    ("every", "keep", "from_update"),
    [
        (1, 1, 6),
        pytest.param(1, 3, 6, marks=pytest.mark.slow),
        pytest.param(2, 1, 6, marks=pytest.mark.slow),
        pytest.param(3, 1, 6, marks=pytest.mark.slow),
        (4, 1, 4),
        (7, 2, 0),
        pytest.param(25, 1, 0, marks=pytest.mark.slow),
    ],
)
def test_a_restore_brings_the_newest_weights_from_before_the_collapse(
    tmp_path: Path, every: int, keep: int, from_update: int
) -> None:
    spoiling = Spoiling()
    # The first row of the collapse is that of the rollout after it, the third one an alarm.
    end = COLLAPSE + 3
    train(small_config(tmp_path, end, **settings(every, keep)), callbacks=(spoiling,))
    rows = rows_without_time(tmp_path)
    assert [row["learn/value_spread"] < 0.0005 for row in rows] == [False] * 7 + [True] * 3
    assert_restored(tmp_path, end, spoiling, from_update * ROLLOUT)


def test_a_streak_that_goes_on_after_a_resume_is_restored_alike(tmp_path: Path) -> None:
    spoiling, end = Spoiling(), COLLAPSE + 3
    config = small_config(tmp_path, end, **settings(1, 1))
    train(config, callbacks=(spoiling, StopAfter(COLLAPSE + 1)))
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("checkpoint-*.pt"))
    assert names == [f"checkpoint-{update * ROLLOUT:012d}.pt" for update in (6, 8)]
    train(config, resume="latest")
    assert_restored(tmp_path, end, spoiling, 6 * ROLLOUT)


def test_an_update_that_fails_brings_weights_from_before_those_that_played(tmp_path: Path) -> None:
    # Finite weights whose products are not: the next update fails, and its rollout was ill.
    spoiling = Spoiling(weight=3e38)
    config = small_config(tmp_path, COLLAPSE + 1, **settings(1, 1))
    train(config, callbacks=(spoiling,))
    assert "of update 8 is not finite" in (tmp_path / "train.log").read_text()
    assert_restored(tmp_path, COLLAPSE + 1, spoiling, 6 * ROLLOUT)


def test_checkpoints_that_were_given_up_are_no_goal_of_a_later_restore(tmp_path: Path) -> None:
    spoiling, end = Spoiling(), COLLAPSE + 6
    # After the first restore every row is ill: the second comes three updates after it.
    config = small_config(tmp_path, end, **settings(2, 9))

    class Worse(Spoiling):
        @override
        def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
            super().on_update_end(run, metrics)
            if run.metrics.updates > COLLAPSE + 3:
                metrics["learn/value_spread"] = 0.0

    spoiling = Worse()
    train(config, callbacks=(spoiling,))
    log = (tmp_path / "train.log").read_text()
    assert log.count(f"restored the weights of timestep {6 * ROLLOUT},") == 2
    assert_restored(tmp_path, end, spoiling, 6 * ROLLOUT)


def test_without_restores_no_more_checkpoints_are_kept_than_asked_for(tmp_path: Path) -> None:
    wanted = settings(1, 1) | {"watch.action": "say"}
    train(small_config(tmp_path, 3, **wanted))
    names = [path.name for path in (tmp_path / "checkpoints").glob("checkpoint-*.pt")]
    assert names == [f"checkpoint-{3 * ROLLOUT:012d}.pt"]
