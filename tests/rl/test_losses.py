"""The terms of the objective, against numbers worked out by hand."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import math

import pytest
import torch

from keisei.rl.losses import (
    approx_kl,
    clip_fraction,
    clipped_surrogate_loss,
    explained_variance,
    value_loss,
)

LOG_RATIOS = torch.tensor([math.log(1.5), math.log(1.5), math.log(0.5), math.log(0.5), 0.0])


def test_clipped_surrogate_takes_the_pessimistic_side() -> None:
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0])
    # min(ratio * A, clipped * A): 1.2, -1.5, 0.5, -0.8, 2.0
    expected = -(1.2 - 1.5 + 0.5 - 0.8 + 2.0) / 5
    loss = clipped_surrogate_loss(LOG_RATIOS, advantages, 0.2)
    assert loss.item() == pytest.approx(expected)


def test_clipped_ratios_have_no_gradient() -> None:
    log_ratio = LOG_RATIOS.clone().requires_grad_()
    clipped_surrogate_loss(log_ratio, torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0]), 0.2).backward()
    # -ratio * A / 5 where the ratio may still move the loss, else 0.
    assert log_ratio.grad is not None
    assert log_ratio.grad.tolist() == pytest.approx([0.0, 0.3, -0.1, 0.0, -0.4])


def test_value_loss_is_the_mean_square() -> None:
    loss = value_loss(torch.tensor([0.5, -1.0]), torch.tensor([1.0, 1.0]))
    assert loss.item() == pytest.approx((0.25 + 4.0) / 2)


def test_approx_kl_is_zero_only_without_change() -> None:
    assert approx_kl(torch.zeros(3)).item() == 0.0
    expected = (2 * (0.5 - math.log(1.5)) + 2 * (-0.5 - math.log(0.5))) / 5
    assert approx_kl(LOG_RATIOS).item() == pytest.approx(expected)


def test_clip_fraction_counts_both_sides() -> None:
    assert clip_fraction(LOG_RATIOS, 0.2).item() == pytest.approx(0.8)
    assert clip_fraction(LOG_RATIOS, 0.6).item() == 0.0


def test_explained_variance() -> None:
    returns = torch.tensor([1.0, -1.0, 1.0, -1.0])
    assert explained_variance(returns, returns).item() == 1.0
    constant = torch.full((4,), 0.3)
    assert explained_variance(constant, returns).item() == pytest.approx(0.0, abs=1e-6)
    # Half the size: errors of +-0.5 leave a quarter of the variance.
    assert explained_variance(0.5 * returns, returns).item() == pytest.approx(0.75)
    assert explained_variance(returns, torch.ones(4)).item() == 0.0
