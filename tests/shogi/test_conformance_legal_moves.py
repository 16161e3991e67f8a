"""Positions with their legal moves: the rules of moving, dropping, check and its ends.

The fast tests look at every fourth position and all contested ones; the batch reads them all
(tests/vec/test_conformance_batch.py), and the slow test does so board by board.
"""

import functools
from dataclasses import dataclass

import pytest

from keisei.shogi import BLACK, WHITE, Board, Termination
from keisei.shogi.moves import SQUARE_NAMES
from tests.conformance import Record, records, with_contested

EVERY = 4


@dataclass
class Case:
    record: Record
    board: Board
    legal: list[str]


def _case(record: Record) -> Case:
    board = Board(record["sfen"])
    return Case(record, board, [move.usi() for move in board.legal_moves])


@functools.cache
def _cases() -> list[Case]:
    contested = [record for record in records("contested") if record["type"] == "legal_moves"]
    return [_case(record) for record in (*records("legal_moves")[::EVERY], *contested)]


def test_legal_moves() -> None:
    assert len(_cases()) > 800
    wrong = [case.record["id"] for case in _cases() if sorted(case.legal) != case.record["legal"]]
    assert wrong == []


@pytest.mark.slow
def test_legal_moves_of_all_positions() -> None:
    all_records = with_contested("legal_moves")
    assert len(all_records) == 3251
    wrong = [
        record["id"] for record in all_records if sorted(_case(record).legal) != record["legal"]
    ]
    assert wrong == []


def test_legal_moves_come_once_each() -> None:
    for case in _cases():
        moves = case.board.legal_moves
        assert len(moves) == len(set(moves)) == case.record["n"], case.record["id"]


def test_check_and_checking_pieces() -> None:
    for case in _cases():
        assert case.board.is_check() == case.record["in_check"], case.record["id"]
        checkers = case.board.checkers()
        assert len(set(checkers)) == len(checkers) == case.record["checkers"], case.record["id"]


def test_checkers_are_squares_of_the_checking_pieces() -> None:
    board = Board("4k4/9/5N3/9/4R4/9/9/9/4K4 w - 1")
    assert [SQUARE_NAMES[square] for square in board.checkers()] == ["4c", "5e"]
    board = Board("4k4/9/4r4/9/9/9/3n5/9/4K4 b - 1")
    assert [SQUARE_NAMES[square] for square in board.checkers()] == ["5c", "6g"]


def test_mate_and_stalemate_are_lost_by_the_side_to_move() -> None:
    ends = 0
    for record in with_contested("legal_moves"):
        if not (record["mated"] or record["stalemated"]):
            continue
        board = Board(record["sfen"])
        expected = Termination.CHECKMATE if record["mated"] else Termination.STALEMATE
        outcome = board.outcome()
        assert outcome is not None, record["id"]
        assert outcome.termination is expected, record["id"]
        assert outcome.winner == (WHITE if board.turn == BLACK else BLACK), record["id"]
        assert board.is_checkmate() == record["mated"], record["id"]
        ends += 1
    assert ends > 100


def test_a_position_with_moves_is_no_end() -> None:
    for case in _cases():
        if case.legal:
            assert case.board.outcome() is None, case.record["id"]
            assert not case.board.is_checkmate(), case.record["id"]


def test_mating_pawn_drops_are_illegal() -> None:
    drops = 0
    for record in with_contested("legal_moves"):
        if record["uchifuzume"]:
            assert set(_case(record).legal).isdisjoint(record["uchifuzume"]), record["id"]
            drops += len(record["uchifuzume"])
    assert drops > 100


def test_no_pawn_is_dropped_beside_an_own_pawn() -> None:
    files = 0
    for case in _cases():
        dropped_on = {int(usi[2]) for usi in case.legal if usi.startswith("P*")}
        assert dropped_on.isdisjoint(case.record["nifu_files"]), case.record["id"]
        files += len(case.record["nifu_files"])
    assert files > 500
