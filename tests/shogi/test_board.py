"""What a Board does: pushing, taking back, refusing, showing."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keisei.shogi import (
    BLACK,
    WHITE,
    Board,
    IllegalMoveError,
    InvalidUsiError,
    Move,
    Outcome,
    Termination,
    action_from_move,
    move_from_action,
    perft,
)
from keisei.shogi.constants import NUM_ACTIONS, OTHER_SIDE, START_SFEN
from keisei.shogi.notation import Placement, format_sfen, parse_sfen
from tests.conformance import records

BARE_KINGS = "4k4/9/9/9/9/9/9/9/4K4 b - 1"
MATE_IN_ONE = "4k4/9/4P4/9/9/9/9/9/4K4 b G 1"
STALEMATE_IN_ONE = "8k/9/6N2/7G1/9/9/9/9/4K4 b - 1"
# A rook and a bishop that shuffle there and back: every fourth ply the same position.
SHUFFLE = ["2h3h", "8b7b", "3h2h", "7b8b"]

game_seeds = st.integers(0, 2**32 - 1)


def _random_game(seed: int, max_plies: int = 120) -> Board:
    rng = random.Random(seed)
    board = Board()
    for _ in range(rng.randrange(max_plies)):
        moves = board.legal_moves
        if not moves:
            break
        board.push(rng.choice(list(moves)))
    return board


def _facts(board: Board) -> dict[str, object]:
    """All that can be asked of a board."""
    return {
        "sfen": board.sfen(),
        "turn": board.turn,
        "ply": board.ply,
        "legal": sorted(move.usi() for move in board.legal_moves),
        "check": board.is_check(),
        "checkers": sorted(board.checkers()),
        "mate": board.is_checkmate(),
        "count": board.repetition_count(),
        "declare": board.can_declare_win(),
        "outcome": board.outcome(max_plies=200, declaration=True),
        "text": str(board),
    }


def test_the_start() -> None:
    board = Board()
    assert board.sfen() == START_SFEN
    assert (board.turn, board.ply) == (BLACK, 0)
    assert len(board.legal_moves) == 30
    assert not board.is_check()
    assert board.checkers() == []
    assert board.repetition_count() == 1
    assert board.outcome() is None
    assert not board.can_declare_win()


def test_push_changes_turn_ply_and_text() -> None:
    board = Board()
    board.push(Move.from_usi("7g7f"))
    board.push_usi("3c3d")
    board.push_usi("8h2b+")
    assert board.sfen() == ("lnsgkgsnl/1r5+B1/pppppp1pp/6p2/9/2P6/PP1PPPPPP/7R1/LNSGKGSNL w B 4")
    assert (board.turn, board.ply) == (WHITE, 3)


def test_plies_are_counted_from_the_start_and_moves_from_the_sfen() -> None:
    board = Board("4k4/9/9/9/9/9/9/9/4K4 w - 41")
    assert (board.ply, board.turn) == (0, WHITE)
    board.push_usi("5a5b")
    assert board.ply == 1
    assert board.sfen().endswith(" b - 42")


@settings(max_examples=40)
@given(game_seeds)
def test_taking_back_restores_everything(seed: int) -> None:
    rng = random.Random(seed)
    board = Board(rng.choice(records("legal_moves"))["sfen"])
    before: list[dict[str, object]] = []
    while len(before) < 6 and board.legal_moves:
        before.append(_facts(board))
        board.push(rng.choice(list(board.legal_moves)))
    while before:
        board.pop()
        assert _facts(board) == before.pop()


def test_pop_gives_the_move_back_and_an_empty_game_has_none() -> None:
    board = Board()
    board.push_usi("7g7f")
    assert board.pop() == Move.from_usi("7g7f")
    with pytest.raises(IndexError):
        board.pop()


@settings(max_examples=40)
@given(game_seeds)
def test_sfen_round_trip_along_random_games(seed: int) -> None:
    board = _random_game(seed)
    copy = Board(board.sfen())
    assert copy.sfen() == board.sfen()
    assert sorted(move.usi() for move in copy.legal_moves) == sorted(
        move.usi() for move in board.legal_moves
    )
    assert copy.is_check() == board.is_check()


@settings(max_examples=40)
@given(game_seeds)
def test_the_turned_board_has_the_same_actions(seed: int) -> None:
    board = _random_game(seed)
    placement = parse_sfen(board.sfen())
    side = np.where(placement.board > OTHER_SIDE, 0, OTHER_SIDE)
    uncoloured = placement.board % OTHER_SIDE
    turned = np.where(placement.board == 0, 0, uncoloured + side)[::-1].astype(np.uint8)
    other = Board(format_sfen(Placement(turned, placement.hands[::-1], 1 - placement.to_move, 1)))
    actions = {action_from_move(board, move) for move in board.legal_moves}
    assert {action_from_move(other, move) for move in other.legal_moves} == actions


@pytest.mark.parametrize("usi", ["7g7e", "5e5d", "3c3d", "P*5e", "2h2b+", "7g7f+", "8h2b", "7g7g"])
def test_an_illegal_move_leaves_the_board_alone(usi: str) -> None:
    board = Board()
    facts = _facts(board)
    with pytest.raises(IllegalMoveError, match=usi.replace("*", r"\*").replace("+", r"\+")):
        board.push_usi(usi)
    with pytest.raises(IllegalMoveError):
        board.push(Move.from_usi(usi))
    assert _facts(board) == facts


def test_a_malformed_move_leaves_the_board_alone() -> None:
    board = Board()
    with pytest.raises(InvalidUsiError, match="'9j'"):
        board.push_usi("9j9i")
    assert board.ply == 0


def test_all_moves_that_are_not_legal_are_refused() -> None:
    board = Board(records("legal_moves")[0]["sfen"])
    legal = set(board.legal_moves)
    for origin in range(81):
        for target in range(0, 81, 7):
            move = Move(origin, target)
            if move not in legal:
                with pytest.raises(IllegalMoveError):
                    board.push(move)
    assert board.ply == 0


def test_actions_that_are_not_legal_are_refused() -> None:
    board = Board()
    legal = {action_from_move(board, move) for move in board.legal_moves}
    for action in range(NUM_ACTIONS):
        if action not in legal:
            with pytest.raises(IllegalMoveError, match=str(action)):
                move_from_action(board, action)
    for action in (-1, NUM_ACTIONS):
        with pytest.raises(IllegalMoveError, match=str(action)):
            move_from_action(board, action)


def test_shuffling_is_sennichite_at_the_fourth_occurrence() -> None:
    board = Board()
    for cycle in range(3):
        assert board.repetition_count() == cycle + 1
        assert board.outcome() is None
        for usi in SHUFFLE:
            board.push_usi(usi)
    assert board.repetition_count() == 4
    assert board.outcome() == Outcome(Termination.SENNICHITE, None)
    assert len(board.legal_moves) > 0


def test_mate_by_a_dropped_gold() -> None:
    board = Board(MATE_IN_ONE)
    board.push_usi("G*5b")
    assert board.is_checkmate()
    assert board.outcome() == Outcome(Termination.CHECKMATE, BLACK)


def test_stalemate_is_lost() -> None:
    board = Board(STALEMATE_IN_ONE)
    board.push_usi("2d2c")
    assert not board.is_check()
    assert not board.is_checkmate()
    assert len(board.legal_moves) == 0
    assert board.outcome() == Outcome(Termination.STALEMATE, BLACK)


def test_the_ply_cap_has_no_winner_and_gives_way_to_mate() -> None:
    board = Board(MATE_IN_ONE)
    assert board.outcome(max_plies=1) is None
    board.push_usi("5i5h")
    assert board.outcome() is None
    assert board.outcome(max_plies=1) == Outcome(Termination.MAX_PLIES, None)
    board.pop()
    board.push_usi("G*5b")
    assert board.outcome(max_plies=1) == Outcome(Termination.CHECKMATE, BLACK)


def test_perft_counts_leaves() -> None:
    board = Board(BARE_KINGS)
    assert perft(board, 0) == 1
    assert perft(board, 1) == len(board.legal_moves) == 5
    assert perft(board, 2) == 25


def test_the_text_of_a_board_shows_the_last_move() -> None:
    board = Board()
    board.push_usi("7g7f")
    lines = str(board).splitlines()
    assert len(lines) <= 14
    assert lines[-1] == "last move 7g7f"
    assert lines[7].split() == [".", ".", "P", ".", ".", ".", ".", ".", ".", "f"]
