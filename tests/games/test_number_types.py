"""Whole numbers of any type run the kernels that there are; a new form takes seconds to compile."""

from typing import Any

import numpy as np
import pytest

from keisei.games import placing, pool
from keisei.shogi import Board, move_from_action
from keisei.vec import ShogiVectorEnv, kernels


def compiled() -> dict[str, int]:
    """The number of forms in which each kernel has been compiled or loaded."""
    named = [each for module in (pool, placing, kernels) for each in vars(module).items()]
    return {name: len(getattr(value, "signatures", ())) for name, value in named}


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint16])
def test_a_board_takes_whole_numbers_of_any_type(kind: Any) -> None:
    board = Board()
    board.push_action(int(board.legal_actions()[0]))
    board.outcome()
    assert board.legal_moves
    action = kind(board.legal_actions()[0])
    before = compiled()
    move = move_from_action(board, action)
    board.push_action(action)
    assert board.last_move == move
    assert board.outcome(max_plies=kind(2), declaration=bool(kind(1))) is not None
    assert compiled() == before


def test_games_that_draw_may_be_marked_in_any_memory() -> None:
    env = ShogiVectorEnv(4, obs="compact")
    env.reset(seed=1)
    env.sample_actions()
    before = compiled()
    constant = np.ones(4, np.bool_)
    constant.flags.writeable = False
    for marks in (np.ones(8, np.bool_)[::2], constant, [True] * 4):
        assert env.sample_actions(marks).all()
    assert compiled() == before
