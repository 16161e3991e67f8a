"""What all benchmarks share: one core, and a rate in units of work beside each time."""

import os

# Read once by the numeric libraries when they are imported, so set before any of them.
os.environ["OMP_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from typing import Protocol

import pytest

Work = Callable[[], object]


class Stopwatch(Protocol):
    """What is used of pytest-benchmark's fixture."""

    extra_info: dict[str, object]

    def pedantic(self, target: Work, *, rounds: int, iterations: int) -> object:
        """Call ``target`` rounds times and keep the times."""
        ...


class Measurement:
    """Times rounds of one piece of work and records how much work a round holds.

    Each round is timed by the wall clock; the processor time a round is the mean over all of them.
    """

    def __init__(self, benchmark: Stopwatch) -> None:
        self._benchmark = benchmark

    def __call__(
        self,
        label: str,
        work: Work,
        *,
        amount: int,
        unit: str,
        rounds: int = 20,
        peer: bool = False,
    ) -> None:
        """Time ``rounds`` calls of ``work``, after one that is not timed.

        Args:
            label: Name of the row in the table of results.
            work: One round.
            amount: Units of work in one round; the rate is this number over the seconds.
            unit: What is counted, such as ``game-steps``.
            rounds: How often the work is timed.
            peer: True for the program that the other rows of the group are divided by.
        """
        work()
        cpu = time.process_time()
        self._benchmark.pedantic(work, rounds=rounds, iterations=1)
        cpu_seconds = (time.process_time() - cpu) / rounds
        self._benchmark.extra_info.update(
            label=label, amount=amount, unit=unit, peer=peer, cpu_seconds=cpu_seconds
        )

    def seconds(self, label: str, work: Work, *, rounds: int) -> None:
        """Record how long one call of ``work`` takes, by the wall clock."""
        self._benchmark.pedantic(work, rounds=rounds, iterations=1)
        self._benchmark.extra_info.update(label=label, unit="s")

    def size(self, label: str, value: float, unit: str) -> None:
        """Record a number that is no time."""
        self._benchmark.pedantic(lambda: None, rounds=1, iterations=1)
        self._benchmark.extra_info.update(label=label, unit=unit, value=value)


@pytest.fixture
def measure(benchmark: Stopwatch) -> Measurement:
    """The measurement of one test: call it once, with the work and its amount."""
    return Measurement(benchmark)
