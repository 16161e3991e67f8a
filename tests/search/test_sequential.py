"""Simulations of a wave find what they would find one after the other, written down plainly."""

import numpy as np
import pytest

from keisei.games.endings import Rules
from keisei.search.search import Search
from keisei.search.settings import SearchSettings
from keisei.shogi import Board
from tests.search.positions import opinionated
from tests.search.sequential import Sequential

RULES = Rules(512, declaration=True)


def a_game(seed: int, plies: int) -> Board:
    """A game of random moves that goes on."""
    board, rng = Board(), np.random.default_rng(seed)
    for _ in range(plies):
        board.push_action(int(rng.choice(board.legal_actions())))
    return board


@pytest.mark.slow
@pytest.mark.parametrize("portion", [1000, 1])
@pytest.mark.parametrize(
    "texts",
    [
        {"nodes": "1"},
        {"nodes": "5"},
        {"nodes": "40"},
        {"nodes": "50", "candidates": "1"},
        {"nodes": "33", "candidates": "593", "c_scale": "0.1"},
        # Each visit changes the weight of the action values by much.
        {"nodes": "64", "candidates": "12", "c_visit": "0"},
    ],
)
def test_a_wave_finds_what_single_simulations_find(texts: dict[str, str], portion: int) -> None:
    chosen = SearchSettings.from_texts({"mate_nodes": "0", **texts})
    for seed, plies in enumerate((0, 1, 12)):
        board = a_game(seed, plies)
        visits, action = Sequential(opinionated, chosen, RULES).run(board)
        trees = Search(opinionated, chosen).begin(board.standing(RULES))
        while trees.simulate(portion):
            pass
        found = trees.found()
        tree = found.tree
        assert not tree.proven.any()
        edges = slice(0, int(tree.num_children[0]))
        children = tree.children[edges]
        said = dict(zip(tree.actions[edges].tolist(), tree.visits[children].tolist(), strict=True))
        assert said == visits
        assert found.actions[0] == action
