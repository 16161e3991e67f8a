import math

import numpy as np
import pytest

from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.records import GameRecord
from keisei.evaluation.results import MatchResult
from keisei.evaluation.sprt import Sprt, Trial
from keisei.players.greedy import GreedyPlayer
from keisei.players.simple import RandomPlayer
from keisei.shogi.constants import BLACK, WHITE, Termination

QUARTERS = 400 * math.log10(3)
"""Elo difference of a score of three quarters."""


def test_the_bounds_are_walds() -> None:
    assert Sprt(0, 5).bounds == pytest.approx((-math.log(19), math.log(19)))
    low, high = Sprt(0, 5, alpha=0.01, beta=0.1).bounds
    assert low == pytest.approx(math.log(0.1 / 0.99))
    assert high == pytest.approx(math.log(90))


@pytest.mark.parametrize(
    ("pairs", "elo0", "elo1", "llr"),
    [
        # Won or lost twice only: the shares under a score s are 1 - s and s, so that
        # LLR = 10 ln(0.25 / 0.5) + 30 ln(0.75 / 0.5) = -6.9315 + 12.1640.
        ((10, 0, 0, 0, 30), 0, QUARTERS, 5.2325),
        # With d = a - s and s = 1/2, 10 (-1/2) / (1 - x/2) + 30 (1/2) / (1 + x/2) = 0 gives x = 1.
        # With s = 3/4 and x = 4y the equation is 9 y^2 - 4 y - 1 = 0, y = (4 - sqrt(52)) / 18.
        # LLR = 10 ln(1/2) + 30 ln(3/2) - 10 ln(1 - 3y) - 20 ln(1 - y) - 30 ln(1 + y)
        #     = 5.2325 - 10 (0.42865) - 20 (0.16415) - 30 (-0.19650) = 5.2325 - 1.6747.
        ((10, 0, 20, 0, 30), 0, QUARTERS, 3.5578),
        # What is as far from the one hypothesis as from the other speaks for neither.
        ((7, 11, 40, 11, 7), -10, 10, 0.0),
        ((0, 0, 0, 0, 0), 0, 5, 0.0),
    ],
)
def test_the_ratio_is_what_a_hand_computes(
    pairs: tuple[int, ...], elo0: float, elo1: float, llr: float
) -> None:
    # The thousandths of pairs that stand for none add some thousandths.
    assert Sprt(elo0, elo1).llr(pairs) == pytest.approx(llr, abs=0.02)
    assert Sprt(-elo1, -elo0).llr(pairs[::-1]) == pytest.approx(-llr, abs=0.02)


def test_close_hypotheses_have_the_ratio_of_normal_scores() -> None:
    # LLR ~ N (s1 - s0) (2 m - s0 - s1) / (2 v), where m = 0.51 and the variance v = 0.0374 (Van den
    # Bergh, "Comments on the GSPRT").
    pairs = (20, 200, 540, 200, 40)
    mean, variance = 0.51, (20 * 0.51**2 + 200 * 0.26**2 + 540 * 0.01**2 + 200 * 0.24**2) / 1000
    variance += 40 * 0.49**2 / 1000
    score1 = 1 / (1 + 10 ** (-5 / 400))
    llr = 1000 * (score1 - 0.5) * (2 * mean - 0.5 - score1) / (2 * variance)
    assert Sprt(0, 5).llr(pairs) == pytest.approx(llr, rel=0.01)


def test_one_sided_results_have_a_ratio_too() -> None:
    for pairs in ((0, 0, 0, 0, 50), (50, 0, 0, 0, 0), (0, 0, 1, 0, 0), (10**6, 0, 0, 0, 1)):
        assert math.isfinite(Sprt(-2000, 2000).llr(pairs))
    assert Sprt(0, 50).accepted((0, 0, 0, 0, 50)) == "H1"
    assert Sprt(0, 50).accepted((50, 0, 0, 0, 0)) == "H0"
    assert Sprt(0, 50).accepted((0, 0, 1, 0, 0)) == ""


def share_of_h1(sprt: Sprt, elo: float, trials: int) -> float:
    """How often the test accepts H1 where the Elo difference is this."""
    score = 1 / (1 + 10 ** (-elo / 400))
    shares = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    # Tilted until the expected score is right; then as many pairs as a test ever takes.
    tilts = np.linspace(-3, 3, 60_001)[:, None]
    tilted = shares * np.exp(tilts * np.linspace(0, 1, 5))
    tilted /= tilted.sum(axis=1, keepdims=True)
    chances = tilted[np.argmin(abs(tilted @ np.linspace(0, 1, 5) - score))]
    rng = np.random.default_rng(5)
    accepted = 0
    for _ in range(trials):
        pairs = [0] * 5
        for drawn in rng.choice(5, 2000, p=chances).tolist():
            pairs[drawn] += 1
            verdict = sprt.accepted(pairs)
            if verdict:
                accepted += verdict == "H1"
                break
        else:
            raise AssertionError("no verdict")
    return accepted / trials


def test_errors_are_as_frequent_as_asked_for() -> None:
    sprt = Sprt(0, 80, alpha=0.1, beta=0.2)
    # Standard deviations are 0.015 and 0.02; a test that oversteps its bounds errs more seldom.
    assert 0.04 <= share_of_h1(sprt, 0, 400) <= 0.14
    assert 0.12 <= 1 - share_of_h1(sprt, 80, 400) <= 0.25


@pytest.mark.slow
def test_errors_are_as_frequent_as_asked_for_over_many_trials() -> None:
    sprt = Sprt(0, 50)
    # Standard deviations are 0.007.
    assert 0.03 <= share_of_h1(sprt, 0, 1000) <= 0.065
    assert 0.03 <= 1 - share_of_h1(sprt, 50, 1000) <= 0.065


def game(number: int, points_of_a: float) -> GameRecord:
    winner = {1.0: number % 2, 0.0: 1 - number % 2, 0.5: None}[points_of_a]
    return GameRecord(number, WHITE if number % 2 else BLACK, Termination.CHECKMATE, winner)


def test_pairs_are_looked_at_in_their_order_until_one_decides() -> None:
    trial = Trial(Sprt(0, QUARTERS))
    for number in (3, 2, 1, 5):
        trial.add(game(number, 1.0))
    assert trial.num_games == 0
    trial.add(game(0, 0.5))
    assert trial.num_games == 4
    assert trial.outcome().pairs == (0, 0, 0, 1, 1)
    late = list(range(4, 60))
    for number in reversed(late):
        trial.add(game(number, 1.0))
    assert trial.accepted == "H1"
    decided = trial.num_games
    assert 4 < decided < 60
    trial.add(game(60, 0.0))
    assert trial.num_games == decided
    outcome = trial.outcome()
    assert outcome.verdict == "H1"
    assert outcome.sprt.llr(outcome.pairs) >= outcome.sprt.bounds[1]
    assert sum(outcome.pairs) == decided // 2


def match(elo0: float, elo1: float, games: int, num_envs: int) -> MatchResult:
    rules = MatchRules(max_plies=120, sprt=Sprt(elo0, elo1))
    players = GreedyPlayer(1), RandomPlayer(2)
    return play_match(*players, games, rules=rules, num_envs=num_envs, seed=3)


def test_a_match_ends_when_its_test_does_and_tells_of_these_games_alone() -> None:
    result = match(0, 200, 200, 10)
    assert result.sprt is not None
    assert result.sprt.verdict == "H1"
    assert result.total.games < 60
    assert [each.number for each in result.games] == list(range(result.total.games))
    assert tuple(result.by_opening.pairs.values()) == result.sprt.pairs
    low, high = result.sprt.sprt.bounds
    before = MatchResult(result.games[:-2]).by_opening.pairs
    assert low < result.sprt.sprt.llr(list(before.values())) < high
    assert f"  SPRT     LLR +{result.sprt.sprt.llr(result.sprt.pairs):.2f} of " in result.report(
        "greedy", "random"
    )
    told = result.to_json_dict()["sprt"]
    assert (told["verdict"], told["pairs"]) == ("H1", result.total.games // 2)


def test_a_test_that_the_games_do_not_decide_is_undecided() -> None:
    result = match(400, 401, 6, 4)
    assert result.total.games == 6
    assert result.sprt is not None
    assert result.sprt.verdict == "undecided"
    assert str(result.sprt).endswith(": Elo 400 or 401 (undecided after 3 pairs)")


def test_tests_of_nothing_are_refused() -> None:
    for wrong in ((5, 0), (0, 0), (0, 2001), (math.nan, 5)):
        with pytest.raises(ValueError, match="two Elo differences, the lower one first"):
            Sprt(*wrong)
    with pytest.raises(ValueError, match=r"alpha has to be above 0 and below 0.5, not 0.5"):
        Sprt(0, 5, alpha=0.5)
    with pytest.raises(ValueError, match="beta has to be above 0"):
        Sprt(0, 5, beta=0)
    with pytest.raises(ValueError, match="an even number of games, not 5"):
        match(0, 5, 5, 1)
