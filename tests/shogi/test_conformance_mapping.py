"""Moves as action labels, both ways."""

import pytest

from keisei.shogi import Board, Move, action_from_move, move_from_action
from keisei.shogi.constants import NUM_ACTIONS
from tests.conformance import records, with_contested


def test_labels_of_moves() -> None:
    for record in records("mapping"):
        board = Board(record["sfen"])
        move = Move.from_usi(record["move"])
        assert action_from_move(board, move) == record["label"], record["id"]
        assert move_from_action(board, record["label"]) == move, record["id"]


@pytest.mark.parametrize("every", [30, pytest.param(1, marks=pytest.mark.slow)])
def test_labels_of_one_position_are_distinct_and_lead_back(every: int) -> None:
    for record in with_contested("legal_moves")[::every]:
        board = Board(record["sfen"])
        moves = list(board.legal_moves)
        labels = [action_from_move(board, move) for move in moves]
        assert len(set(labels)) == len(moves), record["id"]
        assert all(0 <= label < NUM_ACTIONS for label in labels), record["id"]
        assert [move_from_action(board, label) for label in labels] == moves, record["id"]
