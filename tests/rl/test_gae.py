"""Advantages of two players who alternate."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from keisei.rl.gae import negamax_gae, values_of_next_positions

RUNNING, OVER, CUT_OFF = 0, 1, 2


def _column(*numbers: float) -> Tensor:
    return torch.tensor(numbers).unsqueeze(1)


def _flags(*numbers: int) -> Tensor:
    return torch.tensor(numbers, dtype=torch.bool).unsqueeze(1)


def test_two_short_games_by_hand() -> None:
    """Plies 0, 1: a game cut off in a position worth 0.4. Plies 2..4: one that ply 4 wins."""
    rewards = _column(0.0, 0.0, 0.0, 0.0, 1.0)
    values = _column(0.2, -0.1, 0.0, 0.5, 0.6)
    truncated, terminated = _flags(0, 1, 0, 0, 0), _flags(0, 0, 0, 0, 1)
    final_values = _column(0.0, 0.4, 0.0, 0.0, 0.0)
    next_values = values_of_next_positions(values, torch.tensor([0.9]), truncated, final_values)
    assert next_values.flatten().tolist() == pytest.approx([-0.1, 0.4, 0.5, 0.6, 0.9])
    advantages = negamax_gae(rewards, values, next_values, terminated, truncated, 0.9, 0.5)
    # deltas, with gamma 0.9:
    #   t=4:  1   - 0             - 0.6  =  0.4
    #   t=3:  0   - 0.9 *  0.6    - 0.5  = -1.04
    #   t=2:  0   - 0.9 *  0.5    - 0    = -0.45
    #   t=1:  0   - 0.9 *  0.4    + 0.1  = -0.26   (final position, not ply 2)
    #   t=0:  0   - 0.9 * -0.1    - 0.2  = -0.11
    # carried with -gamma * lambda = -0.45 inside a game:
    #   A4 = 0.4; A3 = -1.04 - 0.18 = -1.22; A2 = -0.45 + 0.549 = 0.099
    #   A1 = -0.26; A0 = -0.11 + 0.117 = 0.007
    expected = [0.007, -0.26, 0.099, -1.22, 0.4]
    assert advantages.flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_the_loser_of_an_unexpected_end_gets_the_blame() -> None:
    """Four plies, the last one wins, nothing was foreseen: signs alternate back from the end."""
    zeros = _column(0.0, 0.0, 0.0, 0.0)
    rewards, terminated = _column(0.0, 0.0, 0.0, 1.0), _flags(0, 0, 0, 1)
    advantages = negamax_gae(rewards, zeros, zeros, terminated, _flags(0, 0, 0, 0), 0.99, 0.95)
    decay = 0.99 * 0.95
    expected = [-(decay**3), decay**2, -decay, 1.0]
    assert advantages.flatten().tolist() == pytest.approx(expected)


def test_a_game_against_another_player_by_hand() -> None:
    """The learner moves at plies 0 and 2, somebody else at 1 and 3, and loses to ply 3.

    Told from the learner's seat, the opponent's plies are its world: with 0.9 a ply,
        ply 2: one ply ahead the opponent to move is worth 0.5 to itself, two plies ahead lost.
        k=1: -0.9 * 0.5 - 0.3 = -0.75; k=2: -0.9 - 0.3 = -1.2
        A2 = (1 - 0.5) * -0.75 + 0.5 * -1.2 = -0.975
        ply 0: k=1: -0.9 * -0.2 - 0.1 = 0.08; k=2: 0.81 * 0.3 - 0.1 = 0.143
        k=3: -0.729 * 0.5 - 0.1 = -0.4645; k=4: -0.729 - 0.1 = -0.829
        A0 = 0.5 * 0.08 + 0.25 * 0.143 + 0.125 * -0.4645 + 0.125 * -0.829 = -0.0859375
    """
    rewards, terminated = _column(0.0, 0.0, 0.0, 1.0), _flags(0, 0, 0, 1)
    values = _column(0.1, -0.2, 0.3, 0.5)
    never = _flags(0, 0, 0, 0)
    next_values = values_of_next_positions(values, torch.zeros(1), never, torch.zeros_like(values))
    advantages = negamax_gae(rewards, values, next_values, terminated, never, 0.9, 0.5).flatten()
    assert advantages[[0, 2]].tolist() == pytest.approx([-0.0859375, -0.975], abs=1e-6)


def _weighted_returns(
    rewards: list[float],
    values: list[float],
    final_values: list[float],
    ends: list[int],
    gamma: float,
    gae_lambda: float,
) -> list[float]:
    """The mean of k-ply returns, weighted by lambda, told from the view of one seat a ply.

    For ply t, the seat that moves there sees the opponent's rewards and values negated. The
    advantage is the exponentially weighted mean of its k-ply returns less its own value
    (arXiv:1506.02438, eq. 16). ``values`` has one more entry, for the position after the rollout.
    """
    advantages: list[float] = []
    for t in range(len(rewards)):
        last = next((k for k in range(t, len(rewards)) if ends[k]), len(rewards) - 1)
        gained, estimates = 0.0, list[float]()
        for k in range(t, last + 1):
            mine = 1.0 if (k - t) % 2 == 0 else -1.0
            gained += gamma ** (k - t) * mine * rewards[k]
            theirs = {RUNNING: values[k + 1], CUT_OFF: final_values[k], OVER: 0.0}[ends[k]]
            estimates.append(gained - gamma ** (k - t + 1) * mine * theirs - values[t])
        mean = estimates[-1] * gae_lambda ** (last - t)
        mean += sum((1 - gae_lambda) * gae_lambda**n * e for n, e in enumerate(estimates[:-1]))
        advantages.append(mean)
    return advantages


@st.composite
def rollouts(draw: st.DrawFn) -> tuple[list[float], list[float], list[float], list[int]]:
    """Rewards, values (one more), final values and ends of one game slot."""
    length = draw(st.integers(1, 12))
    number = st.floats(-1.0, 1.0)
    return (
        draw(st.lists(number, min_size=length, max_size=length)),
        draw(st.lists(number, min_size=length + 1, max_size=length + 1)),
        draw(st.lists(number, min_size=length, max_size=length)),
        draw(st.lists(st.sampled_from([0, 0, OVER, CUT_OFF]), min_size=length, max_size=length)),
    )


@given(rollouts(), st.floats(0.5, 1.0), st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=60)
def test_equals_the_weighted_returns_of_each_seat(
    rollout: tuple[list[float], list[float], list[float], list[int]],
    gamma: float,
    gae_lambda: float,
) -> None:
    rewards, values, final_values, ends = rollout
    expected = _weighted_returns(rewards, values, final_values, ends, gamma, gae_lambda)
    before, after = _column(*values[:-1]).double(), torch.tensor(values[-1:]).double()
    over, cut_off = (_flags(*(int(end == code) for end in ends)) for code in (OVER, CUT_OFF))
    next_values = values_of_next_positions(before, after, cut_off, _column(*final_values).double())
    advantages = negamax_gae(
        _column(*rewards).double(), before, next_values, over, cut_off, gamma, gae_lambda
    )
    assert advantages.flatten().tolist() == pytest.approx(expected, abs=1e-5)


def _ply_after_ply(deltas: Tensor, carry: Tensor) -> Tensor:
    """The recurrence as it is written down."""
    advantages = torch.empty_like(deltas)
    following = torch.zeros_like(deltas[0])
    for t in range(len(deltas) - 1, -1, -1):
        following = deltas[t] + carry[t] * following
        advantages[t] = following
    return advantages


@pytest.mark.parametrize("length", [1, 2, 3, 63, 64, 65, 200])
@pytest.mark.parametrize(("gamma", "gae_lambda"), [(1.0, 1.0), (0.997, 0.9)])
def test_sums_are_those_of_one_ply_after_the_other(
    length: int, gamma: float, gae_lambda: float
) -> None:
    generator = torch.Generator().manual_seed(length)
    rewards, values, next_values = torch.rand((3, length, 50), generator=generator) * 2 - 1
    terminated, truncated = torch.rand((2, length, 50), generator=generator) < 0.01
    deltas = rewards - gamma * next_values * ~terminated - values
    carry = -gamma * gae_lambda * ~(terminated | truncated)
    expected = _ply_after_ply(deltas.double(), carry.double())
    advantages = negamax_gae(rewards, values, next_values, terminated, truncated, gamma, gae_lambda)
    assert advantages.dtype == torch.float32
    torch.testing.assert_close(advantages.double(), expected, atol=2e-5, rtol=1e-5)


def test_games_do_not_touch_each_other() -> None:
    generator = torch.Generator().manual_seed(0)
    rewards, values, next_values = torch.randn((3, 6, 4), generator=generator)
    terminated = torch.rand((6, 4), generator=generator) < 0.2
    truncated = torch.rand((6, 4), generator=generator) < 0.2
    columns = (rewards, values, next_values, terminated, truncated)
    together = negamax_gae(*columns, 0.9, 0.8)
    for n in range(4):
        alone = negamax_gae(*(c[:, n : n + 1] for c in columns), gamma=0.9, gae_lambda=0.8)
        assert torch.equal(together[:, n : n + 1], alone)
