"""What a search teaches, against numbers worked out by hand and the trees themselves."""

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.search.evaluators import Verdict
from keisei.search.improving import ImprovedPolicy
from keisei.search.search import Search
from keisei.search.settings import SearchSettings
from keisei.shogi import Move, action_from_move
from keisei.vec import ShogiVectorEnv
from tests.search.positions import MATE_IN_ONE, games, opinionated, play, settings, uniform


def test_it_is_the_softmax_of_logits_and_completed_values() -> None:
    env = ShogiVectorEnv(2, obs="compact")
    env.reset(seed=2)
    chosen = SearchSettings(nodes=40, temperature=1.0, c_visit=5.0, c_scale=0.3)
    trees = Search(opinionated, chosen).begin(env.standing())
    trees.simulate(40)
    tree, taught = trees.found().tree, trees.improved_policy()
    for root in range(2):
        edges = slice(tree.first_edges[root], tree.first_edges[root] + tree.num_edges[root])
        children, priors = tree.children[edges], tree.priors[edges].astype(np.float64)
        visited = children >= 0
        q = np.zeros(len(children))
        nodes = children[visited]
        q[visited] = 0.5 - 0.5 * tree.totals[nodes] / tree.visits[nodes]
        # Equation 33: what the network said, and the visited values weighted by the priors.
        visits = tree.visits[nodes].sum()
        mean = (priors * q)[visited].sum() / priors[visited].sum()
        q[~visited] = (0.5 + 0.5 * tree.values[root] + visits * mean) / (1 + visits)
        logits = np.log(priors) + (5.0 + tree.visits[nodes].max()) * 0.3 * q
        wanted = np.exp(logits - np.logaddexp.reduce(logits))
        order = np.argsort(tree.actions[edges])
        given = slice(taught.offsets[root], taught.offsets[root + 1])
        assert taught.actions[given].tolist() == tree.actions[edges][order].tolist()
        np.testing.assert_allclose(taught.probabilities[given], wanted[order], rtol=1e-4)
        assert taught.values[root] == pytest.approx(2.0 * (wanted * q).sum() - 1.0, abs=1e-4)


def test_with_puct_it_is_the_share_of_the_visits() -> None:
    env = ShogiVectorEnv(1, obs="compact")
    env.reset(seed=2)
    trees = Search(opinionated, SearchSettings(nodes=50, method="puct")).begin(env.standing())
    trees.simulate(50)
    tree, taught = trees.found().tree, trees.improved_policy()
    visits = dict.fromkeys(taught.actions.tolist(), 0)
    for edge in range(tree.num_children[0]):
        visits[int(tree.actions[edge])] = int(tree.visits[tree.children[edge]])
    wanted = np.array(list(visits.values())) / 50
    np.testing.assert_allclose(taught.probabilities, wanted, rtol=1e-6)


@pytest.mark.parametrize("method", ["gumbel", "puct"])
def test_only_a_move_that_mates_is_taught_where_there_is_one(method: str) -> None:
    trees = Search(uniform, settings(method, 2000)).begin(games(MATE_IN_ONE).standing())
    trees.simulate(2000)
    taught, played = trees.improved_policy(), trees.found().actions[0]
    assert taught.probabilities[taught.actions == played] > 0.3
    assert taught.probabilities.sum() == pytest.approx(1.0)
    assert taught.values[0] == 1.0
    # Several drops of the gold mate; no other move gets anything.
    assert 1 <= (taught.probabilities > 0).sum() <= 3


def test_a_move_that_loses_at_once_is_not_taught() -> None:
    # White mates by G*5h unless Black moves the king or takes the pawn.
    env = games("4k4/9/9/9/9/9/4p3P/9/4K4 w g 1")
    play(env, "5a4a")
    trees = Search(uniform, settings("gumbel", 1500)).begin(env.standing())
    trees.simulate(1500)
    tree, taught = trees.found().tree, trees.improved_policy()
    lost = {
        int(tree.actions[edge])
        for edge in range(tree.num_children[0])
        if tree.proven[tree.children[edge]] == 1
    }
    assert lost == {action_from_move(env.board(0), Move.from_usi("1g1f"))}
    assert not set(taught.actions[taught.probabilities > 0].tolist()) & lost


def test_where_all_visits_went_to_a_losing_move_the_others_are_taught() -> None:
    env = games("4k4/9/9/9/9/9/4p3P/9/4K4 w g 1")
    play(env, "5a4a")
    losing = action_from_move(env.board(0), Move.from_usi("1g1f"))

    def tempted(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        offsets, actions, log_probs, values = uniform(state, mask_bits)
        log_probs[actions == losing] = 5.0
        return offsets, actions, log_probs, values

    chosen = SearchSettings(nodes=1, method="puct", leaf_mates=1, mate_nodes=0)
    trees = Search(tempted, chosen).begin(env.standing())
    trees.simulate(1)
    taught = trees.improved_policy()
    assert taught.probabilities.sum() == pytest.approx(1.0)
    assert (taught.probabilities[taught.actions != losing] > 0).all()
    assert taught.probabilities[taught.actions == losing] == 0.0


def test_action_values_count_as_much_as_is_asked() -> None:
    env = ShogiVectorEnv(1, obs="compact")
    env.reset(seed=2)
    trees = Search(opinionated, SearchSettings(nodes=40, temperature=1.0)).begin(env.standing())
    trees.simulate(40)
    tree = trees.found().tree
    priors = tree.priors[: tree.num_edges[0]][np.argsort(tree.actions[: tree.num_edges[0]])]
    np.testing.assert_allclose(trees.improved_policy(0.0).probabilities, priors, rtol=1e-4)
    surer, less_sure = trees.improved_policy(), trees.improved_policy(0.1)
    assert surer.probabilities.max() > less_sure.probabilities.max()


def test_actions_are_drawn_with_their_probabilities_in_each_position() -> None:
    taught = ImprovedPolicy(
        np.array([0, 2, 3, 6]),
        np.array([4, 9, 7, 1, 2, 3]),
        np.array([0.25, 0.75, 1.0, 0.5, 0.0, 0.5], np.float32),
        np.zeros(3, np.float32),
    )
    draws = taught.draw(np.random.default_rng(1), 10_000)
    assert draws.shape == (3, 10_000)
    shares = [(draws[row] == action).mean() for row, action in ((0, 9), (1, 7), (2, 1), (2, 3))]
    # Four standard deviations of a share of 10,000 draws are 0.02 at most.
    np.testing.assert_allclose(shares, [0.75, 1.0, 0.5, 0.5], atol=0.02)
    assert not (draws[2] == 2).any()
