"""Rows of updates, windows and progress."""

import math

import pytest

from keisei.shogi.constants import Termination
from keisei.training.game_statistics import GameStatistics
from keisei.training.metrics_manager import MetricsManager
from tests.training.test_game_statistics import count, filled


def test_a_row_speaks_of_the_games_since_the_last_update() -> None:
    statistics = filled()
    metrics = MetricsManager(1000, statistics)
    # The games counted before the manager was built belong to no window of it.
    count(
        statistics,
        (Termination.CHECKMATE, 0, 50),
        (Termination.CHECKMATE, 0, 70),
        (Termination.CHECKMATE, 1, 30),
        (Termination.SENNICHITE, -1, 90),
    )
    row = metrics.finish_update({"policy_loss": -0.5}, learned_plies=64)
    assert {name: value for name, value in row.items() if not name.startswith("time/")} == {
        "run/updates": 1.0,
        "run/games": 9.0,
        "learn/policy_loss": -0.5,
        "games/finished": 4.0,
        "games/share_checkmate": 0.75,
        "games/share_stalemate": 0.0,
        "games/share_sennichite": 0.25,
        "games/share_perpetual_check": 0.0,
        "games/share_declaration": 0.0,
        "games/share_max_plies": 0.0,
        "games/black_win_rate": 0.5,
        "games/white_win_rate": 0.25,
        "games/draw_rate": 0.25,
        "games/mean_plies": 60.0,
    }
    second = metrics.finish_update({"policy_loss": 0.0}, learned_plies=64)
    assert [name for name in second if name.startswith("games/")] == ["games/finished"]
    assert second["games/finished"] == 0.0
    assert second["run/updates"] == 2.0


def test_the_window_of_a_resumed_run_is_the_one_it_was_saved_in() -> None:
    def until_saved() -> MetricsManager:
        metrics = MetricsManager(1000, GameStatistics())
        count(metrics.statistics, (Termination.CHECKMATE, 0, 50))
        metrics.finish_update({"policy_loss": 1.0}, 64)
        count(metrics.statistics, (Termination.STALEMATE, 1, 20))
        return metrics

    straight, saved = until_saved(), until_saved()
    resumed = MetricsManager(1000, GameStatistics())
    resumed.statistics.load_state_dict(saved.statistics.state_dict())
    resumed.load_state_dict(saved.state_dict())
    rows: list[dict[str, float]] = []
    for metrics in (straight, resumed):
        count(metrics.statistics, (Termination.CHECKMATE, 0, 40))
        row = metrics.finish_update({}, 64)
        rows.append({name: value for name, value in row.items() if not name.startswith("time/")})
    assert rows[0] == rows[1]
    assert rows[0]["games/share_stalemate"] == 0.5


def test_evaluations_join_the_row_and_the_screen() -> None:
    metrics = MetricsManager(1000, GameStatistics())
    row = metrics.finish_update({}, 64)
    metrics.record_evaluation({"score": 0.75})
    assert row["eval/score"] == 0.75
    assert metrics.progress(64).evaluation == {"score": 0.75}
    assert "eval/score" not in metrics.finish_update({}, 64)
    assert metrics.progress(128).evaluation == {"score": 0.75}


def test_phases_and_the_rest_make_up_the_wall_clock() -> None:
    metrics = MetricsManager(1000, GameStatistics())
    with metrics.phase("env"):
        sum(range(100_000))
    metrics.count_step(10)
    row = metrics.finish_update({}, learned_plies=10)
    phases = [row[f"time/{name}"] for name in ("env", "act", "store", "learn", "other")]
    assert row["time/env"] > 0.0
    assert row["time/learn"] == row["time/sps_learn"] == 0.0
    assert row["time/sps_env"] == pytest.approx(10 / row["time/env"])
    assert row["time/sps_overall"] == pytest.approx(10 / sum(phases))
    assert sum(phases) <= row["time/elapsed"]
    assert all(math.isfinite(value) for value in row.values())


def test_the_time_of_a_phase_that_fails_counts_too() -> None:
    metrics = MetricsManager(1000, GameStatistics())
    with pytest.raises(ValueError, match="bad"), metrics.phase("learn"):
        raise ValueError("bad")
    assert metrics.progress(0).phase_seconds["learn"] > 0.0


def test_progress_tells_the_state_of_the_run() -> None:
    metrics = MetricsManager(1000, filled())
    early = metrics.progress(0)
    assert early.eta_seconds is None
    assert early.learning == early.recent == early.evaluation == {}
    metrics.count_step(100)
    metrics.finish_update({"entropy": 2.0}, 100)
    progress = metrics.progress(100)
    assert (progress.global_timestep, progress.total_timesteps, progress.updates) == (100, 1000, 1)
    assert progress.results.state_dict() == filled().state_dict()
    assert progress.learning == {"entropy": 2.0}
    assert progress.eta_seconds is not None
    assert progress.eta_seconds == pytest.approx(900 / progress.sps["overall"])
