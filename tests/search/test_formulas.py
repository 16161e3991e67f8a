"""The numbers by which a search chooses, against those worked out by hand."""

import numpy as np
import pytest

from keisei.search.formulas import Edges, Weights, halving_schedule, mixed_value, sigma


def test_the_better_half_of_the_candidates_goes_on() -> None:
    schedule = halving_schedule(4, 8)
    # Four candidates, two rounds of four simulations: each once, then the best two twice more.
    assert schedule[4].tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert schedule[2].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert schedule[1].tolist() == list(range(8))


def test_more_candidates_than_simulations_are_each_looked_at_once() -> None:
    assert halving_schedule(16, 10)[16].tolist() == [0] * 10


@pytest.mark.parametrize(("most", "simulations"), [(16, 32), (16, 128), (7, 100), (100, 64)])
def test_each_row_can_be_followed(most: int, simulations: int) -> None:
    for count in range(1, most + 1):
        visits = np.zeros(count, np.int64)
        for wanted in halving_schedule(most, simulations)[count]:
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
    weights = Weights(is_puct=False, c_visit=50.0, c_scale=0.5, c_puct=1.0)
    assert sigma(0.4, 10, weights) == pytest.approx(0.5 * 60 * 0.4)
