"""Processes of one machine see the same numbers, and leave nothing behind."""

import os
from pathlib import Path

import numpy as np
import pytest

from keisei.rl.shared_memory import open_shared_rows
from tests.rl.together import Together


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("size", [2, 3, 5])
def test_each_sees_what_the_others_write(size: int) -> None:
    together = Together(size)

    def work(rank: int) -> list[float]:
        rows = open_shared_rows((size, 7), rank, together.teller(rank))
        assert rows is not None
        assert rows.dtype == np.float32
        assert not rows.any()
        together.wait()
        rows[rank] = rank + 0.5
        together.wait()
        return rows[:, 6].tolist()

    assert together.do(work) == [[rank + 0.5 for rank in range(size)]] * size


def test_nothing_is_left_open() -> None:
    before = open_files()
    together = Together(2)
    together.do(lambda rank: open_shared_rows((3, 1000), rank, together.teller(rank)) is not None)
    assert open_files() == before


def test_without_memory_of_the_others_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an old kernel: then sockets have to do."""
    monkeypatch.delattr(os, "memfd_create")
    assert open_shared_rows((2, 8), 0, lambda value: [value]) is None
