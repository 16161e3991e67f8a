"""Whole runs on the real environment, small: what they leave behind."""

import io
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from rich.console import Console
from typing_extensions import override

import keisei
from keisei.config_file import load_config
from keisei.config_schema import AppConfig
from keisei.training.callbacks import Callback, RunView
from keisei.training.display import DisplayError
from keisei.training.trainer import Trainer
from keisei.vec import threads
from tests.training.runs import EMBEDDING, NUM_ENVS, ROLLOUT, rows_without_time, small_config, train


def test_a_run_ends_with_a_run_folder_as_designed(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run", updates=4)
    trainer = train(config)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoints",
        "config.toml",
        "environment.json",
        "live.json",
        "metrics.jsonl",
        "run.lock",
        "train.log",
    ]
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == [
        "best.json",
        "best.pt",
        f"checkpoint-{0:012d}.pt",
        f"checkpoint-{2 * ROLLOUT:012d}.pt",
        f"checkpoint-{4 * ROLLOUT:012d}.pt",
        "policy.safetensors",
    ]
    assert load_config(tmp_path / "run" / "config.toml") == config
    assert trainer.statistics.games > 0


def test_every_update_has_a_row_at_its_timestep(tmp_path: Path) -> None:
    train(small_config(tmp_path, updates=4))
    rows = rows_without_time(tmp_path)
    assert [row["step"] for row in rows] == [ROLLOUT * update for update in (1, 2, 3, 4)]
    assert [row["run/updates"] for row in rows] == [1, 2, 3, 4]
    assert ["eval/score" in row for row in rows] == [False, True, False, True]


def test_results_of_games_are_counted_once(tmp_path: Path) -> None:
    trainer = train(small_config(tmp_path, updates=6))
    statistics = trainer.statistics
    rows = rows_without_time(tmp_path)
    assert sum(row["games/finished"] for row in rows) == statistics.games
    assert rows[-1]["run/games"] == statistics.games
    # Every ply belongs to an ended game or to one that still runs, none of them over the cap.
    running = 6 * ROLLOUT - statistics.plies
    assert 0 <= running <= NUM_ENVS * trainer.config.env.max_plies
    assert (
        statistics.black_wins + statistics.white_wins + statistics.draws + statistics.truncations
        == statistics.games
    )


@pytest.mark.parametrize("network", [{}, pytest.param(EMBEDDING, marks=pytest.mark.slow)])
def test_a_run_of_the_same_seed_is_the_same_run(tmp_path: Path, network: dict[str, Any]) -> None:
    one = train(small_config(tmp_path / "one", updates=4, **network))
    two = train(small_config(tmp_path / "two", updates=4, **network))
    other_seed = network | {"session.seed": 1}
    other = train(small_config(tmp_path / "other", updates=4, **other_seed))
    rows = rows_without_time(tmp_path / "one")
    assert rows == rows_without_time(tmp_path / "two")
    assert rows != rows_without_time(tmp_path / "other")
    weights = [trainer.agent.network.state_dict() for trainer in (one, two, other)]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    assert not all(weights[0][name].equal(weights[2][name]) for name in weights[0])


def test_the_number_of_threads_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "LEAST_GAMES", 32)
    games = {"env.num_envs": 8 * NUM_ENVS, "training.total_timesteps": 16 * ROLLOUT}
    for name, number in (("one", 1), ("two", 2)):
        train(small_config(tmp_path / name, updates=2, **games, **{"env.num_threads": number}))
    rows = rows_without_time(tmp_path / "one")
    assert rows
    assert rows == rows_without_time(tmp_path / "two")


def test_matches_do_not_disturb_the_training(tmp_path: Path) -> None:
    train(small_config(tmp_path / "with", updates=4))
    train(small_config(tmp_path / "without", updates=4, **{"evaluation.every_updates": 0}))
    rows = [
        {name: value for name, value in row.items() if not name.startswith("eval/")}
        for row in rows_without_time(tmp_path / "with")
    ]
    assert rows == rows_without_time(tmp_path / "without")


def test_a_pool_that_nobody_enters_changes_no_bit(tmp_path: Path) -> None:
    lonely = {"opponents.share": 1.0, "opponents.enter_updates": 99}
    one = train(small_config(tmp_path / "one", updates=4))
    two = train(small_config(tmp_path / "two", updates=4, **lonely))
    rows = [
        {name: value for name, value in row.items() if not name.startswith("opponents/")}
        for row in rows_without_time(tmp_path / "two")
    ]
    assert rows == rows_without_time(tmp_path / "one")
    weights = [trainer.agent.network.state_dict() for trainer in (one, two)]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])


def test_the_user_hears_that_kernels_are_prepared_and_how_it_goes(tmp_path: Path) -> None:
    stream = io.StringIO()
    config = small_config(tmp_path, updates=2, **{"display.mode": "log"})
    Trainer(config, console=Console(file=stream)).run()
    assert "Kernels are ready after" in stream.getvalue()
    assert "against random, " in stream.getvalue()
    log = (tmp_path / "train.log").read_text()
    assert "Training from timestep 0" in log
    assert f"Training ends at timestep {2 * ROLLOUT}" in log


class FailingCallback(Callback):
    """Fails after the third step."""

    @override
    def on_step_end(self, run: RunView) -> None:
        if run.global_timestep == 3 * NUM_ENVS:
            raise ArithmeticError("seven")


def test_an_exception_leaves_log_and_checkpoint(tmp_path: Path) -> None:
    trainer = Trainer(small_config(tmp_path, updates=2), callbacks=(FailingCallback(),))
    with pytest.raises(ArithmeticError, match="seven"):
        trainer.run()
    log = (tmp_path / "train.log").read_text()
    assert log.count("Traceback") == 1
    assert "ArithmeticError: seven" in log
    assert (tmp_path / "checkpoints" / f"checkpoint-{3 * NUM_ENVS:012d}.pt").exists()


class BreakingCallback(Callback):
    """Makes the next step fail within."""

    @override
    def on_step_end(self, run: RunView) -> None:
        def break_off(*_: Any) -> Any:
            raise ArithmeticError("within a step")

        cast(Any, run.agent).act = break_off


def test_a_run_that_broke_off_within_a_step_saves_nothing_half_done(tmp_path: Path) -> None:
    trainer = Trainer(small_config(tmp_path, updates=2), callbacks=(BreakingCallback(),))
    with pytest.raises(ArithmeticError, match="within a step"):
        trainer.run()
    names = [path.name for path in (tmp_path / "checkpoints").glob("*.pt")]
    assert names == [f"checkpoint-{0:012d}.pt"]
    assert "Broke off within a step" in (tmp_path / "train.log").read_text()


def test_a_run_that_is_closed_without_running_leaves_the_folder_usable(tmp_path: Path) -> None:
    config: AppConfig = small_config(tmp_path, updates=1)
    Trainer(config).close()
    train(config)
    assert len(json.loads((tmp_path / "environment.json").read_text())) > 5


class Noting(Callback):
    """Notes where the trainer says that it is."""

    def __init__(self) -> None:
        self.trainer: Trainer | None = None
        self.told: list[int] = []

    @override
    def on_step_end(self, run: RunView) -> None:
        assert self.trainer is not None
        assert self.trainer.global_timestep == run.global_timestep
        self.told.append(self.trainer.global_timestep)


def test_a_trainer_says_where_its_run_is_and_runs_once(tmp_path: Path) -> None:
    noting = Noting()
    trainer = noting.trainer = Trainer(small_config(tmp_path, updates=1), callbacks=(noting,))
    assert trainer.global_timestep == 0
    trainer.run()
    assert noting.told == list(range(NUM_ENVS, ROLLOUT + 1, NUM_ENVS))
    assert trainer.global_timestep == ROLLOUT
    names = sorted((tmp_path / "checkpoints").iterdir())
    for _ in range(2):
        with pytest.raises(RuntimeError, match=rf"has run to timestep {ROLLOUT} .*build another"):
            trainer.run()
        trainer.close()
    assert sorted((tmp_path / "checkpoints").iterdir()) == names
    goes_on = Trainer(small_config(tmp_path, updates=2), resume="latest")
    assert goes_on.global_timestep == ROLLOUT
    goes_on.close()
    with pytest.raises(RuntimeError, match="was closed; build another"):
        goes_on.run()


def test_a_failed_run_is_not_run_again(tmp_path: Path) -> None:
    trainer = Trainer(small_config(tmp_path, updates=2), callbacks=(FailingCallback(),))
    with pytest.raises(ArithmeticError, match="seven"):
        trainer.run()
    assert trainer.global_timestep == 3 * NUM_ENVS
    with pytest.raises(RuntimeError, match="build another"):
        trainer.run()


def test_a_live_screen_that_cannot_be_taken_leaves_a_finalised_run(tmp_path: Path) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True)
    config = small_config(tmp_path, updates=1, **{"display.mode": "live"})
    trainer = Trainer(config, console=console)
    stream.close()
    with pytest.raises(DisplayError, match="cannot write to the screen: I/O operation on closed"):
        trainer.run()
    log = (tmp_path / "train.log").read_text()
    assert log.count("Training ends at timestep 0") == 1
    assert log.count("Saved") == 1
    train(small_config(tmp_path, updates=1), resume="latest")


def test_the_log_begins_with_what_the_run_is(tmp_path: Path) -> None:
    trainer = train(small_config(tmp_path / "run", updates=1, **EMBEDDING, **{"session.seed": 7}))
    text = (tmp_path / "run" / "train.log").read_text()
    first = [line.split(" INFO ")[1] for line in text.splitlines()[:4]]
    weights = sum(each.numel() for each in trainer.agent.network.parameters())
    assert first[0] == f"Run folder {tmp_path / 'run'}, seed 7"
    assert first[1].startswith(f"Network embedding(width=64) with {weights:,} weights on cpu (")
    assert first[2] == f"Games: {NUM_ENVS}, processes: 1, threads of each: 1 for games, 1 for torch"
    assert first[3].startswith(f"keisei {keisei.__version__}")
    assert f"torch {torch.__version__}, numpy {np.__version__}, numba " in first[3]


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.lock"]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize("resume", ["latest", "older"])
def test_a_complete_run_that_is_resumed_says_so_and_touches_nothing(
    tmp_path: Path, resume: str
) -> None:
    train(small_config(tmp_path, updates=4))
    older = tmp_path / "checkpoints" / f"checkpoint-{2 * ROLLOUT:012d}.pt"
    before = contents(tmp_path)
    log = before.pop(str(tmp_path / "train.log"))
    place = "latest" if resume == "latest" else str(older)
    # As many updates as are done, and less.
    for updates in (2, 1):
        trainer = Trainer(small_config(tmp_path, updates=updates), resume=place)
        assert trainer.run() is None
        with pytest.raises(RuntimeError, match="build another"):
            trainer.run()
    after = contents(tmp_path)
    told = after.pop(str(tmp_path / "train.log"))
    assert after == before
    at = (4 if resume == "latest" else 2) * ROLLOUT
    assert told.startswith(log)
    line = told.decode().splitlines()[-2]
    assert f"Nothing is left to train: the run is at timestep {at}, and" in line
    assert f"training.total_timesteps = {ROLLOUT}; a larger" in line
    assert b"Training from" not in told[len(log) :]


@pytest.mark.parametrize("mode", ["quiet", "log", "live"])
def test_the_log_tells_the_progress_whatever_the_screen_shows(tmp_path: Path, mode: str) -> None:
    stream = io.StringIO()
    always = {"display.mode": mode, "display.log_every_seconds": 1e-9}
    console = Console(file=stream, force_terminal=mode == "live")
    Trainer(small_config(tmp_path, updates=3, **always), console=console).run()
    lines = (tmp_path / "train.log").read_text().splitlines()
    told = [line for line in lines if "  update " in line]
    updates = dict.fromkeys(line.split("  ")[2] for line in told)
    assert list(updates) == [f"update {number}" for number in range(4)]
    assert all(" INFO " in line for line in told)
    assert "Training ends" in lines[lines.index(told[-1]) + 1]
    if mode != "live":
        shown = [line for line in stream.getvalue().splitlines() if "  update " in line]
        assert shown == ([line.split(" INFO ")[1] for line in told] if mode == "log" else [])


def test_the_last_rollout_is_learned_from_when_the_rate_falls_to_nothing(tmp_path: Path) -> None:
    falling = {"training.lr_schedule": "linear", "training.lr_final_fraction": 0.0}
    trainer = train(small_config(tmp_path, updates=4, **falling))
    full = trainer.config.training.learning_rate
    rates = [row["learn/learning_rate"] / full for row in rows_without_time(tmp_path)]
    assert rates == pytest.approx([1.0, 0.75, 0.5, 0.25])
