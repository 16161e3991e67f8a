"""Processes of one machine add arrays through memory, and leave nothing behind."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from keisei.rl.shared_sums import SharedSums, open_shared_sums


class Together:
    """Threads that stand for processes: the memory is opened by each as another process would."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._told: list[Any] = [None] * size
        self._barrier = threading.Barrier(size, timeout=20)

    def open(self, rank: int, length: int) -> SharedSums | None:
        def tell(value: Any) -> list[Any]:
            self._told[rank] = value
            self._barrier.wait()
            told = list(self._told)
            self._barrier.wait()
            return told

        return open_shared_sums(length, rank, self.size, tell, self._wait)

    def add(self, arrays: list[list[Tensor]], times: int = 1) -> None:
        """Let each rank add its tensors, in place."""
        length = sum(each.numel() for each in arrays[0])

        def work(rank: int) -> None:
            sums = self.open(rank, length)
            assert sums is not None
            for _ in range(times):
                sums.add(arrays[rank])

        with ThreadPoolExecutor(self.size) as threads:
            for done in [threads.submit(work, rank) for rank in range(self.size)]:
                done.result()

    def _wait(self) -> None:
        self._barrier.wait()


@pytest.mark.parametrize("size", [2, 3, 5])
def test_all_get_the_sum_in_the_order_of_the_ranks(size: int) -> None:
    noise = np.random.default_rng(size)
    shapes = [(3, 7), (1,), (5, 2, 2)]
    arrays = [
        [torch.from_numpy(noise.normal(size=shape).astype(np.float32)) for shape in shapes]
        for _ in range(size)
    ]
    wanted = [part.clone() for part in arrays[0]]
    for others in arrays[1:]:
        wanted = [total + part for total, part in zip(wanted, others, strict=True)]
    Together(size).add(arrays)
    for own in arrays:
        for found, expected in zip(own, wanted, strict=True):
            assert torch.equal(found, expected)


def test_sums_follow_each_other() -> None:
    """Each sum is three times the one before: what is still read is not yet written over."""
    arrays = [[torch.tensor([float(rank), 1.0])] for rank in range(3)]
    Together(3).add(arrays, times=6)
    for own in arrays:
        assert own[0].tolist() == [3.0 * 3**5, 3.0**6]


def test_fewer_numbers_than_processes() -> None:
    arrays = [[torch.tensor([2.0**rank])] for rank in range(4)]
    Together(4).add(arrays)
    assert [own[0].item() for own in arrays] == [15.0] * 4


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_nothing_is_left_open() -> None:
    before = open_files()
    Together(2).add([[torch.ones(1000)], [torch.ones(1000)]])
    assert open_files() == before


def test_without_memory_of_the_others_there_are_no_shared_sums(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a container of an old kernel: then sockets have to do."""
    monkeypatch.delattr(os, "memfd_create")
    assert open_shared_sums(8, 0, 1, lambda value: [value], lambda: None) is None
