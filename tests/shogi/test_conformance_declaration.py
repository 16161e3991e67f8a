import pytest

from keisei.shogi import Board, Termination
from tests.conformance import Record, records


@pytest.mark.parametrize("record", records("declaration"), ids=lambda r: r["id"])
def test_declaration(record: Record) -> None:
    board = Board(record["sfen"])
    assert board.can_declare_win() == record["eligible"]
    outcome = board.outcome(declaration=True)
    if record["eligible"]:
        assert outcome is not None
        assert outcome.termination is Termination.DECLARATION
        assert outcome.winner == board.turn
    else:
        assert outcome is None or outcome.termination is not Termination.DECLARATION


def test_a_declaration_nobody_asks_for_does_not_end_the_game() -> None:
    eligible = [record for record in records("declaration") if record["eligible"]]
    assert eligible
    for record in eligible:
        assert Board(record["sfen"]).outcome() is None, record["id"]
