"""Perft nodes a second, leaves counted in bulk: the length of the list of legal moves."""

import cshogi
import pytest
from conftest import Measurement

from keisei.shogi import Board, perft

START = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"
MANY_MOVES = "R8/2K1S1SSk/4B4/9/9/9/9/9/1L1L1L3 b RBGSNLP3g3n17p 1"
POSITIONS = [
    pytest.param(
        START,
        4,
        719_731,
        id="perft-4",
        marks=pytest.mark.benchmark(group="perft 4, start position"),
    ),
    pytest.param(
        START,
        5,
        19_861_490,
        id="perft-5",
        marks=pytest.mark.benchmark(group="perft 5, start position"),
    ),
    pytest.param(
        MANY_MOVES,
        3,
        53_393_368,
        id="wide-3",
        marks=pytest.mark.benchmark(group="perft 3, 593 moves"),
    ),
]


def cshogi_perft(board: cshogi.Board, depth: int) -> int:
    """Nodes at ``depth``, counted by a Python recursion over cshogi's legal moves."""
    moves = board.legal_moves
    if depth == 1:
        return len(moves)
    nodes = 0
    for move in moves:
        board.push(move)
        nodes += cshogi_perft(board, depth - 1)
        board.pop()
    return nodes


@pytest.mark.parametrize(("sfen", "depth", "nodes"), POSITIONS)
def test_perft(measure: Measurement, sfen: str, depth: int, nodes: int) -> None:
    board = Board(sfen)
    assert perft(board, depth) == nodes
    measure("keisei", lambda: perft(board, depth), amount=nodes, unit="nodes", rounds=5)


@pytest.mark.parametrize(("sfen", "depth", "nodes"), POSITIONS)
def test_cshogi_perft(measure: Measurement, sfen: str, depth: int, nodes: int) -> None:
    board = cshogi.Board(sfen)
    assert cshogi_perft(board, depth) == nodes
    measure(
        "cshogi driven from Python",
        lambda: cshogi_perft(board, depth),
        amount=nodes,
        unit="nodes",
        rounds=5,
        peer=True,
    )
