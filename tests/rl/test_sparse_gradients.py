"""The kernels' gradient of the moves, against plain operations in float64 and rounded at random."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import zlib
from collections.abc import Iterator

import pytest
import torch
from random_positions import random_positions
from torch import Tensor

from keisei.rl.embedding.autograd import FoundRows, find_rows, move_evaluation
from keisei.rl.embedding.features import NUM_MOVE_ROWS
from keisei.rl.embedding.kernels import POLICY_WIDTH

COUNT = 64
SMALL = 0.05


@pytest.fixture(scope="module")
def found() -> tuple[FoundRows, Tensor]:
    """Rows and actions of positions of random games."""
    states, masks, actions = random_positions(COUNT, seed=5)
    return find_rows(torch.tensor(states), torch.tensor(masks)), torch.tensor(actions)


@pytest.fixture(scope="module")
def numbers() -> tuple[Tensor, ...]:
    """Policy vectors, move table, and the weights of log-probability and entropy in a loss."""
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn(COUNT, POLICY_WIDTH, generator=generator)
    table = 0.15 * torch.randn(NUM_MOVE_ROWS, POLICY_WIDTH, generator=generator)
    return vectors, table, *torch.randn(2, COUNT, generator=generator) / COUNT


@pytest.fixture
def _torch_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _by_kernels(
    found: tuple[FoundRows, Tensor], numbers: tuple[Tensor, ...], small: float
) -> tuple[Tensor, Tensor]:
    """Gradients of a loss by the vectors and by the table."""
    vectors, table = (each.clone().requires_grad_() for each in numbers[:2])
    log_prob, entropy = move_evaluation(vectors, table, *found, small)
    (numbers[2] * log_prob + 0.1 * numbers[3] * entropy).sum().backward()
    assert vectors.grad is not None
    assert table.grad is not None
    return vectors.grad, table.grad


def test_gradients_are_those_of_plain_operations_in_float64(
    found: tuple[FoundRows, Tensor], numbers: tuple[Tensor, ...]
) -> None:
    offsets, rows = (torch.from_numpy(each) for each in found[0].legal)
    vectors, table = (each.double().requires_grad_() for each in numbers[:2])
    loss = torch.zeros((), dtype=torch.float64)
    for i in range(COUNT):
        own = rows[offsets[i] : offsets[i + 1]].long()
        log_probs = torch.log_softmax(table[own].sum(1) @ vectors[i], dim=0)
        made = (own[:, 0] == found[1][i]).nonzero().squeeze()
        entropy = -(log_probs.exp() * log_probs).sum()
        loss = loss + numbers[2][i] * log_probs[made] + 0.1 * numbers[3][i] * entropy
    loss.backward()
    for own, known in zip(
        _by_kernels(found, numbers, 0.0), (vectors.grad, table.grad), strict=True
    ):
        assert known is not None
        assert torch.allclose(own.double(), known, atol=1e-7, rtol=1e-4)


def test_rounding_leaves_rows_out_and_keeps_the_mean(
    found: tuple[FoundRows, Tensor],
    numbers: tuple[Tensor, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = _by_kernels(found, numbers, 0.0)
    checksum = zlib.crc32
    errors: list[float] = []
    total = torch.zeros_like(exact[1])
    rounds = 256
    for turn in range(1, rounds + 1):

        def seed(data: bytes, turn: int = turn) -> int:
            return checksum(data) + turn

        monkeypatch.setattr(zlib, "crc32", seed)
        by_vectors, by_table = _by_kernels(found, numbers, SMALL)
        assert torch.equal(by_vectors, exact[0])
        total += by_table
        if turn in (1, rounds):
            errors.append(float((total / turn - exact[1]).norm() / exact[1].norm()))
        if turn == 1:
            assert ((by_table == 0) & (exact[1] != 0)).sum() > 10_000
    # The error of the mean falls like that of chance, 16 times, and to nothing else.
    assert 0.01 < errors[0] < 0.5
    assert errors[1] < 2 * errors[0] / rounds**0.5


@pytest.mark.usefixtures("_torch_threads")
def test_rounding_does_not_depend_on_threads(numbers: tuple[Tensor, ...]) -> None:
    several = [torch.cat((each, each, each)) for each in (numbers[0], *numbers[2:])]
    states, masks, actions = random_positions(3 * COUNT, seed=6)
    both = find_rows(torch.tensor(states), torch.tensor(masks)), torch.tensor(actions)
    gradients: list[tuple[Tensor, Tensor]] = []
    for count in (1, 3):
        torch.set_num_threads(count)
        gradients.append(_by_kernels(both, (several[0], numbers[1], *several[1:]), SMALL))
    assert all(torch.equal(*each) for each in zip(*gradients, strict=True))
