"""Where the game of a board stands, for searches: its course goes along."""

import numpy as np
import pytest

from keisei.games.endings import NO_WINNER, Rules
from keisei.games.pool import Pool
from keisei.games.standing import Standing
from keisei.shogi import Board, Termination
from keisei.vec import ShogiVectorEnv

RULES = Rules(60, declaration=True)
CYCLES = (
    ("4k4/9/9/9/9/9/9/9/4K4 b - 1", "5i5h 5a5b 5h5i 5b5a"),
    ("4k4/R8/9/9/9/9/9/9/4K4 b - 1", "9b9a 5a5b 9a9b 5b5a"),
)


def assert_children_are_judged_as_on(board: Board, standing: Standing) -> None:
    pool = Pool.of_games(standing, 600)
    past = pool.expand(0, 1, 1, 601)[1]
    pool.generate(1, past)
    pool.judge(1, past, RULES)
    actions = board.legal_actions()
    assert np.array_equal(pool.nodes.actions[1:past], actions)
    for child, action in enumerate(actions.tolist(), start=1):
        board.push_action(action)
        outcome = board.outcome(max_plies=RULES.max_plies, declaration=True)
        assert pool.nodes.slots.repeats[child] == board.repetition_count() - 1
        if outcome is None:
            assert pool.nodes.ends[child] == Termination.NONE
        else:
            assert pool.nodes.ends[child] == outcome.termination
            winner = NO_WINNER if outcome.winner is None else outcome.winner
            assert pool.nodes.winners[child] == winner
        board.pop()


@pytest.mark.parametrize(("sfen", "cycle"), CYCLES)
def test_a_board_at_any_ply_knows_its_course(sfen: str, cycle: str) -> None:
    board = Board(sfen)
    for text in [*cycle.split() * 2, *cycle.split()[:3]]:
        assert_children_are_judged_as_on(board, board.standing(RULES))
        board.push_usi(text)
    assert board.outcome() is None
    assert_children_are_judged_as_on(board, board.standing(RULES))


def test_a_board_of_a_game_keeps_what_was_before_it() -> None:
    sfen, cycle = CYCLES[0]
    env = ShogiVectorEnv(1, obs="compact", max_plies=RULES.max_plies, initial_sfens=[sfen])
    env.reset(seed=0)
    other = Board(sfen)
    for text in cycle.split() * 2:
        other.push_usi(text)
        legal = env.board(0).legal_moves
        action = env.board(0).legal_actions()[[move.usi() for move in legal].index(text)]
        env.step(np.array([action]))
    board = env.board(0)
    for text in cycle.split()[:3]:
        board.push_usi(text)
        other.push_usi(text)
    assert board.repetition_count() == 3
    assert_children_are_judged_as_on(other, board.standing(RULES))


def test_what_is_played_later_does_not_reach_back() -> None:
    board = Board()
    standing = board.standing(RULES)
    board.push_usi("7g7f")
    board.pop()
    assert_children_are_judged_as_on(board, standing)
