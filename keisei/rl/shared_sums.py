"""Sums over the processes of one machine, through memory that they share.

Sockets take several times as long for the millions of numbers of a gradient.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import mmap
import os
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_FLOAT_BYTES = 4


class SharedSums:
    """K numbered processes that add arrays of one length; all of them call the same methods.

    The memory has no name, so that nothing is left of it when its processes are gone, however they
    ended.
    """

    def __init__(self, memory: mmap.mmap, rank: int, size: int, wait: Callable[[], None]) -> None:
        """Take the memory, which belongs to nobody else.

        Args:
            memory: of a row for each process and one for the sum.
            rank: number of this process, 0 to K - 1.
            size: K.
            wait: comes back when all processes have called it.
        """
        rows = np.frombuffer(memory, np.float32).reshape(size + 1, -1)
        self._rows: NDArray[np.float32] = rows[:size]
        self._total: NDArray[np.float32] = rows[size]
        self._own = torch.from_numpy(self._rows[rank])
        length = len(self._total)
        self._part = slice(rank * length // size, (rank + 1) * length // size)
        self._wait = wait

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Give float32 tensors on the CPU the sums of those of all processes.

        Each number is added up in the order of the processes, by one of them for all.

        Args:
            tensors: as many numbers as there is room for, all together.
        """
        torch.cat([tensor.flatten() for tensor in tensors], out=self._own)
        self._wait()
        total = self._total[self._part]
        np.copyto(total, self._rows[0, self._part])
        for row in self._rows[1:]:
            np.add(total, row[self._part], out=total)
        self._wait()
        sizes = [tensor.numel() for tensor in tensors]
        parts = cast(Sequence[Tensor], torch.from_numpy(self._total).split(sizes))
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))


def open_shared_sums(
    length: int,
    rank: int,
    size: int,
    tell: Callable[[Any], list[Any]],
    wait: Callable[[], None],
) -> SharedSums | None:
    """Sums of ``length`` float32 numbers; None where the processes cannot share memory.

    That is so on systems without ``memfd_create``, and where a process may not look into the part
    of ``/proc`` that belongs to another one.

    Args:
        length: of all numbers that are added at once.
        rank: number of this process, 0 to K - 1.
        size: K.
        tell: gives each process what all of them told, in their order.
        wait: comes back when all processes have called it.
    """
    made = _made_memory((size + 1) * length * _FLOAT_BYTES) if rank == 0 else None
    path = tell(None if made is None else f"/proc/{os.getpid()}/fd/{made}")[0]
    memory = None if path is None else _opened_memory(path)
    is_shared = all(tell(memory is not None))
    if made is not None:
        os.close(made)
    return SharedSums(memory, rank, size, wait) if memory is not None and is_shared else None


def _made_memory(size: int) -> int | None:
    try:
        made = os.memfd_create("keisei-sums")
    except (AttributeError, OSError):
        return None
    os.ftruncate(made, size)
    return made


def _opened_memory(path: str) -> mmap.mmap | None:
    try:
        opened = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        return mmap.mmap(opened, 0)
    finally:
        os.close(opened)
