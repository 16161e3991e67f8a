"""Which edge a search follows: the formulas and where they come from.

* Gumbel: Danihelka, Guez, Schrittwieser, Silver, "Policy improvement by planning with Gumbel", ICLR
  2022. At the root sequential halving (figure 1 and algorithm 2); below it the action values of
  edges without visits are completed (equations 8, 10, 11, 14, and 33 of appendix D for the mixed
  value).
* PUCT: Silver et al., "Mastering the game of Go without human knowledge", Nature 550, 2017, with
  KataGo's first play urgency (Wu, "Accelerating self-play learning in Go", 2019): an edge without
  visits is worth what its node is, less a reduction that grows with the priors already visited.

Action values q are those of the player who chooses, in [0, 1]: 1 a win. Priors are probabilities
after the temperature; edges stand in descending order of them, or, at a root with Gumbel noise, of
logit + noise.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.jit import Int, inline_kernel


class Weights(NamedTuple):
    """The constants of keisei.search.settings that kernels need."""

    is_puct: bool
    c_visit: float
    c_scale: float
    c_puct: float
    fpu_reduction: float


class Edges(NamedTuple):
    """What is known of the edges of a node whose child has been visited.

    Attributes:
        visits: their visits together.
        most: the most of one.
        prior: their priors together.
        weighted: the sum of prior times action value.
    """

    visits: Int
    most: Int
    prior: float
    weighted: float


_START, _LEFT, _VISITS = range(3)
_NEVER = np.iinfo(np.int64).max


def halving_rounds(most: int, simulations: int) -> NDArray[np.int64]:
    """The rounds of sequential halving, int64 [most + 1, rounds, 3].

    Row m is for m candidates. In each round all that are left are visited alike, in sweeps, the
    number of rounds being log2(m); then the better half goes on, down to two, which share what is
    left. A round is the simulation it begins with, how many candidates are left in it, and how
    often each has been visited before. Rows end with rounds that never begin.
    """
    rounds = max(1, (most - 1).bit_length())
    table = np.full((most + 1, rounds, 3), _NEVER)
    table[:2, 0] = 0, 1, 0
    for count in range(2, most + 1):
        stages = (count - 1).bit_length()
        start, left, visits = 0, count, 0
        for stage in range(stages):
            table[count, stage] = start, left, visits
            sweeps = max(1, simulations // (stages * left))
            start, visits = start + sweeps * left, visits + sweeps
            left = max(2, left // 2)
    return table


@inline_kernel
def _round_of(rounds: NDArray[np.int64], count: Int, number: Int) -> Int:
    """The round of a simulation, by its number from 0."""
    last = 0
    while last + 1 < rounds.shape[1] and rounds[count, last + 1, _START] <= number:
        last += 1
    return last


@inline_kernel
def wave_end(rounds: NDArray[np.int64], count: Int, number: Int, sweeps: Int) -> Int:
    """The first simulation that has to wait for the one of a number.

    In a sweep each candidate is visited once, so that none of them waits for another.

    Args:
        rounds: from ``halving_rounds``.
        count: of candidates.
        number: of the simulation, from 0.
        sweeps: of one round that may be under way at once.
    """
    stage = _round_of(rounds, count, number)
    start, left = rounds[count, stage, _START], rounds[count, stage, _LEFT]
    end = start + ((number - start) // left + sweeps) * left
    return min(end, rounds[count, stage + 1, _START]) if stage + 1 < rounds.shape[1] else end


@inline_kernel
def visits_in_turn(rounds: NDArray[np.int64], count: Int, number: Int) -> Int:
    """How many visits the candidate has that a simulation goes to.

    Args:
        rounds: from ``halving_rounds``.
        count: of candidates.
        number: of the simulation, from 0; it takes the best of those with so many visits.
    """
    each = rounds[count, _round_of(rounds, count, number)]
    return each[_VISITS] + (number - each[_START]) // each[_LEFT]


@inline_kernel
def sigma(q: float, most: Int, weights: Weights) -> float:
    """The monotone transformation of action values, on the scale of logits (equation 8)."""
    return (weights.c_visit + most) * weights.c_scale * q


@inline_kernel
def mixed_value(value: float, edges: Edges) -> float:
    """The value in [0, 1] that completes edges without visits (equation 33)."""
    own = 0.5 * (1.0 + value)
    if edges.visits == 0:
        return own
    return (own + edges.visits * edges.weighted / edges.prior) / (1 + edges.visits)


@inline_kernel
def first_play_urgency(mean: float, prior: float, weights: Weights) -> float:
    """What edges without visits are worth in [0, 1] (PUCT).

    Args:
        mean: of the node's visits, in [-1, 1].
        prior: of the edges with visits, together.
        weights: of the formulas.
    """
    return max(0.5 * (1.0 + mean) - weights.fpu_reduction * np.sqrt(prior), 0.0)
