"""Generalised advantage estimation for two players who alternate, in the negamax form.

Letters: T plies of a rollout, N games. Row t of a rollout belongs to the player who moves there,
so the value of the next position belongs to the opponent and enters with a minus sign.

**Games against another player.** Where a fixed opponent moves on every second ply, the same
recursion goes through its plies, with the learner's own value at every position, and only the rows
of the learner's plies are learned from. Written out for such a row, the advantage is the
lambda-weighted mean of k-ply returns from the learner's seat, in which the opponent's moves are a
part of the world as much as the rules are: what follows is what really followed. So as lambda goes
to 1 and in games that end it is unbiased. What is biased is the bootstrap, as with any critic: the
one value stands for games against all opponents, mostly against the learner itself, and in the
positions that the opponent moves from it is not trained on that opponent's moves, so it takes a
weaker opponent for as strong as the learner. Lambda below 1 lets that in by a share of
(1 - lambda) for each ply looked ahead. Leaving out the opponent's positions (one delta over two
plies) would halve the places where the bootstrap enters and keep the bias.
"""

import torch
from torch import Tensor


def values_of_next_positions(
    values: Tensor, last_values: Tensor, truncated: Tensor, final_values: Tensor
) -> Tensor:
    """Value [T, N] of the position after each ply, to the player to move there.

    Args:
        values: float32[T, N], value of the position before ply t, to its mover.
        last_values: float32[N], value of the position after the last ply, to its mover.
        truncated: bool[T, N], the game was cut off after ply t.
        final_values: float32[T, N], where truncated the value of the position that the game was
            cut off in, to the player to move there; not read elsewhere.

    Returns:
        float32[T, N]. Where a game ended by a rule it is the value of an unrelated new game,
        which :func:`negamax_gae` does not use.
    """
    following = torch.cat((values[1:], last_values.unsqueeze(0)))
    return torch.where(truncated, final_values, following)


def negamax_gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Advantages float32[T, N] of each ply to its mover.

    ``delta_t = r_t - gamma * V'_t * (1 - terminated_t) - V_t``
    ``A_t = delta_t - gamma * lambda * (1 - ended_t) * A_{t+1}``

    with ``ended = terminated | truncated``. This is the estimator of Schulman et al., "High-
    Dimensional Continuous Control Using Generalized Advantage Estimation" (arXiv:1506.02438, eq.
    16), with the opponent's value and advantage negated, as in negamax search.

    The recurrence is summed by doubling (Hillis and Steele, "Data Parallel Algorithms", 1986):
    after k rounds each ply has what the next 2^k plies bring. So a rollout of 64 takes 6 rounds of
    three operations on all plies at once; ply after ply it would be 192 launches on a GPU.

    Args:
        rewards: float32[T, N], reward of ply t to the player who made it.
        values: float32[T, N], V, value of the position before ply t, to its mover.
        next_values: float32[T, N], V', value of the position after ply t, to the player to move
            there (:func:`values_of_next_positions`).
        terminated: bool[T, N], a rule ended the game with ply t: nothing is left to estimate.
        truncated: bool[T, N], the game was cut off after ply t: V' stands for the rest.
        gamma: discount of one ply, in (0, 1].
        gae_lambda: 0 uses one ply and the next value, 1 the whole return.

    Returns:
        float32[T, N]; the value target is advantage + values.
    """
    advantages = rewards - gamma * next_values * (~terminated) - values
    carry = -gamma * gae_lambda * ~(terminated | truncated)
    reach = 1
    while reach < len(advantages):
        advantages[:-reach] += carry[: len(advantages) - reach] * advantages[reach:]
        carry = carry[:-reach] * carry[reach:]
        reach *= 2
    return advantages
