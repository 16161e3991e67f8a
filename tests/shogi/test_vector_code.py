"""The move generator is compiled to vector code, which one unlucky expression would undo."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

GENERATOR = """
from keisei.games.pool import Pool
from keisei.games.verbs import generate as kernel

Pool(1).generate(0, 1)
"""
STEP = """
from keisei.vec import ShogiVectorEnv
from keisei.vec.kernels import step_blocks as kernel

ShogiVectorEnv(1).reset()
"""
MATES = """
from keisei.games.proofs import new_prover
from keisei.games.proving import look_at_block as kernel
from keisei.shogi.intrinsics import hold

kernel(hold(new_prover(1024)), 0, 0)
"""
COUNT = """
(text,) = kernel.inspect_asm().values()
print(sum("%ymm" in line for line in text.splitlines()))
"""


# A processor with AVX2 and nothing newer: unless its features are named too, Numba adds the host's.
AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names registers of x86-64")
@pytest.mark.parametrize(
    ("compiled", "least"),
    [
        (GENERATOR, 2000),
        (STEP, 2000),
        # 2229 such lines are the generator's alone, before checks are picked out.
        (MATES, 3000),
    ],
)
def test_the_generator_uses_vector_registers_on_avx2(
    tmp_path: Path, compiled: str, least: int
) -> None:
    # An empty cache, because machine code from the cache does not show its assembly.
    found = subprocess.run(
        [sys.executable, "-c", compiled + COUNT],
        env={**os.environ, **AVX2, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    # Scalar code of the same generator has 4 such lines.
    assert int(found.stdout) > least
