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
from keisei.rl.ranks import Ranks

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
        values: float32[...] in [-1, 1], predicted.
        results: float32[...] in [-1, 1].
        counted: bool[...], the plies that count.
    """
    weights = counted.flatten().float()
    differences = (values - results).flatten() * weights
    bins = ((values.flatten() + 1.0) * (_BINS / 2)).long().clamp(0, _BINS - 1)
    # A product with rows of one 1 adds up in a fixed order, unlike additions by index on a GPU.
    by_bin = differences @ functional.one_hot(bins, _BINS).float()
    number = weights.sum()
    divisor = number.clamp_min(1.0)
    return torch.stack((differences.square().sum() / divisor, by_bin.abs().sum() / divisor, number))


def judge_values(
    buffer: ExperienceBuffer, gamma: float, ranks: Ranks | None = None
) -> dict[str, float]:
    """What the values of a full rollout were worth, for the update's row (keisei/web/metrics.md).

    Args:
        buffer: this rank's share of the rollout.
        gamma: discount of one ply, above 0.
        ranks: all of which take part; None for one alone.
    """
    ranks = Ranks() if ranks is None else ranks
    results, known = results_in_rollout(
        buffer.column("rewards"), buffer.column("terminated"), buffer.column("truncated"), gamma
    )
    learned = buffer.column("loss_mask")
    counts = [buffer.plies] * ranks.size
    values, results, known, learned = (
        ranks.join(each.flatten(), counts)
        for each in (buffer.column("values"), results, known & learned, learned)
    )
    errors = value_errors(values, results, known)
    spread = values[learned].std(correction=0).unsqueeze(0)
    value_spread, error, calibration, plies = cast(
        list[float], torch.cat((spread, errors)).tolist()
    )
    judged = {"value_spread": value_spread, "value_known": plies / int(learned.sum())}
    if plies:
        judged |= {"value_error": error, "value_calibration": calibration}
    return judged
