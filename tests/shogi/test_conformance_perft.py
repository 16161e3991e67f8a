"""Numbers of leaves: the legal moves of all positions some plies on."""

import pytest

from keisei.shogi import Board, perft
from tests.conformance import records

FAST_NODES = 100_000
CASES = [
    pytest.param(
        record["sfen"],
        int(depth),
        nodes,
        id=f"{record['name']}-{depth}",
        marks=[pytest.mark.slow] if nodes > FAST_NODES else [],
    )
    for record in records("perft")
    for depth, nodes in record["nodes"].items()
]


@pytest.mark.parametrize(("sfen", "depth", "nodes"), CASES)
def test_perft(sfen: str, depth: int, nodes: int) -> None:
    board = Board(sfen)
    assert perft(board, depth) == nodes
    assert board.sfen() == Board(sfen).sfen()
    assert board.ply == 0
