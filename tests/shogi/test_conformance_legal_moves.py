"""Positions with their legal moves: the rules of moving, dropping, check and its ends."""

from keisei.shogi import BLACK, WHITE, Board, Termination
from keisei.shogi.moves import SQUARE_NAMES
from tests.conformance import Record, with_contested

RECORDS = with_contested("legal_moves")


def _legal_usi(record: Record) -> list[str]:
    return sorted(move.usi() for move in Board(record["sfen"]).legal_moves)


def test_legal_moves() -> None:
    assert len(RECORDS) == 3251
    wrong = [record["id"] for record in RECORDS if _legal_usi(record) != record["legal"]]
    assert wrong == []


def test_number_of_legal_moves_is_that_of_the_list() -> None:
    for record in RECORDS:
        moves = Board(record["sfen"]).legal_moves
        assert len(moves) == len(set(moves)) == record["n"], record["id"]


def test_check_and_checking_pieces() -> None:
    for record in RECORDS:
        board = Board(record["sfen"])
        assert board.is_check() == record["in_check"], record["id"]
        checkers = board.checkers()
        assert len(set(checkers)) == len(checkers) == record["checkers"], record["id"]


def test_checkers_are_squares_of_the_checking_pieces() -> None:
    board = Board("4k4/9/5N3/9/4R4/9/9/9/4K4 w - 1")
    assert sorted(SQUARE_NAMES[square] for square in board.checkers()) == ["4c", "5e"]


def test_mate_and_stalemate_are_lost_by_the_side_to_move() -> None:
    for record in RECORDS:
        board = Board(record["sfen"])
        assert board.is_checkmate() == record["mated"], record["id"]
        outcome = board.outcome()
        if not (record["mated"] or record["stalemated"]):
            assert outcome is None, record["id"]
            continue
        assert outcome is not None, record["id"]
        expected = Termination.CHECKMATE if record["mated"] else Termination.STALEMATE
        assert outcome.termination is expected, record["id"]
        assert outcome.winner == (WHITE if board.turn == BLACK else BLACK), record["id"]


def test_mating_pawn_drops_are_illegal() -> None:
    drops = 0
    for record in RECORDS:
        if not record["uchifuzume"]:
            continue
        legal = set(_legal_usi(record))
        assert legal.isdisjoint(record["uchifuzume"]), record["id"]
        drops += len(record["uchifuzume"])
    assert drops > 100


def test_no_pawn_is_dropped_beside_an_own_pawn() -> None:
    files = 0
    for record in RECORDS:
        dropped_on = {int(usi[2]) for usi in _legal_usi(record) if usi.startswith("P*")}
        assert dropped_on.isdisjoint(record["nifu_files"]), record["id"]
        files += len(record["nifu_files"])
    assert files > 1000
