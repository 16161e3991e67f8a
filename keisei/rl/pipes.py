"""Bits that the processes of one machine tell each other, through pipes.

A process group's sockets take hundreds of microseconds for what all ranks ask each other at every
ply and three times an optimiser step.
"""

import os
import select
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

_TOLD = {False: b"\0", True: b"\1"}
_AWAKE_SECONDS = 2e-3
"""How long a process looks before it sleeps: waking one up takes longer than most of them need."""


class Pipes:
    """The ends that one of K processes reads and writes, one of each for each other process."""

    def __init__(self, readers: Sequence[int], writers: Sequence[int], silence: float) -> None:
        """Take file descriptors, which belong to nobody else.

        Args:
            readers: what the others write to; they do not block.
            writers: what they read.
            silence: seconds until one that says nothing counts as lost.
        """
        self._readers, self._writers = readers, writers
        self._silence = silence

    def any(self, flag: bool) -> bool:  # noqa: FBT001 - the one thing that is told
        """Whether the flag is set in any process; comes back when all of them have called it.

        Raises:
            OSError: a process has ended or is silent.
        """
        for writer in self._writers:
            os.write(writer, _TOLD[flag])
        told = [self._read(reader) for reader in self._readers]
        return flag or any(told)

    def close(self) -> None:
        """Tell the others that this process has left."""
        for end in (*self._readers, *self._writers):
            os.close(end)

    def _read(self, reader: int) -> bool:
        awake = time.perf_counter() + _AWAKE_SECONDS
        while True:
            try:
                told = os.read(reader, 1)
            except BlockingIOError:
                if time.perf_counter() < awake:
                    os.sched_yield()
                    continue
                self._sleep(reader)
                continue
            if not told:
                raise BrokenPipeError("a process has closed its pipe")
            return told == _TOLD[True]

    def _sleep(self, reader: int) -> None:
        waiting = select.poll()
        waiting.register(reader, select.POLLIN)
        if not waiting.poll(1000 * self._silence):
            raise TimeoutError(f"a process was silent for {self._silence:g} seconds")


def open_pipes(
    rank: int, size: int, silence: float, tell: Callable[[Any], list[Any]]
) -> Pipes | None:
    """Pipes between numbered processes; None where one may not open those of another.

    That is so on systems without ``/proc``, and where a process may not look into the part of it
    that belongs to another one.

    Args:
        rank: number of this process, 0 to K - 1.
        size: K.
        silence: seconds until a process that says nothing counts as lost.
        tell: gives each process what all of them told, in their order.
    """
    others = [other for other in range(size) if other != rank]
    made = {other: os.pipe() for other in others}
    own = {other: f"/proc/{os.getpid()}/fd/{made[other][1]}" for other in others}
    told = tell(own)
    writers: list[int] = []
    with suppress(OSError):  # told below, to all
        for other in others:
            writers.append(os.open(told[other][rank], os.O_WRONLY | os.O_CLOEXEC))  # noqa: PERF401
    are_open = all(tell(len(writers) == len(others)))
    for _, write_end in made.values():
        os.close(write_end)
    readers = [read_end for read_end, _ in made.values()]
    for reader in readers:
        os.set_blocking(reader, False)
    pipes = Pipes(readers, writers, silence)
    if are_open:
        return pipes
    pipes.close()
    return None
