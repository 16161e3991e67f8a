"""How well the values that a rollout was played with foretold the results of its games.

Letters: T plies of a rollout, N games. Everything belongs to the player who moved at that ply.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.gae import negamax_gae

_BINS = 10


def results_in_rollout(
    rewards: Tensor, terminated: Tensor, truncated: Tensor, gamma: float
) -> tuple[Tensor, Tensor]:
    """Results of the games that a rule ended within the rollout, as each ply's mover saw them.

    Args:
        rewards: float32[T, N], reward of each ply to its mover.
        terminated: bool[T, N], a rule ended the game with this ply.
        truncated: bool[T, N], the game was cut off after it: its result is not known.
        gamma: discount of one ply, above 0.

    Returns:
        Discounted results float32[T, N] in [-1, 1], 0 where not known; bool[T, N], known.
    """
    # With values of 0 and lambda 1 the advantage is the discounted result itself; told of ends in
    # the place of rewards, it is not 0 where an end is reached.
    ends = terminated.float()
    nothing = torch.zeros_like(rewards)
    both = negamax_gae(
        torch.cat((rewards, ends), dim=1),
        torch.cat((nothing, nothing), dim=1),
        torch.cat((nothing, nothing), dim=1),
        torch.cat((terminated, terminated), dim=1),
        torch.cat((truncated, truncated), dim=1),
        gamma,
        1.0,
    )
    results, signs = both.chunk(2, dim=1)
    return results, signs != 0


def value_errors(values: Tensor, results: Tensor, counted: Tensor) -> Tensor:
    """How far values are from results, float32[3].

    The mean squared error, which also holds what cannot be foretold; the expected calibration
    error (Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599, eq. 3): the
    difference between mean value and mean result in ten bins of the value, weighted by plies; the
    number of plies counted. The first two are 0 when the third is.

    Args:
        values: float32[T, N] in [-1, 1], predicted.
        results: float32[T, N] in [-1, 1].
        counted: bool[T, N], the plies that count.
    """
    weights = counted.flatten().float()
    differences = (values - results).flatten() * weights
    bins = ((values.flatten() + 1.0) * (_BINS / 2)).long().clamp(0, _BINS - 1)
    # A product with rows of one 1 adds up in a fixed order, unlike additions by index on a GPU.
    by_bin = differences @ functional.one_hot(bins, _BINS).float()
    number = weights.sum()
    divisor = number.clamp_min(1.0)
    return torch.stack((differences.square().sum() / divisor, by_bin.abs().sum() / divisor, number))


def judge_values(buffer: ExperienceBuffer, gamma: float) -> dict[str, float]:
    """What the values of a full rollout were worth, for the update's row (docs/metrics.md)."""
    values = buffer.column("values")
    results, known = results_in_rollout(
        buffer.column("rewards"), buffer.column("terminated"), buffer.column("truncated"), gamma
    )
    errors = value_errors(values, results, known & buffer.column("learned"))
    spread = buffer.learned_from("values").std().unsqueeze(0)
    numbers = cast(list[float], torch.cat((spread, errors)).tolist())
    judged = {"value_spread": numbers[0], "value_known": numbers[3] / buffer.learned_plies}
    if numbers[3]:
        judged |= {"value_error": numbers[1], "value_calibration": numbers[2]}
    return judged
