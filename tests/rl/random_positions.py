"""Positions of random shogi games, played by cshogi, in the compact form."""

import functools
import random

import cshogi
import numpy as np
import torch
from cshogi.dlshogi import make_move_label
from numpy.typing import NDArray
from torch import Tensor

from keisei.shogi.constants import NUM_ACTIONS, NUM_SQUARES, OTHER_SIDE, WHITE
from keisei.shogi.features import (
    BOARD,
    ENEMY_HAND,
    IN_CHECK,
    MASK_BYTES,
    OWN_HAND,
    PLIES_LEFT,
    PROGRESS,
    REPETITION,
    STATE_SIZE,
    TO_MOVE,
)

COUNT = 300
"""Positions that most tests of networks take."""

_HAND_ORDER = [0, 1, 2, 3, 5, 6, 4]
"""cshogi holds gold before bishop and rook."""
_MAX_PLIES = 512


def compact_state(board: "cshogi.Board", ply: int, repetition: int = 0) -> NDArray[np.uint8]:
    """State uint8[100] of a cshogi board, in the mover's view."""
    codes = np.array(board.pieces, dtype=np.uint8)
    hands = [np.array(hand, dtype=np.uint8)[_HAND_ORDER] for hand in board.pieces_in_hand]
    if board.turn == WHITE:
        turned = codes[::-1]
        owner = np.where(turned > OTHER_SIDE, turned - OTHER_SIDE, turned + OTHER_SIDE)
        codes = np.where(turned == 0, 0, owner)
    state = np.zeros(STATE_SIZE, dtype=np.uint8)
    state[BOARD] = codes
    state[OWN_HAND] = hands[board.turn]
    state[ENEMY_HAND] = hands[1 - board.turn]
    state[IN_CHECK] = board.is_check()
    state[REPETITION] = repetition
    state[TO_MOVE] = board.turn
    state[PROGRESS] = 255 * ply // _MAX_PLIES
    state[PLIES_LEFT] = min(255, _MAX_PLIES - ply)
    return state


def packed_mask(board: "cshogi.Board") -> NDArray[np.uint8]:
    """Packed mask uint8[274] of a cshogi board's legal moves."""
    mask = np.zeros(NUM_ACTIONS, dtype=bool)
    mask[[make_move_label(move, board.turn) for move in board.legal_moves]] = True
    return np.packbits(mask, bitorder="little")


def random_positions(
    count: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """States [count, 100], packed masks [count, 274] and a random legal action each [count]."""
    rng = random.Random(seed)
    states = np.empty((count, STATE_SIZE), dtype=np.uint8)
    masks = np.empty((count, MASK_BYTES), dtype=np.uint8)
    actions = np.empty(count, dtype=np.int64)
    board, ply = cshogi.Board(), 0
    for i in range(count):
        moves = list(board.legal_moves)
        if not moves or ply == _MAX_PLIES:
            board, ply = cshogi.Board(), 0
            moves = list(board.legal_moves)
        states[i] = compact_state(board, ply, repetition=rng.choice((0, 0, 0, 1, 2)))
        masks[i] = packed_mask(board)
        actions[i] = make_move_label(rng.choice(moves), board.turn)
        board.push(rng.choice(moves))
        ply += 1
    return states, masks, actions


def square(file: int, rank: int) -> int:
    """Square number of USI file 1..9 and rank 1..9."""
    number = 9 * (file - 1) + rank - 1
    assert 0 <= number < NUM_SQUARES
    return number


@functools.cache
def usual_positions() -> tuple[Tensor, Tensor, Tensor]:
    """States, packed masks and legal actions of COUNT positions of random games; to be read."""
    states, masks, actions = random_positions(COUNT, seed=11)
    return torch.tensor(states), torch.tensor(masks), torch.tensor(actions)
