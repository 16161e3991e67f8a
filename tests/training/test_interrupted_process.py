"""Training that is killed, stopped, interrupted, or out of disk ends like one left in peace.

``make faults`` does the same a hundred times.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.training.faults import RANKS, SIGNALS, Attempt, Run
from tests.training.ordeal import Ordeal
from tests.training.runs import ROLLOUT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ordeal(tmp_path_factory: pytest.TempPathFactory) -> Ordeal:
    """Runs of one and of two processes that were left in peace, to compare with."""
    return Ordeal(tmp_path_factory.mktemp("peaceful"), seed=5)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_leaves_a_checkpoint_to_go_on_from(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    run = Run(tmp_path / "run")
    with Attempt(run, random.Random()) as attempt:
        attempt.wait_for(lambda: run.rows() >= 3)
        attempt.send(attempt.process.pid, number)
        assert attempt.end() == code
    assert f"({number.name})" in (run.folder / "train.log").read_text()
    assert run.timestep() >= 3 * ROLLOUT


def test_signals_at_random_moments(tmp_path: Path, ordeal: Ordeal) -> None:
    faults = [(1, fault) for fault in SIGNALS] + [(2, fault) for fault in SIGNALS + RANKS]
    ordeal.strike(tmp_path, faults, len(faults))
    assert ordeal.compared >= 2


CONNECTING = """
import os, sys, time
from torch.multiprocessing.spawn import start_processes
from keisei.training.processes import open_ranks

def connect(rank, port):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    os.environ |= {"MASTER_PORT": port, "TORCHELASTIC_USE_AGENT_STORE": "True"}
    print(os.getpid(), flush=True)
    with open_ranks():
        pass

if __name__ == "__main__":
    start_processes(connect, (sys.argv[1],), nprocs=1, join=False)
    time.sleep(1000)
"""


def test_a_rank_that_looks_for_the_others_ends_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "connecting.py"
    script.write_text(CONNECTING)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # Bound, and nobody answers there: the rank goes on trying.
        command = [sys.executable, str(script), str(silent.getsockname()[1])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            rank = int(parent.stdout.readline())
            time.sleep(3)
            parent.kill()
    assert_ends(rank)


def assert_ends(process: int) -> None:
    folder = Path("/proc", str(process))
    deadline = time.monotonic() + 30
    while folder.exists() and " Z " not in (folder / "stat").read_text():
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            pytest.fail("the rank lives on")
        time.sleep(0.05)


BEGINNING = """
from keisei.training.processes import open_ranks, run_processes

def work():
    with open_ranks():
        return 0

if __name__ == "__main__":
    run_processes(2, work)
"""


def test_ranks_that_have_just_begun_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "beginning.py"
    script.write_text(BEGINNING)
    with subprocess.Popen([sys.executable, str(script)]) as parent:
        children = Path("/proc", str(parent.pid), "task", str(parent.pid), "children")
        ranks: list[int] = []
        while len(ranks) < 2:
            time.sleep(0.01)
            ranks = [
                int(child)
                for child in children.read_text().split()
                if b"spawn_main" in Path("/proc", child, "cmdline").read_bytes()
            ]
        parent.kill()
    for rank in ranks:
        assert_ends(rank)
