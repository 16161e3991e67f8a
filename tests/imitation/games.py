"""Games that cshogi plays at random, and what other programs write of them."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.rl.random_positions import compact_state, packed_mask

# cshogi tells little of its types.
cshogi: Any = pytest.importorskip("cshogi", reason="cshogi is not installed")
csa: Any = pytest.importorskip("cshogi.CSA")
kif: Any = pytest.importorskip("cshogi.KIF")
_labels: Any = pytest.importorskip("cshogi.dlshogi")


def random_game(seed: int, plies: int) -> list[str]:
    """The moves of a random game in USI, so many or up to its end."""
    rng, board = random.Random(seed), cshogi.Board()
    moves: list[str] = []
    while len(moves) < plies and (legal := list(board.legal_moves)):
        move = rng.choice(legal)
        moves.append(cshogi.move_to_usi(move))
        board.push(move)
    return moves


def walk(moves: list[str]) -> list[tuple[Any, int]]:
    """Boards before the moves, each a copy, and the moves as cshogi has them."""
    board, found = cshogi.Board(), list[tuple[Any, int]]()
    for usi in moves:
        move = board.move_from_usi(usi)
        found.append((board.copy(), move))
        board.push(move)
    return found


def expected(
    moves: list[str],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """States [n, 100], packed masks [n, 274] and actions [n] of a game, by cshogi."""
    steps = walk(moves)
    return (
        np.array([compact_state(board, ply) for ply, (board, _) in enumerate(steps)]),
        np.array([packed_mask(board) for board, _ in steps]),
        np.array([_labels.make_move_label(move, board.turn) for board, move in steps]),
    )


def psv_records(moves: list[str], winner: int) -> NDArray[Any]:
    """A game as cshogi packs it for YaneuraOu, won by BLACK or WHITE."""
    records = np.zeros(len(moves), cshogi.PackedSfenValue)
    for ply, (board, move) in enumerate(walk(moves)):
        board.to_psfen(np.asarray(records[ply]["sfen"]))
        records[ply]["move"] = cshogi.move16_to_psv(cshogi.move16(move))
        records[ply]["gamePly"] = ply + 1
        records[ply]["game_result"] = 1 if board.turn == winner else -1
    return records


def hcpe_records(moves: list[str], result: int) -> NDArray[Any]:
    """A game as cshogi packs it for dlshogi, with cshogi's number of its result."""
    records = np.zeros(len(moves), cshogi.HuffmanCodedPosAndEval)
    for ply, (board, move) in enumerate(walk(moves)):
        board.to_hcp(np.asarray(records[ply]["hcp"]))
        records[ply]["bestMove16"] = cshogi.move16(move)
        records[ply]["gameResult"] = result
    return records


def write_csa(path: Path, games: list[list[str]], end: str) -> None:
    """Games one after another as cshogi writes CSA."""
    exporter = csa.Exporter(str(path))
    for moves in games:
        exporter.info(names=["先手の人", "後手の人"], comment="ひとこと")
        for _, move in walk(moves):
            exporter.move(move, time=1)
        exporter.endgame(end)
    exporter.close()


def write_kif(path: Path, moves: list[str], end: str) -> None:
    """A game as cshogi writes KIF: ``.kif`` in cp932, ``.kifu`` in UTF-8."""
    exporter = kif.Exporter(str(path))
    exporter.header(["先手の人", "後手の人"])
    for _, move in walk(moves):
        exporter.move(move)
    exporter.end(end)
    exporter.close()


def write_usi(path: Path, games: list[list[str]]) -> None:
    """Games as lines of USI."""
    lines = [f"position startpos moves {' '.join(moves)}" for moves in games]
    path.write_text("# a comment\n\n" + "\n".join(lines) + "\n", "utf-8")
