"""Counts of games, rows of updates, windows and snapshots."""

import math

import numpy as np
import pytest

from keisei.shogi.constants import Termination
from keisei.training.metrics_manager import GameStatistics, MetricsManager


def count(statistics: GameStatistics, *games: tuple[Termination, int, int]) -> None:
    """Count games given as (end, winner, plies)."""
    ends, winners, plies = zip(*games, strict=True)
    statistics.count(
        np.array(ends, np.uint8), np.array(winners, np.int8), np.array(plies, np.int32)
    )


def filled() -> GameStatistics:
    statistics = GameStatistics()
    count(
        statistics,
        (Termination.CHECKMATE, 0, 101),
        (Termination.CHECKMATE, 1, 60),
        (Termination.PERPETUAL_CHECK, 0, 40),
    )
    count(statistics, (Termination.SENNICHITE, -1, 99), (Termination.MAX_PLIES, -1, 200))
    return statistics


def test_results_are_counted_by_colour_and_kind() -> None:
    statistics = filled()
    assert (statistics.games, statistics.black_wins, statistics.white_wins) == (5, 2, 1)
    assert statistics.by_kind() == {
        "CHECKMATE": 2,
        "STALEMATE": 0,
        "SENNICHITE": 1,
        "PERPETUAL_CHECK": 1,
        "DECLARATION": 0,
        "MAX_PLIES": 1,
    }
    assert statistics.mean_plies == 100.0


def test_a_truncated_game_is_no_draw() -> None:
    statistics = filled()
    assert (statistics.draws, statistics.truncations) == (1, 1)
    assert (
        statistics.black_wins + statistics.white_wins + statistics.draws + statistics.truncations
        == statistics.games
    )


def test_no_games_have_no_length() -> None:
    assert GameStatistics().mean_plies == 0.0


def test_statistics_go_on_from_their_state() -> None:
    statistics = GameStatistics()
    statistics.load_state_dict(filled().state_dict())
    count(statistics, (Termination.CHECKMATE, 1, 10))
    assert statistics.since(filled()).white_wins == 1
    assert statistics.games == 6


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
    assert metrics.snapshot(64).evaluation == {"score": 0.75}
    assert "eval/score" not in metrics.finish_update({}, 64)
    assert metrics.snapshot(128).evaluation == {"score": 0.75}


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
    assert metrics.snapshot(0).phase_seconds["learn"] > 0.0


def test_a_snapshot_tells_the_state_of_the_run() -> None:
    metrics = MetricsManager(1000, filled())
    early = metrics.snapshot(0)
    assert early.eta_seconds is None
    assert early.learning == early.recent == early.evaluation == {}
    metrics.count_step(100)
    metrics.finish_update({"entropy": 2.0}, 100)
    metrics.note("hello")
    snapshot = metrics.snapshot(100)
    assert (snapshot.global_timestep, snapshot.total_timesteps, snapshot.updates) == (100, 1000, 1)
    assert (snapshot.black_wins, snapshot.white_wins, snapshot.draws) == (2, 1, 1)
    assert (snapshot.truncations, snapshot.mean_plies) == (1, 100.0)
    assert snapshot.learning == {"entropy": 2.0}
    assert snapshot.message == "hello"
    assert snapshot.board_text is None
    assert snapshot.eta_seconds is not None
    assert snapshot.eta_seconds == pytest.approx(900 / snapshot.sps["overall"])


def test_what_waits_to_be_shown_is_noted() -> None:
    metrics = MetricsManager(1000, GameStatistics())
    assert metrics.pending_progress_updates == {}
    metrics.count_step(4)
    metrics.note("hello")
    assert metrics.pending_progress_updates == {"plies": 4, "message": "hello"}


def test_the_board_is_drawn_at_most_so_often() -> None:
    drawn: list[int] = []

    def draw() -> str:
        drawn.append(1)
        return f"board {len(drawn)}"

    metrics = MetricsManager(1000, GameStatistics(), board_text=draw, board_seconds=1e9)
    assert [metrics.snapshot(0).board_text for _ in range(3)] == ["board 1"] * 3
    eager = MetricsManager(1000, GameStatistics(), board_text=draw, board_seconds=0.0)
    assert [eager.snapshot(0).board_text for _ in range(2)] == ["board 2", "board 3"]
