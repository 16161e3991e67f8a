"""The embedding network's own threads beside a fork."""

import subprocess
import sys

import pytest

FORK = """
import os
import numpy as np
import torch
from keisei.rl.embedding.autograd import find_rows
from keisei.vec import ShogiVectorEnv

torch.set_num_threads(2)
env = ShogiVectorEnv(300, obs="compact")  # more than one task of the kernels
obs, _ = env.reset(seed=3)
state = torch.tensor(obs["state"])


def found():
    rows, counts = find_rows(state).inputs
    return rows[np.arange(rows.shape[1]) < counts[:, None]]


expected = found()
child = os.fork()
if child == 0:
    # Nothing here needs a thread of torch's own, which do not live on in a child either.
    os._exit(0 if np.array_equal(found(), expected) else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_finds_the_same_rows() -> None:
    # In a process of its own, with a limit: a child that waits for its parent's threads hangs.
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=120)
