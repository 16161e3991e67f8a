"""Whole games: they end where, how and for whom the data says, and nowhere before."""

from keisei.shogi import BLACK, WHITE, Board, Outcome, Termination
from tests.conformance import Record, with_contested

RECORDS = with_contested("games")
MAX_PLIES = 512
COLOURS = {"b": BLACK, "w": WHITE, None: None}


def _play(record: Record, *, declaration: bool) -> tuple[int, Outcome | None]:
    """Plays a record's moves up to the first end; its ply and the outcome there."""
    board = Board(record["start"])
    for ply, usi in enumerate(record["moves"]):
        outcome = board.outcome(max_plies=MAX_PLIES, declaration=declaration)
        if outcome is not None:
            return ply, outcome
        board.push_usi(usi)
    return board.ply, board.outcome(max_plies=MAX_PLIES, declaration=declaration)


def test_ends_without_declaration() -> None:
    assert len(RECORDS) == 242
    for record in RECORDS:
        ply, outcome = _play(record, declaration=False)
        expected = record["result"]
        assert outcome is not None, record["id"]
        assert outcome.termination is Termination[expected["reason"].upper()], record["id"]
        assert outcome.winner == COLOURS[expected["winner"]], record["id"]
        assert ply == expected["ply"], record["id"]


def test_the_first_ply_with_a_declaration_ends_the_game_there() -> None:
    declared = 0
    for record in RECORDS:
        ply, outcome = _play(record, declaration=True)
        assert outcome is not None, record["id"]
        if record["declaration"] is None:
            assert outcome.termination is not Termination.DECLARATION, record["id"]
            assert ply == record["result"]["ply"], record["id"]
            continue
        assert outcome.termination is Termination.DECLARATION, record["id"]
        assert outcome.winner == COLOURS[record["declaration"]["winner"]], record["id"]
        assert ply == record["declaration"]["ply"], record["id"]
        declared += 1
    assert declared == 18


def test_fourth_occurrences_count_up_to_four() -> None:
    repeated = [record for record in RECORDS if "occurrences" in record["result"]]
    assert len(repeated) > 80
    for record in repeated:
        board = Board(record["start"])
        counts = [board.repetition_count()]
        for usi in record["moves"]:
            board.push_usi(usi)
            counts.append(board.repetition_count())
        occurrences: list[int] = record["result"]["occurrences"]
        assert [counts[ply] for ply in occurrences] == [1, 2, 3, 4], record["id"]
        assert max(counts[:-1]) == 3, record["id"]


def test_check_at_the_end() -> None:
    for record in RECORDS:
        board = Board(record["start"])
        for usi in record["moves"]:
            board.push_usi(usi)
        assert board.is_check() == record["final_in_check"], record["id"]


def test_a_natural_end_on_the_last_ply_wins_over_the_cap() -> None:
    at_the_cap = [
        record
        for record in RECORDS
        if record["result"]["ply"] == MAX_PLIES and not record["result"]["truncated"]
    ]
    assert {record["result"]["reason"] for record in at_the_cap} == {"checkmate", "sennichite"}
    for record in at_the_cap:
        _, outcome = _play(record, declaration=False)
        assert outcome is not None
        assert outcome.termination is not Termination.MAX_PLIES, record["id"]
