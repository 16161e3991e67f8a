"""CPU kernels of the embedding network: no tensor as wide as the number of actions.

Letters: B positions, W width of the input sum, H width of the policy vector, M legal moves of all
positions of a batch one after the other, F rows of one position. Each kernel works on a range of
positions or on a part of a gradient, so that a batch can be split over threads; every number is
computed in the same order however it is split.
"""

import math

import numpy as np
from numpy.typing import NDArray

from keisei.rl.embedding import tables
from keisei.rl.embedding.rows import all_rows
from keisei.shogi.constants import MAX_LEGAL_MOVES, NUM_SQUARES
from keisei.shogi.jit import inline_kernel, kernel
from keisei.shogi.row_sums import STRIP, add_rows_of

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Rows = NDArray[np.int32]
Offsets = NDArray[np.int64]
Flags = NDArray[np.bool_]

POLICY_WIDTH = 64
"""H; a constant, so that the loops over it are unrolled."""
COLUMNS_PER_TASK = 64
"""Width of the strip of the input table whose gradient one task computes."""


@inline_kernel
def add_rows(table: Floats, rows: Rows, count: int, total: Floats) -> None:
    """Set total[W] to the sum of the table's rows; W is a multiple of STRIP."""
    width = table.shape[1]
    for j in range(width):
        total[j] = 0.0
    for column in range(0, width, STRIP):
        add_rows_of(total, column, table, column, rows, count)


@kernel
def count_moves(mask_bits: Bytes, offsets: Offsets) -> None:
    """Where the moves of each position begin among those of all.

    Args:
        mask_bits: uint8[B, 274], packed legal actions.
        offsets: int64[B + 1], written: position i has the moves offsets[i] .. offsets[i + 1] - 1.
    """
    offsets[0] = 0
    for i in range(mask_bits.shape[0]):
        count = 0
        for byte in range(mask_bits.shape[1]):
            count += tables.NUM_SET_BITS[mask_bits[i, byte]]
        offsets[i + 1] = offsets[i] + count


@kernel
def write_rows(
    states: Bytes,
    mask_bits: Bytes,
    inputs: tuple[Rows, Rows],
    legal: tuple[Offsets, Rows],
    is_wanted: Flags,
    positions: tuple[int, int],
) -> None:
    """Rows of some positions and of their legal moves.

    Args:
        states: uint8[B, 100], mover's view.
        mask_bits: uint8[B, 274], packed legal actions.
        inputs: written: rows of each position int32[B, MAX_INPUT_ROWS], and how many of them
            count int32[B].
        legal: offsets int64[B + 1], position i has the moves offsets[i] .. offsets[i + 1] - 1;
            their rows int32[M, ROWS_PER_MOVE], written.
        is_wanted: bool[B], False = leave this position out.
        positions: first position and one past the last.
    """
    rows, counts = inputs
    offsets, move_rows = legal
    attackers = np.empty((4, NUM_SQUARES), np.uint8)
    for i in range(positions[0], positions[1]):
        if is_wanted[i]:
            moves = move_rows[offsets[i] : offsets[i + 1]]
            counts[i] = all_rows(states[i], mask_bits[i], attackers, rows[i], moves)


@kernel
def sum_input_rows(
    table: Floats, rows: Rows, counts: Rows, sums: Floats, positions: tuple[int, int]
) -> None:
    """Input sums of some positions.

    Args:
        table: float32[NUM_INPUT_ROWS, W].
        rows: int32[B, MAX_INPUT_ROWS], from :func:`write_rows`.
        counts: int32[B], from the same.
        sums: float32[B, W], written: sum of those rows of the table.
        positions: first position and one past the last.
    """
    for i in range(positions[0], positions[1]):
        add_rows(table, rows[i], counts[i], sums[i])


@kernel
def scatter_input_gradient(
    rows: Rows, counts: Rows, grad_sums: Floats, grad_table: Floats, first_column: int
) -> None:
    """Add the gradient of the input sums to COLUMNS_PER_TASK columns of the table's gradient.

    Args:
        rows: int32[B, MAX_INPUT_ROWS], from :func:`write_rows`.
        counts: int32[B], from the same.
        grad_sums: float32[B, W].
        grad_table: float32[NUM_INPUT_ROWS, W], added to.
        first_column: the columns first_column .. first_column + COLUMNS_PER_TASK - 1 are done.
    """
    # Slices rather than sums of indices: only then does the compiler see that no index is
    # negative, and make vector code.
    past_column = first_column + COLUMNS_PER_TASK
    for i in range(rows.shape[0]):
        grad = grad_sums[i, first_column:past_column]
        for k in range(counts[i]):
            strip = grad_table[rows[i, k], first_column:past_column]
            for j in range(COLUMNS_PER_TASK):
                strip[j] += grad[j]


@inline_kernel
def move_logit(vector: Floats, table: Floats, rows: Rows, move: Floats, lanes: Floats) -> float:
    """Write the move vector [H], the sum of its rows; its inner product with the vector [H]."""
    label, exchange, enemy, own = table[rows[0]], table[rows[1]], table[rows[2]], table[rows[3]]
    danger, mating, threat = table[rows[4]], table[rows[5]], table[rows[6]]
    for j in range(POLICY_WIDTH):
        by_kings = (label[j] + exchange[j]) + (enemy[j] + own[j])
        move[j] = by_kings + ((danger[j] + mating[j]) + threat[j])
    # A plain running sum may not be reordered by the compiler; independent lanes are vector code.
    for j in range(16):
        lanes[j] = (move[j] * vector[j] + move[j + 16] * vector[j + 16]) + (
            move[j + 32] * vector[j + 32] + move[j + 48] * vector[j + 48]
        )
    for j in range(8):
        lanes[j] += lanes[j + 8]
    for j in range(4):
        lanes[j] += lanes[j + 4]
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])


@inline_kernel
def softmax_of_moves(
    vector: Floats, table: Floats, rows: Rows, moves: Floats, probs: Floats, log_probs: Floats
) -> None:
    """Write the move vectors [m, H], probabilities [m] and their logarithms [m] of one position.

    The row of ``moves`` after the last move is used as working memory.
    """
    num_moves = rows.shape[0]
    lanes = moves[MAX_LEGAL_MOVES]
    highest = np.float32(-np.inf)
    for m in range(num_moves):
        log_probs[m] = move_logit(vector, table, rows[m], moves[m], lanes)
        highest = max(highest, log_probs[m])
    total = np.float32(0.0)
    for m in range(num_moves):
        log_probs[m] -= highest
        probs[m] = math.exp(log_probs[m])
        total += probs[m]
    log_total = np.float32(math.log(total))
    for m in range(num_moves):
        log_probs[m] -= log_total
        probs[m] /= total


@kernel
def judge_moves(
    vectors: Floats,
    table: Floats,
    legal: tuple[Offsets, Rows],
    log_probs: Floats,
    positions: tuple[int, int],
) -> None:
    """Log-probabilities of all moves of some positions.

    Args:
        vectors: float32[B, H], policy vectors.
        table: float32[NUM_MOVE_ROWS, H].
        legal: from :func:`write_rows`.
        log_probs: float32[M], written.
        positions: first position and one past the last.
    """
    offsets, rows = legal
    moves = np.empty((MAX_LEGAL_MOVES + 1, POLICY_WIDTH), np.float32)
    probs = np.empty(MAX_LEGAL_MOVES, np.float32)
    for i in range(positions[0], positions[1]):
        each = slice(offsets[i], offsets[i + 1])
        softmax_of_moves(vectors[i], table, rows[each], moves, probs, log_probs[each])


@kernel
def choose_moves(
    vectors: Floats,
    table: Floats,
    legal: tuple[Offsets, Rows],
    uniforms: Floats,
    out: tuple[Offsets, Floats],
    positions: tuple[int, int],
) -> None:
    """Choose a move in each of some positions by inverse CDF, or the most probable one.

    Args:
        vectors: float32[B, H], policy vectors.
        table: float32[NUM_MOVE_ROWS, H].
        legal: from :func:`write_rows`.
        uniforms: float32[B] in [0, 1); a negative one asks for the most probable move.
        out: actions int64[B] and their log-probabilities float32[B], written.
        positions: first position and one past the last.
    """
    offsets, rows = legal
    actions, chosen_log_probs = out
    moves = np.empty((MAX_LEGAL_MOVES + 1, POLICY_WIDTH), np.float32)
    probs, log_probs = np.empty(MAX_LEGAL_MOVES, np.float32), np.empty(MAX_LEGAL_MOVES, np.float32)
    for i in range(positions[0], positions[1]):
        move_rows = rows[offsets[i] : offsets[i + 1]]
        softmax_of_moves(vectors[i], table, move_rows, moves, probs, log_probs)
        chosen = 0
        cumulative = np.float32(0.0)
        for m in range(move_rows.shape[0]):
            if uniforms[i] < 0.0:
                if log_probs[m] > log_probs[chosen]:
                    chosen = m
            else:
                # Rounding can leave the sum below the uniform; then the last possible move is it.
                if probs[m] > 0.0:
                    chosen = m
                cumulative += probs[m]
                if cumulative > uniforms[i]:
                    break
        actions[i] = move_rows[chosen, 0]
        chosen_log_probs[i] = log_probs[chosen]
