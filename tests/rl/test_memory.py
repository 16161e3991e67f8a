"""Rows that the embedding network remembers from acting: as if it had found them again."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_positions import random_positions
from torch import Tensor

from keisei.rl.embedding.autograd import FoundRows, find_rows, remember_rows
from keisei.rl.embedding.memory import Memory, new_memory
from keisei.rl.embedding.network import EmbeddingNet

COUNT = 200


def _positions(seed: int) -> tuple[Tensor, Tensor]:
    states, masks, _ = random_positions(COUNT, seed=seed)
    return torch.tensor(states), torch.tensor(masks)


STATES, MASKS = _positions(9)


@pytest.fixture
def _torch_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _assert_same(left: FoundRows, right: FoundRows) -> None:
    counts = left.inputs[1]
    assert np.array_equal(counts, right.inputs[1])
    for i, count in enumerate(counts):
        assert np.array_equal(left.inputs[0][i, :count], right.inputs[0][i, :count])
    for own, other in zip(left.legal, right.legal, strict=True):
        assert np.array_equal(own, other)


def _remembered(memory: Memory, chosen: Tensor) -> int:
    remember_rows(memory, STATES[chosen], find_rows(STATES[chosen], MASKS[chosen]))
    return int((memory.lengths >= 0).sum())


@settings(max_examples=30, deadline=None)
@given(
    room=st.integers(1, 260),
    batches=st.lists(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=90), max_size=8),
    asked=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=90),
)
def test_rows_are_the_same_whatever_is_remembered(
    room: int, batches: list[list[int]], asked: list[int]
) -> None:
    memory = new_memory(room)
    for batch in batches:
        known = _remembered(memory, torch.tensor(batch))
        assert known <= room
        assert known == memory.ring[2]
    chosen = torch.tensor(asked)
    found = find_rows(STATES[chosen], MASKS[chosen], memory)
    _assert_same(found, find_rows(STATES[chosen], MASKS[chosen]))


def test_what_is_remembered_is_not_found_again() -> None:
    memory = new_memory(COUNT)
    known = _remembered(memory, torch.arange(COUNT))
    assert known > 0.95 * COUNT  # the same position may come twice
    # Spoilt on purpose: who finds this has not looked at the position.
    memory.inputs[:, 0] = 7
    found = find_rows(STATES, MASKS, memory)
    assert (found.inputs[0][:, 0] == 7).mean() > 0.95


def test_more_moves_than_there_is_room_for_make_older_positions_go() -> None:
    moves = torch.zeros(len(MASKS), dtype=torch.int64)
    for bit in range(8):
        moves += ((MASKS >> bit) & 1).sum(1)
    widest = moves.argsort(descending=True)[:40]
    assert int(moves[widest].sum()) > 100 * 25
    memory = new_memory(25)
    for _ in range(3):
        assert 5 < _remembered(memory, widest) <= 25
        _assert_same(
            find_rows(STATES[widest], MASKS[widest], memory),
            find_rows(STATES[widest], MASKS[widest]),
        )


def test_another_mask_of_the_same_state_is_believed() -> None:
    memory = new_memory(4)
    _remembered(memory, torch.tensor([0]))
    fewer = MASKS[:1].clone()
    byte = int(fewer[0].nonzero()[0])
    fewer[0, byte] &= fewer[0, byte] - 1
    _assert_same(find_rows(STATES[:1], fewer, memory), find_rows(STATES[:1], fewer))


@pytest.mark.usefixtures("_torch_threads")
@pytest.mark.parametrize("threads", [1, 3])
def test_a_network_that_remembers_learns_the_same(threads: int) -> None:
    torch.set_num_threads(threads)
    results: list[list[Tensor]] = []
    for room in (0, 150, 1000):
        torch.manual_seed(1)
        network = EmbeddingNet(100, 2187, width=64)
        network.remember(room)
        uniforms = torch.rand(COUNT, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            actions = network.act(STATES, MASKS, uniforms, deterministic=False)[0]
        order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(3))
        told = network(STATES[order], MASKS[order], actions[order])
        torch.stack([each.mean() for each in told]).sum().backward()
        gradients = [each.grad for each in network.parameters() if each.grad is not None]
        results.append([actions, *told, *gradients])
    for other in results[1:]:
        assert all(torch.equal(*pair) for pair in zip(results[0], other, strict=True))
