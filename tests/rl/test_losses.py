"""The terms of the objective, against numbers worked out by hand."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import math

import pytest
import torch

from keisei.rl.losses import (
    approx_kl,
    clipped_surrogate_loss,
    explained_variance,
    is_clipped,
    value_loss,
)

LOG_RATIOS = torch.tensor([math.log(1.5), math.log(1.5), math.log(0.5), math.log(0.5), 0.0])


def test_clipped_surrogate_takes_the_pessimistic_side() -> None:
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0])
    loss = clipped_surrogate_loss(LOG_RATIOS, advantages, 0.2)
    assert loss.tolist() == pytest.approx([-1.2, 1.5, -0.5, 0.8, -2.0])


def test_clipped_ratios_have_no_gradient() -> None:
    log_ratio = LOG_RATIOS.clone().requires_grad_()
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0])
    clipped_surrogate_loss(log_ratio, advantages, 0.2).mean().backward()
    # -ratio * A / 5 where the ratio may still move the loss, else 0.
    assert log_ratio.grad is not None
    assert log_ratio.grad.tolist() == pytest.approx([0.0, 0.3, -0.1, 0.0, -0.4])


def test_value_loss_is_the_square_of_the_error() -> None:
    loss = value_loss(torch.tensor([0.5, -1.0]), torch.tensor([1.0, 1.0]))
    assert loss.tolist() == [0.25, 4.0]


def test_approx_kl_is_zero_only_without_change() -> None:
    assert approx_kl(torch.zeros(3)).tolist() == [0.0] * 3
    up, down = 0.5 - math.log(1.5), -0.5 - math.log(0.5)
    assert approx_kl(LOG_RATIOS).tolist() == pytest.approx([up, up, down, down, 0.0])


def test_clipping_is_noticed_on_both_sides() -> None:
    assert is_clipped(LOG_RATIOS, 0.2).tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]
    assert not is_clipped(LOG_RATIOS, 0.6).any()


def test_explained_variance() -> None:
    returns = torch.tensor([1.0, -1.0, 1.0, -1.0])
    assert explained_variance(returns, returns).item() == 1.0
    constant = torch.full((4,), 0.3)
    assert explained_variance(constant, returns).item() == pytest.approx(0.0, abs=1e-6)
    # Half the size: errors of +-0.5 leave a quarter of the variance.
    assert explained_variance(0.5 * returns, returns).item() == pytest.approx(0.75)
    assert explained_variance(returns, torch.ones(4)).item() == 0.0
