"""Lines that are read from a tree, and roots of which some moves alone are looked at."""

import numpy as np
import pytest

from keisei.search.lines import UNKNOWN_PLIES, Line, read_lines
from keisei.search.restricting import keep_actions
from keisei.search.search import Found, Search
from keisei.search.tree import LOST, UNKNOWN, WON
from keisei.shogi import BLACK, Board, Move, action_from_move
from tests.search.positions import (
    MATE_IN_ONE,
    MATE_IN_THREE,
    games,
    opinionated,
    settings,
    uniform,
)

METHODS = pytest.mark.parametrize("method", ["gumbel", "puct"])


def lines_of(found: Found, count: int) -> list[Line]:
    return read_lines(found.tree, found.pool, 0, int(found.actions[0]), count)


def after(board: Board, line: Line) -> Board:
    """The board at the end of a line, all of whose moves are legal."""
    board = board.copy()
    for move in line.moves:
        board.push(move)
    return board


def winner_after(board: Board, line: Line) -> int | None:
    outcome = after(board, line).outcome()
    assert outcome is not None
    return outcome.winner


@METHODS
def test_lines_are_legal_and_begin_with_what_is_played(method: str) -> None:
    board = Board()
    env = games(board.sfen())
    found = Search(opinionated, settings(method, 300)).run(env.standing())
    lines = lines_of(found, 5)
    assert [len({line.moves[0] for line in lines})] == [len(lines)] == [5]
    assert action_from_move(board, lines[0].moves[0]) == found.actions[0]
    for line in lines:
        assert after(board, line).ply == len(line.moves)
        assert line.proven == UNKNOWN
        assert line.plies == UNKNOWN_PLIES
        assert -1 <= line.value <= 1


def test_lines_stand_by_their_visits() -> None:
    found = Search(opinionated, settings("puct", 300)).run(games(Board().sfen()).standing())
    visits = [line.visits for line in lines_of(found, 99)]
    assert visits == sorted(visits, reverse=True)
    assert sum(visits) == 300


def test_there_are_no_more_lines_than_moves_with_a_visit() -> None:
    found = Search(uniform, settings("puct", 3)).run(games(Board().sfen()).standing())
    lines = lines_of(found, 593)
    assert 1 < len(lines) <= 3
    assert sum(line.visits for line in lines) == 3


@pytest.mark.parametrize(("sfen", "plies"), [(MATE_IN_ONE, 1), (MATE_IN_THREE, 3)])
def test_the_way_to_a_mate_is_counted_and_shown(sfen: str, plies: int) -> None:
    found = Search(uniform, settings("puct", 4000)).run(games(sfen).standing())
    line = lines_of(found, 1)[0]
    assert (line.proven, line.value, line.plies) == (WON, 1.0, plies)
    assert len(line.moves) == plies
    assert winner_after(Board(sfen), line) == BLACK


def test_who_is_lost_holds_out_as_long_as_possible() -> None:
    board = Board(MATE_IN_THREE)
    board.push_usi("G*1b")
    found = Search(uniform, settings("puct", 4000)).run(games(board.sfen()).standing())
    lines = lines_of(found, 593)
    assert found.tree.proven[0] == LOST
    assert len(lines) == len(board.legal_moves)
    assert {(line.proven, line.value, line.plies) for line in lines} == {(LOST, -1.0, 2)}
    for line in lines:
        assert winner_after(board, line) == BLACK


def test_only_kept_actions_are_looked_at() -> None:
    board = Board()
    chosen = [action_from_move(board, Move.from_usi(text)) for text in ("9g9f", "1g1f", "5g5f")]
    trees = Search(opinionated, settings("puct", 60)).begin(games(board.sfen()).standing())
    tree = trees.found().tree
    before = dict(zip(tree.actions.tolist(), tree.priors.tolist(), strict=True))
    keep_actions(tree, 0, chosen)
    trees.simulate(60)
    found = trees.found()
    lines = lines_of(found, 593)
    assert {action_from_move(board, line.moves[0]) for line in lines} == set(chosen)
    assert sum(line.visits for line in lines) == 60
    edges = slice(int(tree.first_edges[0]), int(tree.first_edges[0]) + 3)
    expected = np.array([before[action] for action in found.tree.actions[edges].tolist()])
    assert found.tree.priors[edges] == pytest.approx(expected / expected.sum())
