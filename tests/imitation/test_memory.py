"""What a file takes of memory does not grow with it."""

import os
import tracemalloc
from pathlib import Path

import pytest

from keisei.imitation.examples import Tally
from keisei.imitation.packed import PSV
from keisei.imitation.sources import read_examples
from tests.imitation.games import psv_records, random_game

_MIB = 1 << 20


@pytest.mark.slow
def test_a_large_file_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.psv"
    game = psv_records(random_game(1, 100), 0).tobytes()
    path.write_bytes(game)
    os.truncate(path, 100 * len(game) + 200 * _MIB)  # with a hole, whose zeros are no positions
    with path.open("ab") as file:
        file.write(bytes(-path.stat().st_size % PSV.itemsize) + game)
    tally = Tally()
    tracemalloc.start()
    positions = sum(len(part) for part in read_examples([path], 512, 0, tally))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert positions == 200
    assert sum(each.count for each in tally.skipped.values()) == path.stat().st_size // 40 - 200
    assert peak < 32 * _MIB


@pytest.mark.slow
def test_long_lines_are_not_held(tmp_path: Path) -> None:
    path = tmp_path / "long.usi"
    with path.open("wb") as file:
        file.write(b"startpos moves ")
        file.truncate(200 * _MIB)
        file.seek(0, os.SEEK_END)
        file.write(b"\nstartpos moves 7g7f\n")
    tally = Tally()
    tracemalloc.start()
    positions = sum(len(part) for part in read_examples([path], 512, 0, tally))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert positions == 1
    assert peak < 32 * _MIB
