"""The embedding network's two wide steps on CPUs, as autograd functions over Numba kernels.

A batch is split over ``torch.get_num_threads()`` Python threads (the kernels release the GIL) in
pieces that do not depend on that number, so results do not depend on it either.

Letters: B positions, W width of the input sum, M legal moves of the whole batch.
"""

# pyright: reportUnknownMemberType=false
# (torch and tensordict leave parts of their signatures open.)

import functools
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from keisei.rl.embedding.features import MAX_INPUT_ROWS, ROWS_PER_MOVE
from keisei.rl.embedding.kernels import (
    COLUMNS_PER_TASK,
    choose_moves,
    count_moves,
    judge_moves,
    scatter_input_gradient,
    sum_input_rows,
    write_rows,
)
from keisei.rl.embedding.memory import Memory, recall_rows, remember
from keisei.rl.embedding.move_gradients import (
    evaluate_moves,
    list_gradients,
    scatter_move_gradient,
)
from keisei.rl.masking import require_legal_actions
from keisei.shogi.constants import MAX_LEGAL_MOVES, NUM_ACTIONS
from keisei.shogi.features import MASK_BYTES
from keisei.shogi.kernel_threads import KernelThreads

_POSITIONS_PER_TASK = 128
_MODE = -1.0
"""The uniform that asks the kernel for the most probable move."""


@functools.cache
def _threads(count: int) -> KernelThreads:
    return KernelThreads(count, "keisei-network")


def for_each(tasks: Sequence[object], do: Callable[..., None], *arguments: object) -> None:
    """Run a kernel, whose last argument is the task, on as many threads as torch may use."""
    num_threads = torch.get_num_threads()
    if num_threads == 1 or len(tasks) == 1:
        for task in tasks:
            do(*arguments, task)
    else:
        running = [_threads(num_threads).submit(do, *arguments, task) for task in tasks]
        for each in running:
            each.result()


def slices(num_positions: int) -> list[tuple[int, int]]:
    """Ranges (first, last) of positions, one a task."""
    starts = range(0, num_positions, _POSITIONS_PER_TASK)
    return [(start, min(start + _POSITIONS_PER_TASK, num_positions)) for start in starts]


def _array(tensor: Tensor, dtype: torch.dtype) -> NDArray[Any]:
    """The tensor's memory as a contiguous NumPy array of the dtype that the kernels take."""
    return tensor.detach().to(dtype).contiguous().numpy()


class FoundRows(NamedTuple):
    """The rows of positions and of their legal moves."""

    inputs: tuple[NDArray[np.int32], NDArray[np.int32]]
    """Rows int32[B, MAX_INPUT_ROWS] of the input table, and how many of them count int32[B]."""
    legal: tuple[NDArray[np.int64], NDArray[np.int32]]
    """Offsets int64[B + 1] of the positions' moves, and the moves' rows int32[M, ROWS_PER_MOVE] of
    the move table."""


def _offsets(mask_bits: Tensor) -> NDArray[np.int64]:
    """Where the moves of each position begin among those of all, and how many there are [B + 1].

    Raises:
        ValueError: a row has no legal action, or more than any shogi position has, or marks a
            label that does not exist.
    """
    offsets = np.empty(len(mask_bits) + 1, dtype=np.int64)
    count_moves(_array(mask_bits, torch.uint8), offsets)
    counts = np.diff(offsets)
    if not counts.all():
        require_legal_actions(mask_bits)
    if counts.max() > MAX_LEGAL_MOVES:
        raise ValueError(
            f"row {counts.argmax()} of the mask has {counts.max()} legal actions; "
            f"no shogi position has more than {MAX_LEGAL_MOVES}"
        )
    if bool((mask_bits[:, -1] >> (NUM_ACTIONS % 8)).any()):
        raise ValueError(f"the mask marks a label past {NUM_ACTIONS - 1} as legal")
    return offsets


def find_rows(
    state: Tensor, mask_bits: Tensor | None = None, memory: Memory | None = None
) -> FoundRows:
    """Rows of positions and of their legal moves.

    Args:
        state: uint8[B, 100] on the CPU, mover's view.
        mask_bits: uint8[B, 274], packed legal actions; None when the moves are not needed.
        memory: has the rows of some positions; None for none.

    Raises:
        ValueError: a row of the mask has no legal action, or is no shogi mask.
    """
    num_positions = len(state)
    if mask_bits is None:
        offsets = np.zeros(num_positions + 1, dtype=np.int64)
        bits = np.zeros((num_positions, MASK_BYTES), dtype=np.uint8)
    else:
        offsets = _offsets(mask_bits)
        bits = _array(mask_bits, torch.uint8)
    found = FoundRows(
        (
            np.empty((num_positions, MAX_INPUT_ROWS), dtype=np.int32),
            np.empty(num_positions, dtype=np.int32),
        ),
        (offsets, np.empty((offsets[-1], ROWS_PER_MOVE), dtype=np.int32)),
    )
    states = _array(state, torch.uint8)
    is_missing = np.ones(num_positions, dtype=np.bool_)
    tasks = slices(num_positions)
    if memory is not None:
        for_each(tasks, recall_rows, memory, states, *found, is_missing)
    for_each(tasks, write_rows, states, bits, *found, is_missing)
    return found


def remember_rows(memory: Memory, state: Tensor, found: FoundRows) -> None:
    """Keep the rows that were found of positions uint8[B, 100] and of their legal moves."""
    remember(memory, _array(state, torch.uint8), found.inputs, found.legal)


class _InputSum(Function):
    """Sum of a position's rows of the input table."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, found: FoundRows) -> Tensor:
        weights = _array(table, torch.float32)
        num_positions = len(found.inputs[0])
        sums = np.empty((num_positions, weights.shape[1]), dtype=np.float32)
        for_each(slices(num_positions), sum_input_rows, weights, *found.inputs, sums)
        ctx.inputs, ctx.table_shape = found.inputs, weights.shape
        return torch.from_numpy(sums)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad_sums: Tensor
    ) -> tuple[Tensor, None]:
        grads = _array(grad_sums, torch.float32)
        grad_table = np.zeros(ctx.table_shape, dtype=np.float32)
        strips = range(0, grads.shape[1], COLUMNS_PER_TASK)
        for_each(strips, scatter_input_gradient, *ctx.inputs, grads, grad_table)
        return torch.from_numpy(grad_table), None


class _MoveEvaluation(Function):
    """Log-probability of the moves made and entropy, from policy vectors and the move table."""

    @staticmethod
    def forward(
        ctx: Any, vector: Tensor, table: Tensor, found: FoundRows, actions: Tensor, small: float
    ) -> tuple[Tensor, Tensor]:
        vectors, weights = _array(vector, torch.float32), _array(table, torch.float32)
        made = _array(actions, torch.int64)
        num_positions, num_moves = len(vectors), len(found.legal[1])
        out = (
            np.empty(num_positions, dtype=np.float32),
            np.empty(num_positions, dtype=np.float32),
            np.empty(num_moves, dtype=np.float32),
            np.empty(num_moves, dtype=np.float32),
            np.empty_like(vectors),
            np.empty_like(vectors),
        )
        for_each(slices(num_positions), evaluate_moves, vectors, weights, found.legal, made, out)
        ctx.vectors, ctx.legal, ctx.made, ctx.out = vectors, found.legal, made, out
        ctx.table_shape, ctx.small = weights.shape, small
        return torch.from_numpy(out[0]), torch.from_numpy(out[1])

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad_log_prob: Tensor, grad_entropy: Tensor
    ) -> tuple[Tensor, Tensor, None, None, None]:
        slopes = _array(grad_log_prob, torch.float32), _array(grad_entropy, torch.float32)
        log_prob, entropy, probs, log_probs, by_vector, entropy_by_vector = ctx.out
        grad_vectors = slopes[0][:, None] * by_vector + slopes[1][:, None] * entropy_by_vector
        kept = (
            np.empty(len(log_prob), dtype=np.int64),
            np.empty(len(probs), dtype=np.int64),
            np.empty(len(probs), dtype=np.float32),
        )
        # The numbers themselves are the seed: they are others after each step of the optimiser,
        # and the same for any number of threads and after a resume.
        rounding = ctx.small * float(np.abs(slopes[0]).mean()), zlib.crc32(log_prob.tobytes())
        work = ctx.legal, ctx.made, (probs, log_probs, entropy), slopes, kept, rounding
        for_each(slices(len(log_prob)), list_gradients, *work)
        grad_table = np.zeros(ctx.table_shape, dtype=np.float32)
        parts = range(ROWS_PER_MOVE)
        for_each(parts, scatter_move_gradient, ctx.vectors, ctx.legal, kept, grad_table)
        return torch.from_numpy(grad_vectors), torch.from_numpy(grad_table), None, None, None


def input_sum(table: Tensor, found: FoundRows) -> Tensor:
    """Input sums float32[B, W], differentiable by the table.

    Args:
        table: float32[NUM_INPUT_ROWS, W], W a multiple of COLUMNS_PER_TASK.
        found: the positions' rows.
    """
    return cast(Tensor, _InputSum.apply(table, found))


def move_evaluation(
    vector: Tensor, table: Tensor, found: FoundRows, actions: Tensor, small: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy float32[B] of legal actions, differentiable.

    Args:
        vector: float32[B, POLICY_WIDTH], policy vectors.
        table: float32[NUM_MOVE_ROWS, POLICY_WIDTH].
        found: the moves' rows.
        actions: int64[B], legal actions; one that is not legal gives NaN.
        small: gradients of logits below this share of the mean gradient of the log-probabilities
            are rounded at random to it or to 0 for the table, which is unbiased and saves most of
            the work; 0 for none.
    """
    evaluate = cast(Callable[..., tuple[Tensor, Tensor]], _MoveEvaluation.apply)
    return evaluate(vector, table, found, actions, small)


def legal_log_probs(vector: Tensor, table: Tensor, found: FoundRows) -> Tensor:
    """Log-probabilities float32[M] of all legal moves, not differentiable.

    Args:
        vector: float32[B, POLICY_WIDTH], policy vectors.
        table: float32[NUM_MOVE_ROWS, POLICY_WIDTH].
        found: the moves' rows.
    """
    vectors, weights = _array(vector, torch.float32), _array(table, torch.float32)
    log_probs = np.empty(len(found.legal[1]), dtype=np.float32)
    for_each(slices(len(vectors)), judge_moves, vectors, weights, found.legal, log_probs)
    return torch.from_numpy(log_probs)


def move_choice(
    vector: Tensor, table: Tensor, found: FoundRows, uniforms: Tensor, *, deterministic: bool
) -> tuple[Tensor, Tensor]:
    """Actions int64[B] and their log-probabilities float32[B], not differentiable.

    Args:
        vector: float32[B, POLICY_WIDTH], policy vectors.
        table: float32[NUM_MOVE_ROWS, POLICY_WIDTH].
        found: the moves' rows.
        uniforms: float32[B] in [0, 1), from which the actions are sampled by inverse CDF.
        deterministic: take the most probable action instead.
    """
    vectors, weights = _array(vector, torch.float32), _array(table, torch.float32)
    draws = np.full(len(vectors), _MODE, dtype=np.float32)
    if not deterministic:
        draws = _array(uniforms, torch.float32)
    out = (np.empty(len(vectors), dtype=np.int64), np.empty(len(vectors), dtype=np.float32))
    for_each(slices(len(vectors)), choose_moves, vectors, weights, found.legal, draws, out)
    return torch.from_numpy(out[0]), torch.from_numpy(out[1])
