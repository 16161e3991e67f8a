"""Counting the leaves of the game tree, the standard check of a move generator."""

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.actions import (
    MASK_WORDS,
    count_legal,
    new_mask_scratch,
    nth_legal,
    pack_planes,
)
from keisei.shogi.board import Board, move_from_action
from keisei.shogi.jit import kernel
from keisei.shogi.movegen import PLANE_WORDS, generate_blocks, new_planes
from keisei.shogi.moves import Move
from keisei.shogi.position import LANES, Games, apply_action, copy_position, new_games, place

_CHUNK = 1024
"""Positions generated at once; more than MAX_LEGAL_MOVES."""


class _Level:
    """Room for the positions of one depth of the tree and their moves."""

    def __init__(self) -> None:
        self.games = new_games(_CHUNK, 0)
        self.planes = new_planes(_CHUNK // LANES)
        self.legal = np.zeros((_CHUNK, MASK_WORDS), np.uint64)
        self.counts = np.zeros(_CHUNK, np.int64)
        self.scratch = new_mask_scratch()

    def generate(self, size: int) -> int:
        """Find the moves of the first ``size`` positions and return how many there are."""
        blocks = -(-size // LANES)
        generate_blocks(self.games.words, 0, blocks, self.planes)
        return _count(self.planes, self.scratch, self.legal, self.counts, size)


@kernel
def _count(
    planes: NDArray[np.uint64],
    scratch: NDArray[np.uint64],
    legal: NDArray[np.uint64],
    counts: NDArray[np.int64],
    size: int,
) -> int:
    """Pack the moves of the first positions; their counts in ``counts``, their sum returned."""
    total = 0
    for block in range((size + LANES - 1) // LANES):
        pack_planes(planes, block * PLANE_WORDS * LANES, scratch, legal, block * LANES)
    for node in range(size):
        counts[node] = count_legal(legal, node)
        total += counts[node]
    return total


@kernel
def _expand(
    parents: Games,
    legal: NDArray[np.uint64],
    counts: NDArray[np.int64],
    span: tuple[int, int],
    children: Games,
) -> None:
    """Write the positions after every move of the parents first..last-1."""
    child = 0
    for parent in range(span[0], span[1]):
        for n in range(counts[parent]):
            copy_position(children, child, parents, parent)
            apply_action(children, child, nth_legal(legal, parent, n))
            child += 1


def _leaves(levels: list[_Level], size: int) -> int:
    """Leaves below the first ``size`` positions of the last level, one ply deep for each level."""
    *levels_below, level = levels
    moves = level.generate(size)
    if not levels_below or moves == 0:
        return moves
    below = levels_below[-1]
    total = 0
    first = 0
    while first < size:
        last, children = first, 0
        while last < size and children + level.counts[last] <= _CHUNK:
            children += int(level.counts[last])
            last += 1
        _expand(level.games, level.legal, level.counts, (first, last), below.games)
        total += _leaves(levels_below, children)
        first = last
    return total


def perft(board: Board, depth: int) -> int:
    """Number of move sequences of a length from a position (repetition ends nothing here).

    Args:
        board: The position; it is not changed.
        depth: Length in plies, from 0.

    Raises:
        ValueError: When the depth is negative.

    Example:
        >>> perft(Board(), 2)
        900
    """
    if depth < 0:
        raise ValueError(f"perft depth {depth} is negative; give a number of plies from 0.")
    if depth == 0:
        return 1
    start = board.placement()
    # Of this call alone: while kernels run, other threads may count too.
    levels = [_Level() for _ in range(depth)]
    place(levels[-1].games, 0, start.board, start.hands, start.to_move)
    return _leaves(levels, 1)


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
