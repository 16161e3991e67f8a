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

fill(out, np.uint64(1), np.uint8(200))
assert out.ravel().tolist() == [9] + 32 * [200] + 12 * [9] + 8 * [1, 0, 0, 0] + 3 * [9]
"""


@pytest.mark.parametrize("disabled", ["0", "1"])
def test_compiled_and_in_python(disabled: str) -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
    subprocess.run([sys.executable, "-c", CHECKS], env=environment, check=True)
