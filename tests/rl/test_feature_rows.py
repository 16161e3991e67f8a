"""The embedding network's rows of positions and moves, against cshogi."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import importlib
import random
from typing import Any

import numpy as np
import pytest
import torch
from random_positions import compact_state, square, usual_positions
from torch import Tensor

from keisei.rl.embedding import features
from keisei.rl.embedding.gathers import StateRows
from keisei.rl.embedding.rows import count_attackers
from keisei.rl.embedding.tables import ENEMY, OWN
from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    FIRST_DROP_CLASS,
    KING,
    KNIGHT,
    NUM_SQUARES,
    PAWN,
    SILVER,
    START_SFEN,
)
from keisei.shogi.features import BOARD, IN_CHECK, OWN_HAND

cshogi: Any = importlib.import_module("cshogi")
make_move_label: Any = importlib.import_module("cshogi.dlshogi").make_move_label


@pytest.fixture
def positions() -> tuple[Tensor, Tensor, Tensor]:
    return usual_positions()


def test_the_rows_of_the_start_position() -> None:
    state = torch.from_numpy(compact_state(cshogi.Board(START_SFEN), ply=0)).unsqueeze(0)
    rows = _input_rows(state)
    rows = rows[rows < features.NUM_INPUT_ROWS].tolist()
    assert len(_of(rows, features.PIECE_SQUARE)) == 40
    attacked = _of(rows, features.ATTACKED_PIECE)
    assert len(attacked) == 40
    # Files 2 to 8 of the last three ranks: nine pawns less two, both rooks' and bishops' squares,
    # and seven of the last rank less the king, for each side.
    for window in (features.OWN_WINDOW, features.ENEMY_WINDOW):
        assert len(_of(rows, window)) == 7 + 2 + 6
    # Each king's neighbourhood reaches two ranks up and off the board behind it.
    for neighbourhood in (features.OWN_NEIGHBOURHOOD, features.ENEMY_NEIGHBOURHOOD):
        assert len(_of(rows, neighbourhood)) == 15
    # Of the squares before the kings nobody attacks those on the second rank.
    assert {features.OWN_FLIGHTS.first + 3, features.ENEMY_FLIGHTS.first + 3} <= set(rows)
    own_king_pawn = features.PIECE_SQUARE.first + (PAWN - 1) * 81 + square(5, 7)
    enemy_king = features.PIECE_SQUARE.first + (14 + KING - 1) * 81 + square(5, 1)
    assert {own_king_pawn, enemy_king} <= set(rows)
    # The pawn before the own king: two ranks up in the 7 x 7 window, same file.
    assert features.OWN_WINDOW.first + (PAWN - 1) * 49 + 7 * 3 + 1 in rows
    others = [row for row in rows if row not in attacked]
    assert len(set(others)) == len(others) == 104


def _of(rows: list[int], feature: features.Feature) -> list[int]:
    return [row for row in rows if feature.first <= row < feature.end]


def test_held_pieces_have_a_row_for_each_count() -> None:
    state = torch.from_numpy(compact_state(cshogi.Board(START_SFEN), ply=0)).unsqueeze(0)
    without = set(_input_rows(state).tolist())
    state[0, OWN_HAND.start] = 3
    with_pawns = set(_input_rows(state).tolist())
    assert with_pawns - without == {features.HAND.first + 2}


def test_move_rows_name_the_pieces_that_cshogi_moves() -> None:
    rng = random.Random(8)
    board = cshogi.Board()
    checked = 0
    for ply in range(150):
        moves = list(board.legal_moves)
        if not moves:
            break
        state = torch.from_numpy(compact_state(board, ply)).unsqueeze(0)
        exchange, enemy_king, own_king, *_ = _move_rows(state)
        for move in moves:
            label = make_move_label(move, board.turn)
            captured = 0
            if cshogi.move_is_drop(move):
                # cshogi's hand order holds gold before bishop and rook.
                piece = (1, 2, 3, 4, 7, 5, 6)[cshogi.move_drop_hand_piece(move)]
                kind = features.DROP_KIND
            else:
                piece = board.piece_type(cshogi.move_from(move))
                kind = int(cshogi.move_is_promotion(move))
                captured = board.piece_type(cshogi.move_to(move))
            after = piece + 8 if kind == features.PROMOTION_KIND else piece
            to = cshogi.move_to(move)
            expected = ((piece - 1) * features.NUM_MOVE_KINDS + kind) * features.NUM_CAPTURED
            assert (exchange[label] - features.EXCHANGE.first) // (
                2 * features.NUM_MENACES
            ) == expected + captured
            for rows, feature, king_of in (
                (enemy_king, features.ENEMY_KING, 1 - board.turn),
                (own_king, features.OWN_KING, board.turn),
            ):
                offset = _offset(to, board.king_square(king_of), board.turn)
                expected = (after - 1) * features.NUM_KING_OFFSETS + offset
                assert rows[label] - feature.first == expected
            checked += 1
        board.push(rng.choice(moves))
    assert checked > 3000


def test_attackers_are_counted_as_on_the_board() -> None:
    # The opponent's gold stands on 5c, its horse on 2b, and its king on 1a.
    board = cshogi.Board("8k/7+b1/4g4/9/4R4/5N3/4P4/1B7/4K4 b - 1")
    attackers = np.empty((4, NUM_SQUARES), dtype=np.uint8)
    count_attackers(compact_state(board, ply=0)[BOARD], attackers)
    expected = {
        (5, 4): (2, 1),  # rook and knight; the gold
        (5, 3): (1, 0),  # the rook takes the gold, which does not protect itself
        (5, 2): (0, 1),  # behind the gold
        (5, 6): (2, 0),  # rook and pawn
        (5, 5): (1, 1),  # the bishop's line and the horse's meet on the rook
        (3, 4): (1, 0),  # the knight
        (3, 3): (0, 1),  # the horse, a diagonal step
        (2, 3): (0, 1),  # the horse, its straight step
        (9, 9): (1, 0),  # the bishop
        (1, 2): (0, 2),  # horse and king
        (7, 9): (1, 0),  # the bishop
        (9, 5): (1, 0),  # the rook's rank
        (9, 1): (0, 0),
    }
    assert {
        (file, rank): tuple(attackers[:2, square(file, rank)].tolist()) for file, rank in expected
    } == expected


def test_threats_tell_what_a_piece_attacks_from_its_destination() -> None:
    # Rook 5c protects gold 3c; each of them alone is worth more than a knight.
    state = compact_state(cshogi.Board("4k4/9/4r1g2/9/9/9/9/9/4K4 b NSP 1"), ply=0)
    threats = _move_rows(torch.from_numpy(state).unsqueeze(0))[5]
    expected = {
        (KNIGHT, 4, 5): (2 * 3 + 1, 0),  # a fork of rook and gold
        (KNIGHT, 4, 3): (8, 2),  # a check, where both can take
        (KNIGHT, 2, 5): (2 * 2, 0),  # the gold alone
        (SILVER, 3, 4): (0, 2),  # the gold is worth no more, and protected
        (SILVER, 5, 4): (2 * 3, 2),  # the rook is worth more
        (PAWN, 5, 2): (8, 2),  # a check from before the king, which can take
        (PAWN, 8, 8): (0, 0),
    }
    for (piece, file, rank), (threat, guards) in expected.items():
        label = 81 * (FIRST_DROP_CLASS + piece - PAWN) + square(file, rank)
        row = ((piece - 1) * features.NUM_THREATS + threat) * 4 + guards
        assert threats[label] - features.THREAT.first == row, (piece, file, rank)


def test_the_cheapest_attacker_of_a_piece_is_seen_where_it_stands_and_when_it_leaves() -> None:
    # Bishop 5e is attacked by pawn 5d and rook 9e, and protected by nobody.
    board = cshogi.Board("8k/9/9/4p4/r3B4/9/9/9/4K4 b - 1")
    state = torch.from_numpy(compact_state(board, ply=0)).unsqueeze(0)
    rows = set(_input_rows(state).tolist())
    assert features.ATTACKED_PIECE.first + (BISHOP - 1) * features.NUM_MENACES**2 + 4 in rows
    down_left = 81 * 6 + square(6, 6)
    dangers = _move_rows(state)[3]
    danger = 1 + 2 * 4
    expected = ((BISHOP - 1) * features.NUM_DANGERS + danger) * 9
    assert dangers[down_left] - features.DANGER.first == expected


def test_attackers_agree_with_checks_and_legal_moves(
    positions: tuple[Tensor, Tensor, Tensor],
) -> None:
    attackers = np.empty((4, NUM_SQUARES), dtype=np.uint8)
    checks = 0
    for state, mask_bits in zip(positions[0].numpy(), positions[1].numpy(), strict=True):
        count_attackers(state[BOARD], attackers)
        king = int(np.flatnonzero(state[BOARD] == KING)[0])
        assert (attackers[ENEMY, king] > 0) == state[IN_CHECK]
        checks += state[IN_CHECK]
        legal = np.unpackbits(mask_bits, bitorder="little")[: FIRST_DROP_CLASS * NUM_SQUARES]
        to = np.flatnonzero(legal) % NUM_SQUARES
        assert (attackers[OWN, to] > 0).all()
    assert checks > 5


def _offset(to: int, king: int, turn: int) -> int:
    """Number of the offset from a king to a square, both in Black's view, for the mover."""
    if turn != BLACK:
        to, king = 80 - to, 80 - king
    return 17 * (to // 9 - king // 9 + 8) + to % 9 - king % 9 + 8


def _input_rows(state: Tensor) -> Tensor:
    """Rows of the input table of the one position [1, 100]."""
    rows = StateRows()
    return rows.input_rows(rows.position(state))[0]


def _move_rows(state: Tensor) -> list[Tensor]:
    """By feature of the move table but the first, the rows [A] by label of the one position."""
    rows = StateRows()
    return [part[0] for part in rows.move_rows(rows.position(state))]
