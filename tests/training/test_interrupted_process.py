"""Training that is killed, stopped, interrupted, or out of disk ends like one left in peace.

``make faults`` does the same a hundred times.
"""

import random
import signal
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
