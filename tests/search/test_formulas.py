"""The numbers by which a search chooses, against those worked out by hand."""

import numpy as np
import pytest

from keisei.search.formulas import (
    Edges,
    Weights,
    first_play_urgency,
    halving_rounds,
    mixed_value,
    sigma,
    visits_in_turn,
    wave_end,
)


def visits_in_order(candidates: int, simulations: int, count: int) -> list[int]:
    rounds = halving_rounds(candidates, simulations)
    return [int(visits_in_turn(rounds, count, number)) for number in range(simulations)]


def test_the_better_half_of_the_candidates_goes_on() -> None:
    # Four candidates, two rounds of four simulations: each once, then the best two twice more.
    assert visits_in_order(4, 8, 4) == [0, 0, 0, 0, 1, 1, 2, 2]
    assert visits_in_order(4, 8, 2) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert visits_in_order(4, 8, 1) == list(range(8))


def test_simulations_of_one_sweep_do_not_wait_for_each_other() -> None:
    rounds = halving_rounds(16, 64)
    # 16 candidates once, 8 twice, 4 four times, and two share the rest.
    ends = [int(wave_end(rounds, 16, number, 1)) for number in (0, 15, 16, 24, 32, 47, 48, 62)]
    assert ends == [16, 16, 24, 32, 36, 48, 50, 64]


def test_sweeps_under_way_at_once_are_of_one_round() -> None:
    rounds = halving_rounds(16, 64)
    assert [int(wave_end(rounds, 16, number, 3)) for number in (0, 16, 32, 48)] == [16, 32, 44, 54]


def test_more_candidates_than_simulations_are_each_looked_at_once() -> None:
    assert visits_in_order(16, 10, 16) == [0] * 10


@pytest.mark.parametrize(("most", "simulations"), [(16, 32), (16, 128), (7, 100), (100, 64)])
def test_each_row_can_be_followed(most: int, simulations: int) -> None:
    for count in range(1, most + 1):
        visits = np.zeros(count, np.int64)
        for wanted in visits_in_order(most, simulations, count):
            # Whoever is best among those with so many visits: there has to be one.
            visits[np.flatnonzero(visits == wanted)[0]] += 1
        assert visits.sum() == simulations


def test_values_are_completed_with_the_mixed_value() -> None:
    # 3 visits; edges of prior 0.5 and 0.1 with values 0.6 and 0.3: their weighted mean is 0.55.
    edges = Edges(visits=3, most=2, prior=0.6, weighted=0.5 * 0.6 + 0.1 * 0.3)
    # The network said 0.2 in [-1, 1], which is 0.6 in [0, 1].
    assert mixed_value(0.2, edges) == pytest.approx((0.6 + 3 * 0.55) / 4)
    assert mixed_value(0.2, Edges(0, 0, 0.0, 0.0)) == pytest.approx(0.6)


def test_action_values_count_the_more_the_more_visits_there_are() -> None:
    weights = Weights(is_puct=False, c_visit=50.0, c_scale=0.5, c_puct=1.0, fpu_reduction=0.0)
    assert sigma(0.4, 10, weights) == pytest.approx(0.5 * 60 * 0.4)


def test_what_is_not_visited_is_worth_a_little_less_than_its_node() -> None:
    weights = Weights(is_puct=True, c_visit=50.0, c_scale=1.0, c_puct=1.0, fpu_reduction=0.3)
    # A mean of 0.2 in [-1, 1] is 0.6; a quarter of the priors visited takes 0.3 times 0.5 of it.
    assert first_play_urgency(0.2, 0.25, weights) == pytest.approx(0.45)
    assert first_play_urgency(-1.0, 0.25, weights) == 0.0
