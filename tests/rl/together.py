"""Threads that stand for the processes of a machine: each opens what another process would."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from keisei.rl.ranks import Ranks
from keisei.rl.shared_memory import open_shared_rows

Given = TypeVar("Given")


class Together:
    """K ranks that meet at a barrier."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._told: list[Any] = [None] * size
        self._barrier = threading.Barrier(size, timeout=20)

    def wait(self) -> None:
        self._barrier.wait()

    def teller(self, rank: int) -> Callable[[Any], list[Any]]:
        """What gives a rank the values of all."""

        def tell(value: Any) -> list[Any]:
            self._told[rank] = value
            self.wait()
            told = list(self._told)
            self.wait()
            return told

        return tell

    def do(self, work: Callable[[int], Given]) -> list[Given]:
        """What the work of each rank gives."""
        with ThreadPoolExecutor(self.size) as threads:
            begun = [threads.submit(work, rank) for rank in range(self.size)]
            return [each.result() for each in begun]


class SharingRanks(Ranks):
    """One of them as a learner sees it."""

    def __init__(self, together: Together, rank: int, *, is_sharing: bool = True) -> None:
        self.rank, self.size = rank, together.size
        self._together = together
        self._is_sharing = is_sharing

    @override
    def wait(self) -> None:
        self._together.wait()

    @override
    def sum(self, tensor: Tensor) -> Tensor:
        told = self._together.teller(self.rank)(tensor.clone())
        tensor.copy_(torch.stack(told).sum(0))
        return tensor

    @override
    def shared_rows(self, rows: int, columns: int) -> NDArray[np.float32] | None:
        if not self._is_sharing:
            return None
        return open_shared_rows((rows, columns), self.rank, self._together.teller(self.rank))
