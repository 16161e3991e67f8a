"""Which edge a search follows: the formulas and where they come from.

* Gumbel: Danihelka, Guez, Schrittwieser, Silver, "Policy improvement by planning with Gumbel", ICLR
  2022. At the root sequential halving (figure 1 and algorithm 2); below it the action values of
  edges without visits are completed (equations 8, 10, 11, 14, and 33 of appendix D for the mixed
  value).
* PUCT: Silver et al., "Mastering the game of Go without human knowledge", Nature 550, 2017, with an
  edge without visits valued as lost (first play urgency 0).

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


class Edges(NamedTuple):
    """What is known of the first k edges of a node, those with a child.

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


def halving_schedule(most: int, simulations: int) -> NDArray[np.int32]:
    """How many visits the next candidate has, int32 [most + 1, simulations].

    Row m is for m candidates: in each round all that are left are visited alike, the number of
    rounds being log2(m); then the better half goes on, down to two. Each simulation takes the best
    candidate among those that have so many visits.
    """
    schedule = np.zeros((most + 1, simulations), np.int32)
    schedule[:2] = np.arange(simulations)
    for count in range(2, most + 1):
        rounds = int(np.ceil(np.log2(count)))
        visits: list[int] = []
        left, done = count, 0
        while len(visits) < simulations:
            extra = max(1, simulations // (rounds * left))
            for again in range(extra):
                visits += [done + again] * left
            done += extra
            left = max(2, left // 2)
        schedule[count] = visits[:simulations]
    return schedule


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
