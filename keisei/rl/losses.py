"""The terms of the PPO objective and its diagnostics, as pure functions of tensors [B].

Source of the formulas: Schulman et al., "Proximal Policy Optimization Algorithms"
(arXiv:1707.06347). ``log_ratio`` is log pi_new(a|s) - log pi_old(a|s) throughout.
"""

import torch
from torch import Tensor


def clipped_surrogate_loss(log_ratio: Tensor, advantages: Tensor, clip_coef: float) -> Tensor:
    """Mean of -min(ratio * A, clip(ratio, 1 - c, 1 + c) * A) (arXiv:1707.06347, eq. 7).

    Args:
        log_ratio: float32[B].
        advantages: float32[B], to the player who moved; positive = better than expected.
        clip_coef: c, how far the ratio may leave 1 with profit.

    Returns:
        float32[], to be minimised.
    """
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef)
    return -torch.minimum(ratio * advantages, clipped * advantages).mean()


def value_loss(values: Tensor, returns: Tensor) -> Tensor:
    """Mean squared error float32[] of values float32[B] against their targets float32[B]."""
    return (values - returns).square().mean()


def approx_kl(log_ratio: Tensor) -> Tensor:
    """Estimate float32[] of KL(old || new): mean of ratio - 1 - log_ratio, never negative.

    The k3 estimator of http://joschu.net/blog/kl-approx.html for actions drawn from the old
    policy.
    """
    return (log_ratio.exp() - 1.0 - log_ratio).mean()


def clip_fraction(log_ratio: Tensor, clip_coef: float) -> Tensor:
    """Share float32[] of the actions whose ratio lies outside [1 - clip_coef, 1 + clip_coef]."""
    return ((log_ratio.exp() - 1.0).abs() > clip_coef).float().mean()


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """1 - Var(returns - values) / Var(returns), float32[]: 1 perfect, 0 no better than a constant.

    0 when the returns do not vary.
    """
    spread = returns.var(correction=0)
    unexplained = (returns - values).var(correction=0)
    return torch.where(spread > 0, 1.0 - unexplained / spread, torch.zeros_like(spread))
