"""CPU kernels of the embedding network: no tensor as wide as the number of actions.

Letters: B positions, W width of the input sum, H width of the policy vector, M legal moves of all
positions of a batch one after the other, F rows of one position. Each kernel works on a range of
positions or on a part of a gradient, so that a batch can be split over threads; every number is
computed in the same order however it is split.
"""

import math

import numpy as np
from numpy.typing import NDArray

from keisei.rl.embedding.rows import count_attackers, legal_move_rows, position_rows
from keisei.shogi.constants import MAX_LEGAL_MOVES, NUM_SQUARES
from keisei.shogi.jit import inline_kernel, kernel

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Rows = NDArray[np.int32]
Offsets = NDArray[np.int64]

POLICY_WIDTH = 64
"""H; a constant, so that the loops over it are unrolled."""
COLUMNS_PER_TASK = 64
"""Width of the strip of the input table whose gradient one task computes."""


@inline_kernel
def _add_rows(table: Floats, rows: Rows, count: int, total: Floats) -> None:
    """Set total[W] to the sum of the table's rows."""
    width = table.shape[1]
    for j in range(width):
        total[j] = 0.0
    # Four rows at a time: the running total is read and written a quarter as often.
    quads = count // 4 * 4
    for k in range(0, quads, 4):
        a, b, c, d = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
        for j in range(width):
            total[j] += (table[a, j] + table[b, j]) + (table[c, j] + table[d, j])
    for k in range(quads, count):
        a = rows[k]
        for j in range(width):
            total[j] += table[a, j]


@kernel
def write_rows(
    states: Bytes,
    mask_bits: Bytes,
    inputs: tuple[Rows, Rows],
    legal: tuple[Offsets, Rows],
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
        positions: first position and one past the last.
    """
    rows, counts = inputs
    offsets, move_rows = legal
    attackers = np.empty((4, NUM_SQUARES), np.uint8)
    for i in range(positions[0], positions[1]):
        count_attackers(states[i, :NUM_SQUARES], attackers)
        counts[i] = position_rows(states[i], attackers, rows[i])
        moves = slice(offsets[i], offsets[i + 1])
        legal_move_rows(states[i], attackers, mask_bits[i], move_rows[moves])


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
        _add_rows(table, rows[i], counts[i], sums[i])


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
def _move_logit(vector: Floats, table: Floats, rows: Rows, move: Floats, lanes: Floats) -> float:
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
def _softmax(
    vector: Floats, table: Floats, rows: Rows, moves: Floats, probs: Floats, log_probs: Floats
) -> None:
    """Write the move vectors [m, H], probabilities [m] and their logarithms [m] of one position.

    The row of ``moves`` after the last move is used as working memory.
    """
    num_moves = rows.shape[0]
    lanes = moves[MAX_LEGAL_MOVES]
    highest = np.float32(-np.inf)
    for m in range(num_moves):
        log_probs[m] = _move_logit(vector, table, rows[m], moves[m], lanes)
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
        _softmax(vectors[i], table, rows[each], moves, probs, log_probs[each])


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
        _softmax(vectors[i], table, move_rows, moves, probs, log_probs)
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


@kernel
def evaluate_moves(
    vectors: Floats,
    table: Floats,
    legal: tuple[Offsets, Rows],
    actions: Offsets,
    out: tuple[Floats, Floats, Floats, Floats, Floats, Floats],
    positions: tuple[int, int],
) -> None:
    """Log-probability, entropy and their derivatives in some positions.

    Args:
        vectors: float32[B, H], policy vectors.
        table: float32[NUM_MOVE_ROWS, H].
        legal: from :func:`write_rows`.
        actions: int64[B], legal actions.
        out: written: log-probability of the action float32[B], entropy float32[B]; their
            derivatives by the logits float32[M] each; and by the vectors float32[B, H] each.
        positions: first position and one past the last.
    """
    offsets, rows = legal
    log_prob, entropy, by_logit, entropy_by_logit, by_vector, entropy_by_vector = out
    moves = np.empty((MAX_LEGAL_MOVES + 1, POLICY_WIDTH), np.float32)
    probs, log_probs = np.empty(MAX_LEGAL_MOVES, np.float32), np.empty(MAX_LEGAL_MOVES, np.float32)
    for i in range(positions[0], positions[1]):
        start = offsets[i]
        move_rows = rows[start : offsets[i + 1]]
        _softmax(vectors[i], table, move_rows, moves, probs, log_probs)
        # An action that is not legal has no derivative and log-probability NaN, which the agent
        # reports as a loss that is not finite.
        log_prob[i] = np.nan
        spread = np.float32(0.0)
        for m in range(move_rows.shape[0]):
            by_logit[start + m] = -probs[m]
            spread -= probs[m] * log_probs[m]
            if move_rows[m, 0] == actions[i]:
                by_logit[start + m] += 1.0
                log_prob[i] = log_probs[m]
        entropy[i] = spread
        slope, entropy_slope = by_vector[i], entropy_by_vector[i]
        slope[:] = 0.0
        entropy_slope[:] = 0.0
        for m in range(move_rows.shape[0]):
            weight = by_logit[start + m]
            entropy_weight = -probs[m] * (log_probs[m] + spread)
            entropy_by_logit[start + m] = entropy_weight
            move = moves[m]
            for j in range(POLICY_WIDTH):
                slope[j] += weight * move[j]
                entropy_slope[j] += entropy_weight * move[j]


@kernel
def scatter_move_gradient(
    vectors: Floats,
    legal: tuple[Offsets, Rows],
    grad_logits: Floats,
    grad_table: Floats,
    part: int,
) -> None:
    """Add the gradient of the logits to one part of the move table's gradient.

    Args:
        vectors: float32[B, H], policy vectors.
        legal: from :func:`write_rows`.
        grad_logits: float32[M].
        grad_table: float32[NUM_MOVE_ROWS, H], added to.
        part: 0..ROWS_PER_MOVE - 1, the column of the moves' rows that is done.
    """
    offsets, rows = legal
    for i in range(vectors.shape[0]):
        vector = vectors[i]
        for m in range(offsets[i], offsets[i + 1]):
            grad = grad_table[rows[m, part]]
            weight = grad_logits[m]
            for j in range(POLICY_WIDTH):
                grad[j] += weight * vector[j]
