"""CPU kernels that evaluate the moves made, and carry gradients back to the move table.

Letters and order of work as in :mod:`keisei.rl.embedding.kernels`.
"""

import math

import numpy as np

from keisei.rl.embedding.kernels import (
    POLICY_WIDTH,
    Floats,
    Offsets,
    Rows,
    softmax_of_moves,
)
from keisei.shogi.constants import MAX_LEGAL_MOVES
from keisei.shogi.jit import inline_kernel, kernel

_STREAM = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_HALF, _TO_24_BITS = np.uint64(33), np.uint64(40)
_UNIT = np.float32(2.0**-24)


@kernel
def evaluate_moves(
    vectors: Floats,
    table: Floats,
    legal: tuple[Offsets, Rows],
    actions: Offsets,
    out: tuple[Floats, Floats, Floats, Floats, Floats, Floats],
    positions: tuple[int, int],
) -> None:
    """Log-probability and entropy in some positions, and what their gradients need.

    Args:
        vectors: float32[B, H], policy vectors.
        table: float32[NUM_MOVE_ROWS, H].
        legal: from :func:`keisei.rl.embedding.kernels.write_rows`.
        actions: int64[B], legal actions.
        out: written: log-probability of the action float32[B], entropy float32[B]; probabilities
            and their logarithms float32[M] each; derivatives of the first two by the vectors
            float32[B, H] each.
        positions: first position and one past the last.
    """
    offsets, rows = legal
    log_prob, entropy, all_probs, all_log_probs, by_vector, entropy_by_vector = out
    moves = np.empty((MAX_LEGAL_MOVES + 1, POLICY_WIDTH), np.float32)
    for i in range(positions[0], positions[1]):
        start = offsets[i]
        move_rows = rows[start : offsets[i + 1]]
        probs, log_probs = all_probs[start : offsets[i + 1]], all_log_probs[start : offsets[i + 1]]
        softmax_of_moves(vectors[i], table, move_rows, moves, probs, log_probs)
        # An action that is not legal has log-probability NaN, which the agent reports as a loss
        # that is not finite.
        log_prob[i] = np.nan
        spread = np.float32(0.0)
        slope, entropy_slope = by_vector[i], entropy_by_vector[i]
        slope[:] = 0.0
        entropy_slope[:] = 0.0
        for m in range(move_rows.shape[0]):
            spread -= probs[m] * log_probs[m]
            if move_rows[m, 0] == actions[i]:
                log_prob[i] = log_probs[m]
                slope[:] = moves[m]
        entropy[i] = spread
        for m in range(move_rows.shape[0]):
            weight, entropy_weight = probs[m], probs[m] * (log_probs[m] + spread)
            move = moves[m]
            for j in range(POLICY_WIDTH):
                slope[j] -= weight * move[j]
                entropy_slope[j] -= entropy_weight * move[j]


@inline_kernel
def _random(seed: int, number: int) -> np.float32:
    """A number in [0, 1) by a stream and a place in it (the finaliser of MurmurHash3)."""
    word = np.uint64(seed) * _STREAM + np.uint64(number)
    word = (word ^ (word >> _HALF)) * _MIX_1
    word = (word ^ (word >> _HALF)) * _MIX_2
    return np.float32((word ^ (word >> _HALF)) >> _TO_24_BITS) * _UNIT


@kernel
def list_gradients(
    legal: tuple[Offsets, Rows],
    actions: Offsets,
    probs: tuple[Floats, Floats, Floats],
    slopes: tuple[Floats, Floats],
    kept: tuple[Offsets, Offsets, Floats],
    rounding: tuple[float, int],
    positions: tuple[int, int],
) -> None:
    """List the gradients of the logits that count, in some positions.

    One below ``small`` counts as ``small`` with the chance that leaves its mean as it is, else as
    0: marks at equal distances over the running sum of such gradients, from a random place on,
    say which ones are kept.

    Args:
        legal: from :func:`keisei.rl.embedding.kernels.write_rows`.
        actions: int64[B], legal actions.
        probs: probabilities and logarithms float32[M] each, entropy float32[B], from
            :func:`evaluate_moves`.
        slopes: derivatives of the loss by log-probability and entropy, float32[B] each.
        kept: written: how many are kept in each position int64[B]; of those, from the position's
            offset on, the place of the move int64[M] and its gradient float32[M].
        rounding: ``small`` and the seed of the random places.
        positions: first position and one past the last.
    """
    offsets, rows = legal
    all_probs, log_probs, entropy = probs
    by_log_prob, by_entropy = slopes
    counts, places, gradients = kept
    small, seed = np.float32(rounding[0]), rounding[1]
    for i in range(positions[0], positions[1]):
        at = offsets[i]
        passed = _random(seed, i)
        for m in range(offsets[i], offsets[i + 1]):
            gradient = -all_probs[m] * (
                by_log_prob[i] + by_entropy[i] * (log_probs[m] + entropy[i])
            )
            if rows[m, 0] == actions[i]:
                gradient += by_log_prob[i]
            size = abs(gradient)
            if size < small:
                passed += size / small
                gradient = np.float32(math.copysign(small, gradient))
                is_kept = passed >= 1.0
                passed -= np.float32(is_kept)
            else:
                is_kept = True
            places[at], gradients[at] = m, gradient
            at += is_kept
        counts[i] = at - offsets[i]


@kernel
def scatter_move_gradient(
    vectors: Floats,
    legal: tuple[Offsets, Rows],
    kept: tuple[Offsets, Offsets, Floats],
    grad_table: Floats,
    part: int,
) -> None:
    """Add the gradient of the logits to one part of the move table's gradient.

    Args:
        vectors: float32[B, H], policy vectors.
        legal: from :func:`keisei.rl.embedding.kernels.write_rows`.
        kept: from :func:`list_gradients`.
        grad_table: float32[NUM_MOVE_ROWS, H], added to.
        part: 0..ROWS_PER_MOVE - 1, the column of the moves' rows that is done.
    """
    offsets, rows = legal
    counts, places, gradients = kept
    for i in range(vectors.shape[0]):
        vector = vectors[i]
        for at in range(offsets[i], offsets[i] + counts[i]):
            grad = grad_table[rows[places[at], part]]
            weight = gradients[at]
            for j in range(POLICY_WIDTH):
                grad[j] += weight * vector[j]
