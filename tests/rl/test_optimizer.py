"""Adam divided among processes takes the steps that one process takes, and is saved alike."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import copy
import io
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from keisei.rl.optimizer import Optimizer
from keisei.rl.ranks import Ranks
from tests.rl.together import SharingRanks, Together

RATE, LENGTH = 0.01, 0.5


torch.manual_seed(3)
NETWORK = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 1))


def gradients(step: int, rank: int, scale: float = 1.0) -> list[Tensor]:
    noise = torch.Generator().manual_seed(100 * step + rank)
    return [torch.randn(each.shape, generator=noise) * scale for each in NETWORK.parameters()]


def follow(optimizer: Optimizer, network: nn.Module, given: Sequence[Tensor | None]) -> float:
    optimizer.forget_gradients()
    for parameter, gradient in zip(network.parameters(), given, strict=True):
        parameter.grad = gradient
    return float(optimizer.step())


class Alone:
    """One process that has all gradients."""

    def __init__(self, size: int) -> None:
        self.network, self.size = copy.deepcopy(NETWORK), size
        self.optimizer = Optimizer(self.network, RATE, LENGTH, Ranks())

    def step(self, number: int, scale: float = 1.0) -> float:
        parts = [gradients(number, rank, scale) for rank in range(self.size)]
        sums = [torch.stack(each).sum(0) for each in zip(*parts, strict=True)]
        return follow(self.optimizer, self.network, sums)


class Member(Alone):
    """One of several."""

    def __init__(self, together: Together, rank: int, *, is_sharing: bool = True) -> None:
        self.network, self.rank = copy.deepcopy(NETWORK), rank
        ranks = SharingRanks(together, rank, is_sharing=is_sharing)
        self.optimizer = Optimizer(self.network, RATE, LENGTH, ranks)

    def step(self, number: int, scale: float = 1.0) -> float:
        return follow(self.optimizer, self.network, gradients(number, self.rank, scale))


def state_of(member: Alone) -> dict[str, Any]:
    return copy.deepcopy(
        {"network": member.network.state_dict(), "adam": member.optimizer.state_dict()}
    )


def assert_close(found: dict[str, Any], wanted: dict[str, Any], limit: float | None = None) -> None:
    for name, weights in wanted["network"].items():
        torch.testing.assert_close(found["network"][name], weights, rtol=limit, atol=limit)
    assert found["adam"]["param_groups"] == wanted["adam"]["param_groups"]
    for place, moments in wanted["adam"]["state"].items():
        for name, moment in moments.items():
            torch.testing.assert_close(
                found["adam"]["state"][place][name], moment, rtol=limit, atol=limit
            )


@pytest.mark.parametrize("size", [2, 3, 30])
@pytest.mark.parametrize("scale", [1e-3, 1.0])  # shorter than the limit, and longer
def test_several_take_the_steps_of_one(size: int, scale: float) -> None:
    alone, together = Alone(size), Together(size)
    alone.optimizer.begin_update(RATE)
    wanted = [alone.step(number, scale) for number in range(3)]
    alone.optimizer.begin_update(RATE / 2)
    wanted.append(alone.step(3, scale))

    def work(rank: int) -> tuple[list[float], dict[str, Any]]:
        member = Member(together, rank)
        member.optimizer.begin_update(RATE)
        lengths = [member.step(number, scale) for number in range(3)]
        member.optimizer.begin_update(RATE / 2)
        return [*lengths, member.step(3, scale)], state_of(member)

    for lengths, state in together.do(work):
        assert lengths == pytest.approx(wanted, rel=1e-5)
        assert_close(state, state_of(alone))


@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_two_without_memory_in_common_get_the_same_bits(scale: float) -> None:
    """A run goes on exactly where its processes move to two machines, or back."""

    def learned(*, is_sharing: bool) -> list[tuple[float, dict[str, Any]]]:
        together = Together(2)

        def work(rank: int) -> tuple[float, dict[str, Any]]:
            member = Member(together, rank, is_sharing=is_sharing)
            member.optimizer.begin_update(RATE)
            lengths = [member.step(number, scale) for number in range(3)]
            together.wait()
            member.optimizer.begin_update(RATE)
            member.step(9)
            member.optimizer.take_back()
            together.wait()
            return lengths[-1], state_of(member)

        return together.do(work)

    for (length, state), (other_length, other) in zip(
        learned(is_sharing=True), learned(is_sharing=False), strict=True
    ):
        assert length == other_length
        assert_close(state, other, limit=0.0)


def test_one_without_gradients_takes_part() -> None:
    alone, together = Alone(1), Together(2)
    alone.optimizer.begin_update(RATE)
    wanted = alone.step(0)

    def work(rank: int) -> tuple[float, dict[str, Any]]:
        member = Member(together, rank)
        member.optimizer.begin_update(RATE)
        if rank == 0:
            return member.step(0), state_of(member)
        length = follow(member.optimizer, member.network, [None] * 4)
        return length, state_of(member)

    for length, state in together.do(work):
        assert length == pytest.approx(wanted, rel=1e-5)
        assert_close(state, state_of(alone))


def test_an_update_is_taken_back_by_all() -> None:
    together = Together(2)

    def work(rank: int) -> None:
        member = Member(together, rank)
        for first in (0, 2):  # the first time nothing is before it
            member.optimizer.begin_update(RATE)
            together.wait()
            before = state_of(member)
            together.wait()
            member.step(first)
            given = gradients(first + 1, rank)
            if rank == 1:
                given[0][0, 0] = torch.nan
            assert torch.tensor(follow(member.optimizer, member.network, [*given])).isnan()
            assert not all(each.isfinite().all() for each in member.network.parameters())
            member.optimizer.take_back()
            assert_close(state_of(member), before)
            together.wait()
            member.step(first)
            together.wait()

    together.do(work)


def test_each_goes_on_from_what_one_has_saved() -> None:
    """What is saved holds the weights and moments alone, whatever memory they lie in."""
    together, written = Together(2), io.BytesIO()

    def begin(rank: int) -> dict[str, Any]:
        member = Member(together, rank)
        member.optimizer.begin_update(RATE)
        member.step(0)
        together.wait()
        state = state_of(member)
        if rank == 0:
            torch.save((member.network.state_dict(), member.optimizer.state_dict()), written)
        together.wait()
        member.step(1)
        together.wait()
        # A running one falls back to it.
        member.optimizer.load(state["network"], state["adam"])
        together.wait()
        assert_close(state_of(member), state)
        together.wait()
        member.step(1)
        together.wait()
        return state_of(member)

    wanted = together.do(begin)[0]
    weights = sum(each.numel() for each in NETWORK.parameters())
    assert len(written.getvalue()) < 6000 + 12 * weights
    written.seek(0)
    saved = torch.load(written, weights_only=True)
    again = Together(2)

    def go_on(rank: int) -> dict[str, Any]:
        member = Member(again, rank)
        member.optimizer.load(*saved)
        member.optimizer.begin_update(RATE)
        member.step(1)
        again.wait()
        return state_of(member)

    for state in again.do(go_on):
        assert_close(state, wanted)
