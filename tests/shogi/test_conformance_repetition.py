"""Counts of earlier occurrences, ply by ply."""

from keisei.shogi import BLACK, WHITE, Board, Termination
from tests.conformance import with_contested

RECORDS = with_contested("repetition_prefix")


def test_counts_and_checks_along_the_game() -> None:
    assert len(RECORDS) == 84
    for record in RECORDS:
        board = Board(record["start"])
        counts = [board.repetition_count()]
        checks = [board.is_check()]
        for usi in record["moves"]:
            board.push_usi(usi)
            counts.append(board.repetition_count())
            checks.append(board.is_check())
        assert counts == record["counts"], record["id"]
        assert checks == record["in_check"], record["id"]


def test_the_game_goes_on_or_ends_as_told() -> None:
    for record in RECORDS:
        board = Board(record["start"])
        for usi in record["moves"]:
            assert board.outcome() is None, record["id"]
            board.push_usi(usi)
        outcome = board.outcome()
        expected = record["result"]
        if expected is None:
            assert outcome is None, record["id"]
            continue
        assert outcome is not None, record["id"]
        assert outcome.termination is Termination[expected["reason"].upper()], record["id"]
        assert outcome.winner == {"b": BLACK, "w": WHITE, None: None}[expected["winner"]]


def test_counts_go_back_when_moves_are_taken_back() -> None:
    for record in RECORDS:
        board = Board(record["start"])
        for usi in record["moves"]:
            board.push_usi(usi)
        for count in reversed(record["counts"][:-1]):
            board.pop()
            assert board.repetition_count() == count, record["id"]
