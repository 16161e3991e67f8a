"""The embedding network's own threads beside a fork."""

import os
import signal
import sys
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from keisei.rl.embedding.autograd import find_rows
from keisei.vec import ShogiVectorEnv


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_finds_the_same_rows() -> None:
    env = ShogiVectorEnv(300, obs="compact")  # more than one task of the kernels
    obs: Any = env.reset(seed=3)[0]
    state = torch.tensor(obs["state"])

    def found() -> NDArray[Any]:
        rows, counts = find_rows(state).inputs
        return rows[np.arange(rows.shape[1]) < counts[:, None]]

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = found()
        child = os.fork()
        if child == 0:
            is_same = False
            try:
                # A child that waits for its parent's threads hangs; the alarm ends it.
                signal.alarm(60)
                # Nothing needs a thread of torch's own, which do not live on in a child either.
                is_same = np.array_equal(found(), expected)
            finally:
                os._exit(0 if is_same else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        torch.set_num_threads(before)
