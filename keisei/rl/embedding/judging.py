"""Kernels of the embedding network for who looks ahead, each position for itself.

Torch is not needed here: the cache of compiled kernels names the types of their arguments, and who
plays without networks loads it, too.

Letters: B positions, W width of the input sum and of the hidden layer, H width of the policy
vector, V width of the value's hidden layer, M moves.
"""

import math
from typing import NamedTuple

import numpy as np

from keisei.rl.embedding.features import MAX_INPUT_ROWS, ROWS_PER_MOVE
from keisei.rl.embedding.kernels import POLICY_WIDTH, Bytes, Floats, Offsets, add_rows, move_logit
from keisei.rl.embedding.rows import count_attackers, listed_move_rows, position_rows
from keisei.shogi.constants import MAX_LEGAL_MOVES, NUM_SQUARES
from keisei.shogi.intrinsics import Held, borrow
from keisei.shogi.jit import inline_kernel, kernel
from keisei.shogi.row_sums import STRIP, add_products


class Layers(NamedTuple):
    """Weights float32, those of the layers with a row for each input."""

    input_table: Floats
    """[NUM_INPUT_ROWS, W]"""
    input_bias: Floats
    """[W]"""
    hidden: Floats
    """[W, W]"""
    hidden_bias: Floats
    """[W]"""
    value_hidden: Floats
    """[W, V]"""
    value_hidden_bias: Floats
    """[V]"""
    value_out: Floats
    """[V, 1]"""
    value_out_bias: Floats
    """[1]"""
    policy_vector: Floats
    """[W, H]"""
    policy_vector_bias: Floats
    """[H]"""
    move_table: Floats
    """[NUM_MOVE_ROWS, H]"""


class _Positive(NamedTuple):
    """Working memory for the inputs of a layer that are above 0."""

    places: Offsets
    numbers: Floats


@inline_kernel
def _layer_of_positive(
    inputs: Floats, weights: Floats, bias: Floats, positive: _Positive, out: Floats
) -> None:
    """Set out to what a layer makes of inputs, of which those below 0 count as 0.

    The layer is as wide as a multiple of STRIP. Nearly half of the inputs are below 0.
    """
    count = 0
    for k in range(inputs.shape[0]):
        positive.places[count], positive.numbers[count] = k, inputs[k]
        count += inputs[k] > 0.0
    width = weights.shape[1]
    for j in range(width):
        out[j] = bias[j]
    for column in range(0, width, STRIP):
        add_products(out, column, weights, column, positive.places, positive.numbers, count)


@kernel
def judge_positions(
    held: Held[Layers],
    states: Bytes,
    vectors: Floats,
    values: Floats,
    positions: tuple[int, int],
) -> None:
    """Write policy vectors float32[B, H] and values float32[B] of some positions."""
    layers = borrow(held)
    width = layers.input_table.shape[1]
    attackers = np.empty((4, NUM_SQUARES), np.uint8)
    rows = np.empty(MAX_INPUT_ROWS, np.int32)
    total, trunk = np.empty(width, np.float32), np.empty(width, np.float32)
    positive = _Positive(np.empty(width, np.int64), np.empty(width, np.float32))
    hidden = np.empty(layers.value_hidden.shape[1], np.float32)
    for i in range(positions[0], positions[1]):
        count_attackers(states[i, :NUM_SQUARES], attackers)
        count = position_rows(states[i], attackers, rows)
        add_rows(layers.input_table, rows, count, total)
        for j in range(width):
            total[j] += layers.input_bias[j]
        _layer_of_positive(total, layers.hidden, layers.hidden_bias, positive, trunk)
        _layer_of_positive(
            trunk, layers.policy_vector, layers.policy_vector_bias, positive, vectors[i]
        )
        _layer_of_positive(trunk, layers.value_hidden, layers.value_hidden_bias, positive, hidden)
        value = layers.value_out_bias[0]
        for j in range(hidden.shape[0]):
            value += max(hidden[j], np.float32(0.0)) * layers.value_out[j, 0]
        values[i] = math.tanh(value)


@kernel
def judge_moves(
    held: Held[Layers],
    states: Bytes,
    vectors: Floats,
    moves: tuple[Offsets, Offsets],
    logits: Floats,
    positions: tuple[int, int],
) -> None:
    """Write the logits float32[M] of the moves of some positions."""
    table = borrow(held).move_table
    offsets, actions = moves
    attackers = np.empty((4, NUM_SQUARES), np.uint8)
    rows = np.empty((MAX_LEGAL_MOVES, ROWS_PER_MOVE), np.int32)
    move, lanes = np.empty(POLICY_WIDTH, np.float32), np.empty(16, np.float32)
    for i in range(positions[0], positions[1]):
        count_attackers(states[i, :NUM_SQUARES], attackers)
        first = offsets[i]
        listed_move_rows(states[i], attackers, actions[first : offsets[i + 1]], rows)
        for m in range(offsets[i + 1] - first):
            logits[first + m] = move_logit(vectors[i], table, rows[m], move, lanes)
