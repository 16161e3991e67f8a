"""Who judges the positions of a search: a function, or something that can do it in two steps."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Verdict = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
"""Of n positions with m legal actions together: offsets int64 [n + 1]; actions int64 [m], ascending
in each; their log-probabilities float32 [m]; values float32 [n] in [-1, 1], to the players to move.
"""
Evaluate = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Verdict]
"""Judges compact states uint8 [n, 100] and packed legal actions uint8 [n, 274]."""


class TwoSteps(Protocol):
    """Judges positions when they are reached, and their moves if they are reached again.

    Half of the nodes of a search are visited once only, and their moves never looked at.
    """

    memory: int
    """Numbers to be kept of a position until its moves are asked about."""

    def values(
        self, states: NDArray[np.uint8], memories: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Values float32 [n] in [-1, 1], to the players to move.

        Args:
            states: uint8 [n, 100], compact states.
            memories: float32 [n, memory], to be filled.
        """
        ...

    def logits(
        self,
        states: NDArray[np.uint8],
        memories: NDArray[np.float32],
        offsets: NDArray[np.int64],
        actions: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Log-probabilities float32 [m] of all legal actions, but for a constant in each position.

        Args:
            states: uint8 [n, 100], compact states.
            memories: float32 [n, memory], as they were filled.
            offsets: int64 [n + 1], where the actions of each position begin.
            actions: int64 [m], ascending in each.
        """
        ...


class EvaluatorError(ValueError):
    """An evaluator has answered what is no judgement of the positions it was asked about."""


def require_finite(*answers: NDArray[np.float32]) -> None:
    """Look at an evaluator's numbers.

    Raises:
        EvaluatorError: One is not finite.
    """
    # A sum is finite only if all numbers are; of both infinities numpy would warn besides.
    with np.errstate(invalid="ignore"):
        is_finite = all(np.isfinite(answer.sum(dtype=np.float64)) for answer in answers)
    if not is_finite:
        raise EvaluatorError("The evaluator gave numbers that are not finite; look at its weights.")


def require_each(answer: NDArray[np.float32], count: int, asked: str) -> None:
    """Look whether an evaluator gave a number for each of those it was asked about.

    Raises:
        EvaluatorError: It gave more or fewer.
    """
    if answer.shape != (count,):
        raise EvaluatorError(
            f"The evaluator gave numbers of shape {answer.shape} for {count} {asked}; "
            "there has to be one for each."
        )


def require_same_moves(
    verdict: Verdict, offsets: NDArray[np.int64], moves: NDArray[np.int64]
) -> None:
    """Look whether a function has judged the moves that it was asked about.

    Args:
        verdict: What it said.
        offsets: int64 [n + 1], where the legal actions of each position begin.
        moves: int64 [m], these.

    Raises:
        EvaluatorError: It has judged others.
    """
    if not (np.array_equal(verdict[0], offsets) and np.array_equal(verdict[1], moves)):
        raise EvaluatorError(
            f"The evaluator judged {len(verdict[1])} moves of {len(verdict[0]) - 1} positions, "
            f"which are not the {len(moves)} legal ones of {len(offsets) - 1}, in ascending order."
        )
