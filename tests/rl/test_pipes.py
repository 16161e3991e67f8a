"""Processes of one machine tell each other bits, and notice that one has gone."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from keisei.rl.pipes import Pipes, open_pipes
from tests.rl.together import Together

SILENCE = 20.0


def opened(together: Together, rank: int, silence: float = SILENCE) -> Pipes:
    pipes = open_pipes(rank, together.size, silence, together.teller(rank))
    assert pipes is not None
    return pipes


@pytest.mark.parametrize("size", [2, 3, 5])
def test_all_know_whether_any_has_said_so(size: int) -> None:
    together = Together(size)
    rounds: Sequence[set[int]] = [set(), {0}, {size - 1}, set(range(size)), set(), {1}]

    def work(rank: int) -> list[bool]:
        pipes = opened(together, rank)
        told = [pipes.any(rank in those) for those in rounds]
        pipes.close()
        return told

    assert together.do(work) == [[bool(those) for those in rounds]] * size


def test_nobody_goes_on_before_the_last_has_come() -> None:
    together, late = Together(3), 0.2
    come: list[float] = []

    def work(rank: int) -> float:
        pipes = opened(together, rank)
        if rank == 1:
            time.sleep(late)
            come.append(time.perf_counter())
        pipes.any(False)
        after = time.perf_counter()
        pipes.close()
        return after

    assert min(together.do(work)) >= come[0]


def test_one_that_has_gone_is_noticed_at_once() -> None:
    together = Together(2)

    def work(rank: int) -> None:
        pipes = opened(together, rank)
        if rank == 0:
            pipes.close()
            return
        with pytest.raises(BrokenPipeError):  # as soon as the other is out
            any(pipes.any(False) for _ in iter(int, 1))
        pipes.close()

    together.do(work)


def test_one_that_says_nothing_is_not_waited_for_for_ever() -> None:
    together = Together(2)

    def work(rank: int) -> None:
        pipes = opened(together, rank, silence=0.05)
        if rank == 1:
            with pytest.raises(TimeoutError, match=r"silent for 0.05 seconds"):
                pipes.any(False)
        together.wait()
        pipes.close()

    together.do(work)


def test_nothing_is_left_open() -> None:
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    together = Together(3)
    together.do(lambda rank: opened(together, rank).close())
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_where_one_cannot_open_those_of_another_there_are_none() -> None:
    """As where /proc is hidden: the paths that are told lead nowhere."""
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    together = Together(2)

    def work(rank: int) -> bool:
        tell = together.teller(rank)

        def tell_wrongly(value: object) -> list[object]:
            paths = isinstance(value, dict) and rank == 1
            return tell({0: f"/proc/{os.getpid()}/fd/none"} if paths else value)

        return open_pipes(rank, 2, SILENCE, tell_wrongly) is None

    assert together.do(work) == [True, True]
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
