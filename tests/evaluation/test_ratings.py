import math

import numpy as np
import pytest

from keisei.evaluation.ratings import Pairing, Rating, fit_ratings
from keisei.evaluation.results import Score, elo_difference


def score(mean: float, openings: int = 100) -> Score:
    """Openings of one win and one loss, and as many won twice as the mean needs."""
    won = round((2 * mean - 1) * openings)
    return Score((2.0,) * won + (1.0,) * (openings - won), (2,) * openings)


def by_name(*pairings: Pairing) -> dict[str, Rating]:
    return {rating.name: rating for rating in fit_ratings(pairings, "zero")}


def test_two_players_differ_by_the_elo_difference_of_their_score() -> None:
    ratings = by_name(Pairing("one", "zero", score(0.75)))
    assert ratings["one"].elo == pytest.approx(elo_difference(0.75))
    zero = ratings["zero"]
    assert (zero.elo, zero.low, zero.high) == (0.0, 0.0, 0.0)
    assert ratings["one"].games == 200
    assert ratings["one"].is_bounded


def test_it_does_not_matter_whose_score_is_given() -> None:
    forth = by_name(Pairing("one", "zero", Score((2.0, 1.0, 1.0, 0.5), (2, 2, 2, 2))))
    back = by_name(Pairing("zero", "one", Score((0.0, 1.0, 1.0, 1.5), (2, 2, 2, 2))))
    for field in ("elo", "low", "high"):
        assert getattr(forth["one"], field) == pytest.approx(getattr(back["one"], field))


def test_differences_add_up_along_a_chain_and_so_do_variances() -> None:
    ratings = by_name(
        Pairing("one", "zero", score(0.75)),
        Pairing("two", "one", score(0.64)),
        Pairing("low", "zero", Score((0.5,) * 50, (2,) * 50)),
    )
    step = elo_difference(0.64)
    assert step is not None
    assert ratings["two"].elo - ratings["one"].elo == pytest.approx(step)
    assert ratings["low"].elo == pytest.approx(elo_difference(0.25))
    alone = by_name(Pairing("two", "zero", score(0.64)))["two"]
    widths = [rating.high - rating.low for rating in (ratings["one"], alone)]
    assert ratings["two"].high - ratings["two"].low == pytest.approx(math.hypot(*widths))
    assert [rating.name for rating in fit_ratings([Pairing("a", "zero", score(0.6))], "zero")] == [
        "zero",
        "a",
    ]


def test_contradicting_matches_are_weighed_by_their_games() -> None:
    # One player under two results of equal weight: the likelihood is that of the joint score.
    ratings = by_name(
        Pairing("one", "zero", Score((2.0,) * 30, (2,) * 30)),
        Pairing("one", "zero", Score((0.0,) * 10, (2,) * 10)),
    )
    # Clean scores lose half a point: 59.5 of 60 and 0.5 of 20.
    assert ratings["one"].elo == pytest.approx(elo_difference(60 / 80))


def test_the_fit_agrees_with_a_search_on_a_circle_of_matches() -> None:
    table = {("a", "zero"): (70, 100), ("b", "a"): (55, 100), ("b", "zero"): (60, 80)}
    ratings = by_name(
        *(
            Pairing(*names, Score((points / games * 2,) * (games // 2), (2,) * (games // 2)))
            for names, (points, games) in table.items()
        )
    )

    def likelihood(a: float, b: float) -> float:
        elo = {"zero": 0.0, "a": a, "b": b}
        total = 0.0
        for (first, second), (points, games) in table.items():
            expected = 1 / (1 + 10 ** ((elo[second] - elo[first]) / 400))
            total += points * math.log(expected) + (games - points) * math.log(1 - expected)
        return total

    best = likelihood(ratings["a"].elo, ratings["b"].elo)
    for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)):
        assert likelihood(ratings["a"].elo + a, ratings["b"].elo + b) < best


@pytest.mark.parametrize("points", [2.0, 0.0])
def test_a_clean_score_is_a_bound(points: float) -> None:
    ratings = by_name(
        Pairing("far", "zero", Score((points,) * 100, (2,) * 100)),
        Pairing("farther", "far", score(0.6)),
        Pairing("near", "zero", score(0.6)),
    )
    assert abs(ratings["far"].elo) == pytest.approx(elo_difference(199.5 / 200))
    assert not ratings["far"].is_bounded
    assert not ratings["farther"].is_bounded
    assert ratings["near"].is_bounded
    assert math.isfinite(ratings["farther"].high)


def test_another_way_round_a_clean_score_makes_a_rating() -> None:
    ratings = by_name(
        Pairing("top", "zero", Score((2.0,) * 100, (2,) * 100)),
        Pairing("middle", "zero", score(0.8)),
        Pairing("top", "middle", score(0.9)),
    )
    assert ratings["top"].is_bounded


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    truth = {"one": 150.0, "two": 400.0}
    covered = 0
    for _ in range(300):
        pairings: list[Pairing] = []
        for first, second, difference in (("one", "zero", 150.0), ("two", "one", 250.0)):
            chance = 1 / (1 + 10 ** (-difference / 400))
            wins = rng.random((60, 2)) < chance
            pairings.append(Pairing(first, second, Score(tuple(wins.sum(1).tolist()), (2,) * 60)))
        ratings = by_name(*pairings)
        covered += sum(
            ratings[name].low <= elo <= ratings[name].high for name, elo in truth.items()
        )
    # 570 of 600 are expected; the two of a round go together, so the deviation is about 7.
    assert 545 <= covered <= 595


def test_matches_that_do_not_hang_together_are_refused() -> None:
    with pytest.raises(ValueError, match="no chain of matches leads from 'zero' to 'a'"):
        by_name(Pairing("one", "zero", score(0.6)), Pairing("a", "b", score(0.6)))
    with pytest.raises(ValueError, match="no match of 'zero'"):
        by_name(Pairing("a", "b", score(0.6)))
