import json

import numpy as np
import pytest

from keisei.evaluation.records import GameRecord
from keisei.evaluation.results import MatchResult, MatesInOne, Score, Tally, elo_difference
from keisei.players.player import Forfeit
from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.shogi.moves import Move

MOVE = Move.from_usi("7g7f")


def game(number: int, winner: int | None, end: Termination | Forfeit, plies: int) -> GameRecord:
    return GameRecord(number, number % 2, end, winner, moves=[MOVE] * plies)


MATE, CAP = Termination.CHECKMATE, Termination.MAX_PLIES
RESULT = MatchResult(
    (
        game(0, BLACK, MATE, 81),  # A won with Black
        game(1, WHITE, MATE, 90),  # A won with White
        game(2, BLACK, MATE, 101),  # A won with Black
        game(3, BLACK, MATE, 100),  # A lost with White
        game(4, None, CAP, 320),
        game(5, BLACK, Forfeit.RESIGNATION, 61),  # A lost with White
    )
)


def test_colours_points_and_ends_are_counted_from_the_games() -> None:
    assert RESULT.as_black == Tally(wins=2, draws=1, losses=0)
    assert RESULT.as_white == Tally(wins=1, draws=0, losses=2)
    assert RESULT.total == Tally(wins=3, draws=1, losses=2)
    assert RESULT.score == 3.5 / 6
    assert RESULT.ends == {"resignation": 1, "checkmate": 4, "max_plies": 1}
    assert RESULT.mean_plies == 753 / 6
    assert RESULT.by_opening == Score((2.0, 1.0, 0.5), (2, 2, 2))


def test_an_odd_number_of_games_leaves_half_an_opening() -> None:
    score = MatchResult(RESULT.games[:5]).by_opening
    assert score == Score((2.0, 1.0, 0.5), (2, 2, 1))
    assert score.pairs == {"LL": 0, "LD": 0, "WL/DD": 1, "WD": 0, "WW": 1}


def test_the_interval_is_that_of_the_pairs_and_not_of_the_games() -> None:
    # 10 LL, 20 LD, 40 WL/DD, 20 WD, 10 WW. With z^2 / 2 = 1.92073 more pairs at either end the sum
    # of squares is 2 (10 + 1.92073) 1^2 + 2 (20) 0.5^2 = 33.84146, the error its root over the
    # 200 + 4 (1.92073) = 207.68292 games, 0.0280103. Wilson's interval is for n = 314.803 games,
    # 0.25 / 0.0280103^2 - 3.84146, or 0.5 -+ 1.959964 sqrt(0.25 / n + 3.84146 / (2 n)^2) /
    # (1 + 3.84146 / n) = 0.5 -+ 0.054899. In Elo, 400 lg(0.554899 / 0.445101).
    points = (0.0,) * 10 + (0.5,) * 20 + (1.0,) * 40 + (1.5,) * 20 + (2.0,) * 10
    paired = Score(points, (2,) * 100)
    assert paired.pairs == {"LL": 10, "LD": 20, "WL/DD": 40, "WD": 20, "WW": 10}
    assert paired.interval == pytest.approx((0.445101, 0.554899), abs=1e-6)
    assert elo_difference(paired.interval[1]) == pytest.approx(38.30, abs=0.01)


def test_many_pairs_have_the_normal_interval_of_pair_scores() -> None:
    # As above a hundred times: variance of a pair's score (20 (0.25) + 40 (0.0625)) / 100 = 0.075.
    points = ((0.0,) * 10 + (0.5,) * 20 + (1.0,) * 40 + (1.5,) * 20 + (2.0,) * 10) * 100
    spread = 1.959964 * (0.075 / 10_000) ** 0.5
    low, high = Score(points, (2,) * 10_000).interval
    assert (low, high) == pytest.approx((0.5 - spread, 0.5 + spread), abs=2e-5)


def test_games_that_are_not_paired_have_the_interval_of_won_drawn_and_lost() -> None:
    # A thousand won, two thousand drawn, a thousand lost: variance of a game 0.125.
    points = ((1.0,) + (0.5,) * 2 + (0.0,)) * 1000
    spread = 1.959964 * (0.125 / 4000) ** 0.5
    score = Score(points, (1,) * 4000)
    assert score.interval == pytest.approx((0.5 - spread, 0.5 + spread), abs=5e-5)
    assert set(score.pairs.values()) == {0}


@pytest.mark.parametrize(
    ("won", "openings", "interval"),
    [
        (50, 100, (0.40383, 0.59617)),
        # All of ten won: low = 10 / (10 + z squared), with z squared = 3.84146.
        (10, 10, (0.722467, 1.0)),
        (0, 10, (0.0, 0.277533)),
    ],
)
def test_where_openings_are_all_or_nothing_they_are_wilsons_trials(
    won: int, openings: int, interval: tuple[float, float]
) -> None:
    score = Score((2.0,) * won + (0.0,) * (openings - won), (2,) * openings)
    assert score.interval == pytest.approx(interval, abs=1e-5)


def test_openings_that_both_sides_share_tell_more_than_those_that_one_wins_twice() -> None:
    shared = Score((1.0,) * 50, (2,) * 50).interval
    torn = Score((2.0, 0.0) * 25, (2,) * 50).interval
    assert shared[1] - shared[0] < 0.3 * (torn[1] - torn[0])
    assert sum(shared) == pytest.approx(1.0)
    assert sum(torn) == pytest.approx(1.0)


@pytest.mark.parametrize("points", [2.0, 0.0])
def test_a_clean_score_keeps_a_width(points: float) -> None:
    score = Score((points,) * 200, (2,) * 200)
    low, high = score.interval
    assert low <= score.mean <= high
    assert 0.01 < high - low < 0.04


@pytest.mark.parametrize(
    "chances",
    [
        (0.25, 0.25, 0.25, 0.25),
        (0.02, 0.03, 0.25, 0.7),
        (0.1, 0.0, 0.8, 0.1),
        (0.5, 0.0, 0.0, 0.5),
        (0.0, 0.0, 0.04, 0.96),
        (0.0, 0.01, 0.09, 0.9),
    ],
)
@pytest.mark.parametrize("openings", [20, 100])
def test_the_interval_covers_the_truth_as_often_as_it_says(
    chances: tuple[float, ...], openings: int
) -> None:
    points = np.array([0.0, 0.5, 1.0, 2.0])
    truth = float(points @ np.array(chances)) / 2
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(1000):
        drawn = rng.choice(points, openings, p=chances)
        low, high = Score(tuple(drawn.tolist()), (2,) * openings).interval
        covered += low <= truth <= high
    # 950 are expected, with a standard deviation of 7; the interval may be too wide.
    assert covered >= 930


def test_elo_differences_have_their_textbook_values() -> None:
    assert elo_difference(0.5) == 0.0
    assert elo_difference(10 / 11) == pytest.approx(400.0)
    assert elo_difference(0.75) == pytest.approx(190.85, abs=0.01)
    assert elo_difference(0.25) == pytest.approx(-190.85, abs=0.01)
    assert elo_difference(0.0) is elo_difference(1.0) is None


def test_the_report_tells_score_interval_colours_and_ends() -> None:
    lines = RESULT.report("policy", "random").splitlines()
    low, high = RESULT.interval
    assert lines[0] == "policy against random: 6 games"
    assert lines[1] == f"  score    58.3%  (95% interval {low:.1%} to {high:.1%})"
    assert lines[2].startswith("  Elo      +58  (95% interval -")
    assert lines[3:] == [
        "  result   +3 =1 -2  (won, drawn, lost)",
        "  pairs    LL 0, LD 1, WL/DD 1, WD 0, WW 1",
        "  as Black +2 =1 -0",
        "  as White +1 =0 -2",
        "  ends     resignation 1, checkmate 4, max plies 1",
        "  length   125.5 plies on average",
        "  mate in one: none; of the opponent: none",
    ]


def test_mates_in_one_are_counted_by_whose_turn_it_was() -> None:
    games = (
        game(0, BLACK, MATE, 81),  # A with Black: two chances, the last one taken
        game(1, BLACK, Termination.STALEMATE, 91),  # A with White: one chance missed, lost
        game(2, WHITE, Forfeit.RESIGNATION, 60),  # A with Black gave up with a mate on the board
        game(4, None, CAP, 320),
    )
    for each, plies in zip(games, ([70, 75, 80], [55, 90], [60], []), strict=True):
        each.mate_chances.extend(plies)
    result = MatchResult(games)
    assert result.mates_of_a == MatesInOne(chances=4, taken=1)
    assert result.mates_of_b == MatesInOne(chances=2, taken=1)
    assert str(result.mates_of_a) == "25% of 4"
    assert str(MatesInOne(1234, 753)) == "61% of 1,234"
    assert result.to_json_dict()["mate_in_one"]["player"] == {
        "chances": 4,
        "taken": 1,
        "share": 0.25,
    }
    assert result.mates_of_a + result.mates_of_b == MatesInOne(6, 2)


def test_mates_in_one_are_told_apart_where_white_begins() -> None:
    start = "lnsgkgsnl/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"
    # A has Black and moves second: chances after odd numbers of plies are A's.
    white_first = GameRecord(0, BLACK, MATE, BLACK, moves=[MOVE] * 80, start=start)
    white_first.mate_chances.extend([60, 71, 79])
    result = MatchResult((white_first,))
    assert result.mates_of_a == MatesInOne(chances=2, taken=1)
    assert result.mates_of_b == MatesInOne(chances=1, taken=0)


def test_unbounded_elo_differences_are_said_and_are_no_numbers() -> None:
    won = MatchResult(RESULT.games[:2])
    assert "+infinite" in won.report("a", "b")
    assert won.to_json_dict()["elo"]["difference"] is None
    lost = MatchResult((game(0, WHITE, MATE, 10),))
    assert "Elo      -infinite" in lost.report("a", "b")


def test_json_and_metrics_hold_the_same_numbers() -> None:
    data = json.loads(json.dumps(RESULT.to_json_dict()))
    metrics = RESULT.metrics()
    for name in ("score", "games", "wins", "draws", "losses", "mean_plies"):
        assert data[name] == metrics[name]
    assert data["interval"]["low"] == metrics["score_low"]
    assert data["interval"]["high"] == metrics["score_high"]
    assert data["as_white"] == {"wins": 1, "draws": 0, "losses": 2}
    assert data["ends"] == {"resignation": 1, "checkmate": 4, "max_plies": 1}
