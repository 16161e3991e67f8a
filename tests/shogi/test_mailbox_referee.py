"""The reference referee itself, on data that other programs agree on."""

from tests.conformance import records, with_contested
from tests.shogi.mailbox_referee import MailboxGame, Position


def test_moves_checks_and_mates() -> None:
    for record in with_contested("legal_moves")[::25]:
        position = Position.from_sfen(record["sfen"])
        assert position.legal_moves() == record["legal"], record["id"]
        assert len(position.checkers(position.to_move)) == record["checkers"], record["id"]


def test_contested_positions() -> None:
    for record in records("contested"):
        if record["type"] == "legal_moves":
            assert Position.from_sfen(record["sfen"]).legal_moves() == record["legal"], record["id"]


def test_repetitions() -> None:
    short = [
        record
        for record in with_contested("games")
        if "occurrences" in record["result"] and record["plies"] < 40
    ]
    assert len(short) > 50
    for record in short:
        game = MailboxGame(record["start"])
        for usi in record["moves"]:
            game.push(usi)
        assert game.occurrences() == record["result"]["occurrences"], record["id"]
        end = record["result"]["reason"].upper(), record["result"]["winner"]
        assert game.repetition_verdict() == end, record["id"]


def test_declarations() -> None:
    for record in records("declaration"):
        position = Position.from_sfen(record["sfen"])
        assert position.can_declare_win() == record["eligible"], record["id"]
