"""Mates that a solver finds at roots and at leaves are played, and read like any other line."""

import pytest

from keisei.search.lines import read_lines
from keisei.search.search import Found, Search
from keisei.search.settings import SearchSettings
from keisei.search.tree import LOST, WON
from keisei.shogi import Board, Termination
from tests.search.positions import (
    MATE_IN_ONE,
    MATE_IN_THREE,
    PAWN_DROP_MATES,
    games,
    opinionated,
    play,
    uniform,
)

METHODS = pytest.mark.parametrize("method", ["gumbel", "puct"])


def line_of(found: Found, root: int) -> list[str]:
    line = read_lines(found.tree, found.pool, root, int(found.actions[root]), 1)[0]
    assert line.proven == WON
    assert line.plies == len(line.moves)
    return [move.usi() for move in line.moves]


@METHODS
def test_a_mate_at_the_root_takes_no_simulation(method: str) -> None:
    sfens = (MATE_IN_THREE, MATE_IN_ONE)
    search = Search(opinionated, SearchSettings(nodes=50, method=method))  # pyright: ignore[reportArgumentType]
    trees = search.begin(games(*sfens).standing())
    assert trees.simulate(50) == 0
    found = trees.found()
    assert found.values.tolist() == [1.0, 1.0]
    for root, sfen in enumerate(sfens):
        board = Board(sfen)
        for move in line_of(found, root):
            board.push_usi(move)
        assert board.outcome() is not None
        assert board.is_checkmate()
    taught = trees.improved_policy()
    for root in range(2):
        given = slice(taught.offsets[root], taught.offsets[root + 1])
        assert taught.probabilities[given].max() == 1.0
        assert taught.actions[given][taught.probabilities[given].argmax()] == found.actions[root]
        first = int(found.tree.first_edges[root])
        edges = slice(first, first + int(found.tree.num_edges[root]))
        assert taught.actions[given].tolist() == sorted(found.tree.actions[edges].tolist())


def test_noise_stays_with_its_edges() -> None:
    standing = games(MATE_IN_THREE).standing()
    free, mated = (
        Search(opinionated, SearchSettings(nodes=4, mate_nodes=nodes), seed=5).begin(standing)
        for nodes in (0, 1000)
    )
    pairs: list[set[tuple[int, float]]] = []
    for trees in (free, mated):
        tree = trees.found().tree
        count = int(tree.num_edges[0])
        pairs.append(
            set(zip(tree.actions[:count].tolist(), tree.noise[0, :count].tolist(), strict=True))
        )
    assert pairs[0] == pairs[1]


def test_other_games_are_searched_as_without_a_solver() -> None:
    sfens = (MATE_IN_ONE, PAWN_DROP_MATES)
    found = [
        Search(opinionated, SearchSettings(nodes=60, mate_nodes=nodes)).run(
            games(*sfens).standing()
        )
        for nodes in (0, 1000)
    ]
    assert found[0].tree.proven[1] == found[1].tree.proven[1] == 0
    assert found[0].actions[1] == found[1].actions[1]
    assert found[0].values[1] == found[1].values[1]


def test_a_line_that_has_no_room_is_cut() -> None:
    found = Search(opinionated, SearchSettings(nodes=1)).run(games(MATE_IN_THREE).standing())
    assert found.tree.proven[0] == WON
    assert found.tree.proven[found.tree.children[0]] == LOST
    assert found.tree.visits[:2].tolist() == [2, 1]


def test_a_leaf_where_the_opponent_mates_is_lost() -> None:
    # White mates by G*5h unless Black moves the king or takes the pawn.
    env = games("4k4/9/9/9/9/9/4p3P/9/4K4 w g 1")
    play(env, "5a4a")
    chosen = SearchSettings(nodes=8, candidates=8, leaf_mates=1, mate_nodes=0)
    found = Search(uniform, chosen).run(env.standing())
    tree = found.tree
    children = tree.children[: tree.num_children[0]]
    lost = children[tree.proven[children] == WON]
    assert len(lost) == 1
    assert (found.pool.nodes.ends[lost] == Termination.NONE).all()
    assert (tree.visits[lost] == 1).all()
    assert (tree.totals[lost] == 1).all()
