"""Counts of games by colour and kind of end."""

import numpy as np

from keisei.shogi.constants import Termination
from keisei.training.game_statistics import GameStatistics


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
