"""Random games move by move beside cshogi, which shares no code with Keisei.

cshogi has another idea of repetition (see the README of the conformance data), so ends of games
are not compared here.
"""

import random
from typing import Any

import pytest

from keisei.shogi import Board
from tests.conformance import records

cshogi: Any = pytest.importorskip("cshogi")

MAX_PLIES = 300
START = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"


def _assert_same(board: Board, other: Any) -> list[str]:
    """Compares two boards; the legal moves."""
    legal = sorted(move.usi() for move in board.legal_moves)
    story = board.sfen()
    assert legal == sorted(cshogi.move_to_usi(move) for move in other.legal_moves), story
    assert board.is_check() == other.is_check(), story
    assert story.rsplit(" ", 1)[0] == other.sfen().rsplit(" ", 1)[0]
    assert board.can_declare_win() == bool(other.is_nyugyoku()), story
    return legal


def _play(sfen: str, rng: random.Random, plies: int) -> int:
    """Plays random moves on both boards; how many positions were compared."""
    board = Board(sfen)
    other = cshogi.Board(sfen)
    for ply in range(plies):
        legal = _assert_same(board, other)
        if not legal:
            return ply + 1
        # Captures and promotions as often as all else, or drops soon fill the board.
        lively = [usi for usi in legal if usi.endswith("+") or "*" not in usi]
        usi = rng.choice(rng.choice((legal, lively or legal)))
        board.push_usi(usi)
        other.push_usi(usi)
    return plies


def _compare(positions: int, seed: int) -> int:
    """Compares at least so many positions, from the start and from records by turns."""
    rng = random.Random(seed)
    starts = [record["sfen"] for record in records("legal_moves") if record["n"]]
    starts += [record["sfen"] for record in records("declaration")] * 10
    compared = 0
    while compared < positions:
        compared += _play(START, rng, MAX_PLIES)
        compared += _play(rng.choice(starts), rng, MAX_PLIES // 10)
    return compared


def test_five_hundred_positions() -> None:
    assert _compare(500, seed=1) >= 500


@pytest.mark.slow
def test_twenty_thousand_positions() -> None:
    assert _compare(20_000, seed=2) >= 20_000


def test_declarations_of_records() -> None:
    for record in records("declaration"):
        _assert_same(Board(record["sfen"]), cshogi.Board(record["sfen"]))
