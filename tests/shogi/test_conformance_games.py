"""Whole games: they end where, how and for whom the data says, and nowhere before.

The fast tests play the short games and some of the long ones; the batch plays all of them
(tests/vec/test_conformance_batch.py), and the slow tests do so board by board.
"""

from dataclasses import dataclass, field

import pytest

from keisei.shogi import BLACK, WHITE, Board, Outcome, Termination
from tests.conformance import Record, with_contested

RECORDS = with_contested("games")
MAX_PLIES = 512
SHORT_PLIES = 60
COLOURS = {"b": BLACK, "w": WHITE, None: None}


@dataclass
class Trace:
    """What a board said along a game: counts ply by ply, and the first end in both ways."""

    record: Record
    counts: list[int] = field(default_factory=list[int])
    end: tuple[int, Outcome] | None = None
    end_with_declaration: tuple[int, Outcome] | None = None
    final_check: bool = False


def _trace(record: Record) -> Trace:
    """Plays a record's moves, all of them, whatever the board says on the way."""
    board = Board(record["start"])
    trace = Trace(record)
    moves: list[str] = record["moves"]
    for ply in range(len(moves) + 1):
        trace.counts.append(board.repetition_count())
        plain = board.outcome(max_plies=MAX_PLIES)
        declared = board.outcome(max_plies=MAX_PLIES, declaration=True)
        if plain is not None and trace.end is None:
            trace.end = ply, plain
        if declared is not None and trace.end_with_declaration is None:
            trace.end_with_declaration = ply, declared
        if ply < len(moves):
            board.push_usi(moves[ply])
    trace.final_check = board.is_check()
    return trace


def _long_games() -> list[Record]:
    return [record for record in RECORDS if record["plies"] > SHORT_PLIES]


@pytest.fixture(
    scope="module", params=["short", "few_long", pytest.param("long", marks=pytest.mark.slow)]
)
def traces(request: pytest.FixtureRequest) -> list[Trace]:
    if request.param == "short":
        return [_trace(record) for record in RECORDS if record["plies"] <= SHORT_PLIES]
    return [_trace(record) for record in _long_games()[:: 1 if request.param == "long" else 8]]


def test_ends_without_declaration(traces: list[Trace]) -> None:
    assert traces
    for trace in traces:
        expected = trace.record["result"]
        outcome = Outcome(Termination[expected["reason"].upper()], COLOURS[expected["winner"]])
        assert trace.end == (expected["ply"], outcome), trace.record["id"]


def test_the_first_declaration_ends_the_game_there(traces: list[Trace]) -> None:
    for trace in traces:
        declaration = trace.record["declaration"]
        if declaration is None:
            assert trace.end_with_declaration == trace.end, trace.record["id"]
        else:
            outcome = Outcome(Termination.DECLARATION, COLOURS[declaration["winner"]])
            expected = declaration["ply"], outcome
            assert trace.end_with_declaration == expected, trace.record["id"]


def test_occurrences_count_up_to_four(traces: list[Trace]) -> None:
    for trace in traces:
        occurrences: list[int] | None = trace.record["result"].get("occurrences")
        if occurrences is None:
            assert max(trace.counts) < 4, trace.record["id"]
        else:
            assert [trace.counts[ply] for ply in occurrences] == [1, 2, 3, 4], trace.record["id"]
            assert max(trace.counts[:-1]) == 3, trace.record["id"]


def test_check_at_the_end(traces: list[Trace]) -> None:
    for trace in traces:
        assert trace.final_check == trace.record["final_in_check"], trace.record["id"]


def test_natural_ends_on_the_last_ply_win_over_the_cap() -> None:
    at_the_cap = [
        record
        for record in RECORDS
        if record["result"]["ply"] == MAX_PLIES and not record["result"]["truncated"]
    ]
    assert {record["result"]["reason"] for record in at_the_cap} == {"checkmate", "sennichite"}
    for record in at_the_cap:
        end = _trace(record).end
        assert end is not None
        assert end[0] == MAX_PLIES, record["id"]
        assert end[1].termination is not Termination.MAX_PLIES, record["id"]
