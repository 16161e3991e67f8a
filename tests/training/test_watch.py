"""Collapses: what counts as one, and what the watch does about it."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from typing_extensions import override

from keisei.config_schema import WatchConfig
from keisei.training.callbacks import Callback, RunView
from keisei.training.checkpoint import read_checkpoint
from keisei.training.trainer import Trainer
from keisei.training.watch import CollapseWatch, limits_passed
from tests.training.runs import NUM_ENVS, ROLLOUT, rows_without_time, small_config, train

HEALTHY = {
    "learn/approx_kl": 0.02,
    "learn/entropy_normalised": 0.2,
    "learn/explained_variance": 0.5,
    "learn/value_spread": 0.3,
    "games/finished": 150.0,
    "games/share_max_plies": 0.1,
    "games/share_sennichite": 0.8,
}


class FakeRun:
    """A run with checkpoints at timesteps 0, 10, 20, ...; notes what the watch asks for."""

    def __init__(self, every: int = 10) -> None:
        self.global_timestep = 0
        self.every = every
        self.lines: list[str] = []
        self.reason: str | None = None
        self.went_back: list[tuple[int, float]] = []
        self.saved: list[int] = []

    def log(self, text: str) -> None:
        self.lines.append(text)

    def request_stop(self, reason: str) -> None:
        self.reason = reason

    def go_back(self, before: int, lr_scale: float) -> int | None:
        self.went_back.append((before, lr_scale))
        return (before - 1) // self.every * self.every if before > 0 and self.every else None

    def save_checkpoint(self) -> Path:
        self.saved.append(self.global_timestep)
        return Path("saved.pt")


class Rig:
    """A watch on a fake run, one timestep an update."""

    def __init__(self, every: int = 10, **settings: Any) -> None:
        self.run = FakeRun(every)
        chosen: dict[str, Any] = {"patience": 3, **settings}
        self.watch = CollapseWatch(WatchConfig(**chosen), steps_per_epoch=1)

    def update(self, times: int = 1, **changes: float) -> list[float]:
        """Updates with these numbers; the alarms in each row."""
        alarms: list[float] = []
        for _ in range(times):
            self.run.global_timestep += 1
            row = HEALTHY | {f"learn/{name}": value for name, value in changes.items()}
            self.watch.on_update_end(cast(RunView, self.run), row)
            self.watch.on_step_end(cast(RunView, self.run))
            alarms.append(row["run/alarms"])
        return alarms


def test_a_healthy_row_passes_no_limit_and_neither_does_a_beginners() -> None:
    assert limits_passed(HEALTHY, WatchConfig()) == {}
    beginner = {
        "learn/approx_kl": 0.005,
        "learn/entropy_normalised": 0.99,
        "learn/explained_variance": -0.9,
        "learn/value_spread": 0.0026,
        "games/finished": 0.0,
    }
    assert limits_passed(beginner, WatchConfig()) == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("learn/approx_kl", 0.31, "learn/approx_kl = 0.31 is above watch.max_kl = 0.3"),
        ("learn/entropy_normalised", 0.019, "0.019 is below watch.min_entropy = 0.02"),
        ("learn/explained_variance", -1.5, "-1.5 is below watch.min_explained_variance = -1"),
        ("learn/value_spread", 0.0004, "0.0004 is below watch.min_value_spread = 0.0005"),
        ("games/share_max_plies", 0.96, "0.96 is above watch.max_truncations = 0.95"),
        ("games/share_sennichite", 1.0, "1 is above watch.max_sennichite = 0.95"),
        ("learn/loss", float("nan"), "learn/loss = nan is not finite"),
        ("learn/grad_norm", float("inf"), "learn/grad_norm = inf is not finite"),
    ],
)
def test_each_limit(name: str, value: float, words: str) -> None:
    passed = limits_passed(HEALTHY | {name: value}, WatchConfig())
    assert list(passed) == [name]
    assert words in passed[name]


def test_shares_of_a_few_games_are_not_judged() -> None:
    row = HEALTHY | {"games/share_max_plies": 1.0, "games/finished": 19.0}
    assert limits_passed(row, WatchConfig()) == {}


def test_saying_happens_once_and_again_when_it_is_over() -> None:
    rig = Rig()
    assert rig.update(2, approx_kl=0.5) == [0.0, 0.0]
    assert rig.update(1) == [0.0]
    assert rig.run.lines == []
    assert rig.update(5, approx_kl=0.5) == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert len(rig.run.lines) == 1
    assert "learn/approx_kl = 0.5 is above watch.max_kl = 0.3, for 3 updates" in rig.run.lines[0]
    assert rig.update(1) == [0.0]
    assert len(rig.run.lines) == 2
    assert "within its limit again" in rig.run.lines[1]
    assert rig.run.reason is None


def test_stopping() -> None:
    rig = Rig(action="stop")
    rig.update(2, value_spread=0.0)
    assert rig.run.reason is None
    rig.update(1, value_spread=0.0)
    assert rig.run.reason == "collapse"
    assert rig.run.went_back == []


@pytest.mark.parametrize("action", ["say", "stop"])
def test_a_number_that_is_not_finite_stops_at_once(action: str) -> None:
    rig = Rig(action=action)
    assert rig.update(1, loss=float("inf")) == [1.0]
    assert rig.run.reason == "collapse"


def test_restoring_goes_back_to_before_the_first_sign() -> None:
    rig = Rig(action="restore")
    rig.update(20)
    # The first ill row tells of weights of timestep 20: those of a checkpoint there are ill.
    rig.update(1, explained_variance=-2.0)
    rig.update(2, explained_variance=-2.0, approx_kl=0.5)
    assert rig.run.went_back == [(20, 0.5)]
    assert rig.run.saved == [23]
    assert rig.run.reason is None
    assert any("restored the weights of timestep 10" in line for line in rig.run.lines)
    # Afterwards the watch is patient again.
    assert rig.update(2, explained_variance=-2.0) == [0.0, 0.0]
    assert len(rig.run.went_back) == 1


def test_a_run_that_is_ill_from_the_beginning_goes_back_to_it() -> None:
    for healthy, before in ((0, 1), (1, 1), (2, 2)):
        rig = Rig(action="restore")
        rig.update(healthy)
        rig.update(3, approx_kl=0.5)
        assert rig.run.went_back == [(before, 0.5)]


def test_what_a_restore_may_need_is_known_before_anything_is_wrong() -> None:
    rig = Rig(action="restore")
    assert rig.watch.needs_before(0) == 1
    rig.update(20)
    assert rig.watch.needs_before(20) == 20
    rig.update(2, approx_kl=0.5)
    assert rig.watch.needs_before(22) == 20
    rig.update(1, approx_kl=0.5)
    # Restored; what is saved now has weights that were good before.
    assert rig.run.went_back == [(20, 0.5)]
    assert rig.watch.needs_before(23) == 23
    assert Rig(action="stop").watch.needs_before(20) is None


def test_restores_are_limited() -> None:
    rig = Rig(action="restore", max_restores=2, patience=1)
    rig.update(3, approx_kl=0.5)
    assert len(rig.run.went_back) == 2
    assert rig.run.reason == "collapse"
    assert "2 restores did not help" in " ".join(rig.run.lines)


def test_without_a_checkpoint_a_restore_is_a_stop() -> None:
    rig = Rig(every=0, action="restore", patience=1)
    rig.update(1, approx_kl=0.5)
    assert rig.run.reason == "collapse"


def test_the_watch_goes_on_from_its_state() -> None:
    straight, saved = Rig(action="restore"), Rig(action="restore")
    for rig in (straight, saved):
        rig.update(3, approx_kl=0.5)
        rig.update(2, approx_kl=0.5)
    resumed = Rig(action="restore")
    resumed.run = saved.run
    resumed.watch.load_state_dict(saved.watch.state_dict())
    for rig in (straight, resumed):
        rig.update(1, approx_kl=0.5)
    assert resumed.run.went_back == straight.run.went_back == [(1, 0.5), (3, 0.5)]
    assert resumed.watch.state_dict() == straight.watch.state_dict()


def test_the_verdict_tells_what_stands_and_what_has_been() -> None:
    rig = Rig()
    rig.update(5)
    assert rig.watch.verdict() is None
    assert not rig.watch.is_ill
    rig.update(1, approx_kl=0.5)
    assert rig.watch.verdict() is None
    rig.update(1, approx_kl=0.5)
    kl = "learn/approx_kl = 0.5 is above watch.max_kl = 0.3"
    maybe = f"This run may not be healthy: {kl}, for 2 updates, which is an alarm after 3"
    assert rig.watch.verdict() == maybe
    assert rig.watch.is_ill
    rig.update(2, approx_kl=0.5)
    ill = rig.watch.verdict()
    assert ill is not None
    assert ill.startswith(f"This run is not healthy: {kl}, for 4 updates; go on from")
    assert "of before timestep 5 or begin again" in ill
    assert "(alarms so far: 1, restores: 0)" in ill
    resumed = Rig()
    resumed.watch.load_state_dict(rig.watch.state_dict())
    told = "This run is not healthy: learn/approx_kl is past its limit, for 4 updates; go on"
    assert str(resumed.watch.verdict()).startswith(told)
    rig.update(1)
    assert not rig.watch.is_ill
    assert str(rig.watch.verdict()) == (
        "This run is healthy at its end (alarms on the way: 1, restores: 0; train.log tells of "
        "them)"
    )


def test_a_stop_is_told_and_a_resumed_run_has_its_patience_before_it() -> None:
    rig = Rig(action="stop")
    rig.update(3, value_spread=0.0)
    assert "is not healthy: learn/value_spread = 0" in str(rig.watch.verdict())
    assert rig.watch.state_dict() == {"raised": 1, "restores": 0, "streaks": {}}


class Planting(Callback):
    """Plants NaN in the value head once a number of plies is reached."""

    def __init__(self, plies: int) -> None:
        self.plies = plies

    @override
    def on_step_end(self, run: RunView) -> None:
        if run.global_timestep == self.plies:
            with torch.no_grad():
                cast(Any, run.agent.network).value_out.bias.fill_(float("nan"))


def is_finite(trainer: Trainer) -> bool:
    return all(bool(each.isfinite().all()) for each in trainer.agent.network.parameters())


def test_a_real_run_with_nan_planted_is_restored(tmp_path: Path) -> None:
    config = small_config(tmp_path, 6, **{"watch.action": "restore", "watch.slowdown": 0.25})
    trainer = train(config, callbacks=(Planting(3 * ROLLOUT + NUM_ENVS),))
    assert is_finite(trainer)
    log = (tmp_path / "train.log").read_text()
    assert "Collapse watch: a loss, gradient or weight of update 4 is not finite" in log
    assert f"restored the weights of timestep {2 * ROLLOUT}" in log
    rows = rows_without_time(tmp_path)
    # The failed update has no row; the fourth one is learned from the rollout after it.
    assert [row["step"] for row in rows] == [ROLLOUT * update for update in (1, 2, 3, 5, 6)]
    rates = [row["learn/learning_rate"] for row in rows]
    assert rates == pytest.approx([5e-4] * 3 + [1.25e-4] * 2)
    last = read_checkpoint(tmp_path / "checkpoints" / f"checkpoint-{6 * ROLLOUT:012d}.pt")
    assert last["watch"] == {"raised": 1, "restores": 1, "streaks": {}}


def test_a_real_run_with_nan_planted_stops_and_keeps_its_last_good_checkpoint(
    tmp_path: Path,
) -> None:
    trainer = Trainer(small_config(tmp_path, 6), callbacks=(Planting(3 * ROLLOUT + NUM_ENVS),))
    with pytest.raises(FloatingPointError, match="update 4 is not finite"):
        trainer.run()
    newest = max((tmp_path / "checkpoints").glob("checkpoint-*.pt"))
    assert newest.name == f"checkpoint-{2 * ROLLOUT:012d}.pt"
    log = (tmp_path / "train.log").read_text()
    assert "Collapse watch: a loss" in log
    assert "This run is" not in log


def test_a_restored_run_that_is_resumed_goes_on_with_the_restored_weights(tmp_path: Path) -> None:
    # Every update is ill, so that the first restore comes after two of them.
    ill = {"watch.action": "restore", "watch.patience": 2, "watch.min_value_spread": 1.0}
    first = train(small_config(tmp_path, 2, **ill))
    start = read_checkpoint(tmp_path / "checkpoints" / f"checkpoint-{0:012d}.pt")
    for name, weight in first.agent.network.state_dict().items():
        assert torch.equal(weight, start["agent"]["network"][name])
    train(small_config(tmp_path, 3, **ill), resume="latest")
    rows = rows_without_time(tmp_path)
    assert [row["run/alarms"] for row in rows] == [0, 1, 0]
    assert [row["learn/learning_rate"] for row in rows] == pytest.approx([5e-4, 5e-4, 2.5e-4])
