"""The terms of the PPO objective and its diagnostics, as pure functions of tensors [B].

Source of the formulas: Schulman et al., "Proximal Policy Optimization Algorithms"
(arXiv:1707.06347). ``log_ratio`` is log pi_new(a|s) - log pi_old(a|s) throughout. A term stands for
each ply; what is minimised or reported is a weighted mean of it.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from keisei.rl.masking import count_legal, normalised_entropy


def terms_of_plies(
    batch: Mapping[str, Tensor],
    evaluated: tuple[Tensor, Tensor, Tensor],
    advantages: Tensor,
    clip_coef: float,
) -> dict[str, Tensor]:
    """What each ply adds to the objective and to what is reported, float32[B], by its metric.

    A mate that was found was not drawn from the policy, so that it has no ratio: it is learned by
    cross-entropy, and counts 0 where ratios are meant.

    Args:
        batch: as :meth:`ExperienceBuffer.minibatches` gives it.
        evaluated: log-probability of the action, entropy and value float32[B] by the network.
        advantages: float32[B], normalised.
        clip_coef: c, how far a ratio may leave 1 with profit.
    """
    log_prob, entropy, values = evaluated
    mates = batch["mates"]
    log_ratio = torch.where(mates, 0.0, log_prob - batch["log_probs"])
    told = log_ratio.detach()
    evenness = normalised_entropy(entropy.detach(), count_legal(batch["mask_bits"]))
    return {
        "policy_loss": clipped_surrogate_loss(
            log_ratio, torch.where(mates, 0.0, advantages), clip_coef
        ),
        "mate_loss": torch.where(mates, -log_prob, 0.0),
        "value_loss": value_loss(values, batch["returns"]),
        "entropy": entropy,
        "entropy_normalised": evenness,
        "approx_kl": approx_kl(told),
        "clip_fraction": is_clipped(told, clip_coef),
    }


def clipped_surrogate_loss(log_ratio: Tensor, advantages: Tensor, clip_coef: float) -> Tensor:
    """-min(ratio * A, clip(ratio, 1 - c, 1 + c) * A) of each ply (arXiv:1707.06347, eq. 7).

    Args:
        log_ratio: float32[B].
        advantages: float32[B], to the player who moved; positive = better than expected.
        clip_coef: c, how far the ratio may leave 1 with profit.

    Returns:
        float32[B], whose mean is to be minimised.
    """
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef)
    return -torch.minimum(ratio * advantages, clipped * advantages)


def value_loss(values: Tensor, returns: Tensor) -> Tensor:
    """Squared error float32[B] of values float32[B] against their targets float32[B]."""
    return (values - returns).square()


def approx_kl(log_ratio: Tensor) -> Tensor:
    """Terms float32[B] whose mean estimates KL(old || new): ratio - 1 - log_ratio, never negative.

    The k3 estimator of http://joschu.net/blog/kl-approx.html for actions drawn from the old
    policy.
    """
    return log_ratio.exp() - 1.0 - log_ratio


def is_clipped(log_ratio: Tensor, clip_coef: float) -> Tensor:
    """1.0 where the ratio lies outside [1 - clip_coef, 1 + clip_coef], else 0.0: float32[B]."""
    return ((log_ratio.exp() - 1.0).abs() > clip_coef).float()


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """1 - Var(returns - values) / Var(returns), float32[]: 1 perfect, 0 no better than a constant.

    0 when the returns do not vary.
    """
    spread = returns.var(correction=0)
    unexplained = (returns - values).var(correction=0)
    return torch.where(spread > 0, 1.0 - unexplained / spread, torch.zeros_like(spread))
