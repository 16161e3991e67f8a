"""Counting the leaves of the game tree, the standard check of a move generator."""

import numpy as np

from keisei.games.board import Board, move_from_action
from keisei.games.pool import Pool
from keisei.shogi.moves import Move

_CHUNK = 1024
"""Slots for the positions of one depth; more than MAX_LEGAL_MOVES."""


def _leaves(pool: Pool, first: int, last: int, depth: int) -> int:
    """Leaves so many plies below some slots, whose descendants lie in the chunks behind theirs."""
    pool.generate(first, last)
    if depth == 1:
        return pool.count(first, last)
    below = (first // _CHUNK + 1) * _CHUNK
    total = 0
    while first < last:
        first, past = pool.expand(first, last, below, below + _CHUNK)
        total += _leaves(pool, below, past, depth - 1)
    return total


def perft(board: Board, depth: int) -> int:
    """Number of move sequences of a length from a position (repetition ends nothing here).

    Args:
        board: The position; it is not changed.
        depth: Length in plies, from 0.

    Raises:
        ValueError: When the depth is negative.

    Examples:
        >>> perft(Board(), 2)
        900
    """
    if depth < 0:
        raise ValueError(f"perft depth {depth} is negative; give a number of plies from 0.")
    if depth == 0:
        return 1
    # Of this call alone: while kernels run, other threads may count too.
    pool = Pool(depth * _CHUNK)
    start = board.placement()
    pool.begin(0, start.view()[None], np.array([start.to_move]))
    return _leaves(pool, 0, 1, depth)


def perft_divide(board: Board, depth: int) -> dict[Move, int]:
    """The perft count below each legal move, for comparing two generators.

    Args:
        board: The position; unchanged afterwards.
        depth: Length in plies, from 1.

    Raises:
        ValueError: When the depth is below 1.
    """
    if depth < 1:
        raise ValueError(f"perft depth {depth} cannot be divided; give a number of plies from 1.")
    counts: dict[Move, int] = {}
    for action in board.legal_actions():
        move = move_from_action(board, int(action))
        board.push(move)
        counts[move] = perft(board, depth - 1)
        board.pop()
    return counts
