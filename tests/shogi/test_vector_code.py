"""The move generator is compiled to vector code, which one unlucky expression would undo."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

COMPILE = """
from numba import types
from keisei.shogi.movegen import generate_blocks

words = types.Array(types.uint64, 1, "C")
generate_blocks.compile((words, types.int64, types.int64, words))
(text,) = generate_blocks.inspect_asm().values()
print(sum("%ymm" in line for line in text.splitlines()))
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names registers of x86-64")
def test_the_generator_uses_vector_registers_on_avx2(tmp_path: Path) -> None:
    # An empty cache, because machine code from the cache does not show its assembly.
    found = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env={**os.environ, "NUMBA_CPU_NAME": "haswell", "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    # Scalar code of the same generator has 4 such lines.
    assert int(found.stdout) > 2000
