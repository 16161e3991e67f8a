"""Numbers that the processes of one machine see and change together."""

import mmap
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FLOAT_BYTES = 4


def open_shared_rows(
    shape: tuple[int, int], rank: int, tell: Callable[[Any], list[Any]]
) -> NDArray[np.float32] | None:
    """An array of zeros that all processes have in common; None where they cannot share memory.

    That is so on systems without ``memfd_create``, and where a process may not look into the part
    of ``/proc`` that belongs to another one. The memory has no name, so that nothing is left of it
    when its processes are gone, however they ended.

    Args:
        shape: rows and columns.
        rank: number of this process, from 0.
        tell: gives each process what all of them told, in their order.
    """
    made = _made_memory(shape[0] * shape[1] * _FLOAT_BYTES) if rank == 0 else None
    path = tell(None if made is None else f"/proc/{os.getpid()}/fd/{made}")[0]
    memory = None if path is None else _opened_memory(path)
    is_shared = all(tell(memory is not None))
    if made is not None:
        os.close(made)
    if memory is None or not is_shared:
        return None
    return np.frombuffer(memory, np.float32).reshape(shape)


def _made_memory(size: int) -> int | None:
    try:
        made = os.memfd_create("keisei-rows")
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
