"""Generated code does what the functions in whose place it stands say in Python."""

import os
import subprocess
import sys

import pytest

CHECKS = """
import numpy as np
from keisei.shogi.intrinsics import (
    VECTOR_BYTES, copy_bytes, fill_bytes, match_bytes, spread_bits
)
from keisei.shogi.jit import kernel
from keisei.shogi.row_sums import STRIP, add_products, add_rows_of


@kernel
def spread(words, index, bits):
    spread_bits(words, index, bits)


@kernel
def copy(out, at, source, index):
    copy_bytes(out, at, source, index)


@kernel
def match(out, at, row, index, byte):
    match_bytes(out, at, row, index, byte)


@kernel
def fill(out, at, byte):
    fill_bytes(out, at, byte)


@kernel
def add_rows(out, at, table, column, rows, count):
    add_rows_of(out, at, table, column, rows, count)


@kernel
def add_weighed(out, at, table, column, rows, factors, count):
    add_products(out, at, table, column, rows, factors, count)


words = np.full((3, 8), 2**64 - 1, np.uint64)
spread(words, np.uint64(8), np.uint64(0b1011 | 1 << 63))
assert words.view(np.uint8)[1].tolist() == [1, 1, 0, 1] + 59 * [0] + [1]
assert (words[::2] == 2**64 - 1).all()

row = np.arange(100, dtype=np.uint8).reshape(2, 50) % 4
out = np.full((2, 40), 9, np.uint8)
match(out, np.uint64(45), row, np.uint64(51), np.uint8(3))
assert VECTOR_BYTES == 32
assert out.ravel().tolist() == 45 * [9] + 8 * [1, 0, 0, 0] + 3 * [9]

numbers = np.arange(12, dtype=np.uint64).reshape(3, 4)
copied = np.zeros((2, 5), np.uint64)
copy(copied, np.uint64(3), numbers, np.uint64(6))
assert copied.ravel().tolist() == [0, 0, 0, 6, 7, 8, 9, 0, 0, 0]

table = np.arange(6 * 70, dtype=np.float32).reshape(6, 70)
rows, factors = np.array([5, 0, 3, 3, 1, 2, 9]), np.array([2, 1, 0.5, -1, 4, 1, 9], np.float32)
for count in range(7):
    total, weighed = np.ones((2, 80), np.float32)
    add_rows(total, 7, table, 3, rows.astype(np.int32), np.int32(count))
    add_weighed(weighed, 7, table, 3, rows, factors, count)
    strip = table[rows[:count], 3 : 3 + STRIP]
    assert total.tolist() == 7 * [1] + (1 + strip.sum(axis=0)).tolist() + 9 * [1]
    assert weighed[7 : 7 + STRIP].tolist() == (1 + factors[:count] @ strip).tolist()
    assert (weighed[:7] == 1).all() and (weighed[7 + STRIP :] == 1).all()
# Four rows are added up before the sum: one by one they would come to 1.
table[:] = np.array([2**24, 1, 1, -(2**24), 1, 0], np.float32)[:, None]
total = np.zeros(STRIP, np.float32)
add_rows(total, 0, table, 0, np.arange(5), 5)
assert (total == 2).all()

fill(out, np.uint64(1), np.uint8(200))
assert out.ravel().tolist() == [9] + 32 * [200] + 12 * [9] + 8 * [1, 0, 0, 0] + 3 * [9]
"""


@pytest.mark.parametrize("disabled", ["0", "1"])
def test_compiled_and_in_python(disabled: str) -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
    subprocess.run([sys.executable, "-c", CHECKS], env=environment, check=True)
