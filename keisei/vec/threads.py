"""Kernels run over slices of the games, one slice a thread."""

from collections.abc import Callable
from typing import Any, TypeVar

from keisei.games.layout import in_parts
from keisei.shogi.intrinsics import Held, hold
from keisei.shogi.kernel_threads import KernelThreads
from keisei.vec.kernels import Step, new_scratch

Result = TypeVar("Result")

LEAST_GAMES = 1024
"""Of a slice. To wake a thread takes about as long as a step of 300 games."""


class Slices:
    """The games of a step, divided among threads in whole blocks.

    Kernels release the GIL, so plain Python threads are enough. The caller's own thread takes the
    first slice; the others wait in a pool, which a forked child or a copy starts anew.
    """

    def __init__(self, step: Step, num_threads: int) -> None:
        games = len(step.tasks)
        self.spans = in_parts(games, max(1, min(num_threads, games // LEAST_GAMES)))
        """The first game of each slice, and the game past its last."""
        self._step = step
        self._open()

    def run(self, kernel: Callable[..., Result], *arguments: object) -> list[Result]:
        """What ``kernel(step, *arguments, first game, game past the last)`` gives for each slice.

        Nothing returns before every thread is done, also when one of them raises.
        """
        own, *others = self._shares
        if not others:
            return [kernel(own[0], *arguments, *own[1])]
        running = [self._threads.submit(kernel, held, *arguments, *span) for held, span in others]
        try:
            first = kernel(own[0], *arguments, *own[1])
        finally:
            rest = [each.result() for each in running]
        return [first, *rest]

    def run_here(self, kernel: Callable[..., Result], *arguments: object) -> Result:
        """What a kernel that is too short to be divided gives for all games."""
        return kernel(self._shares[0][0], *arguments, 0, self.spans[-1][1])

    def close(self) -> None:
        """Let the threads go; a later run starts new ones."""
        self._threads.close()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle takes along: neither threads nor native memory."""
        return {"spans": self.spans, "_step": self._step}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on as a copy with arrays of its own."""
        self.__dict__.update(state)
        self._open()

    def _open(self) -> None:
        """Hand each thread the step, with room of its own."""
        self._shares: list[tuple[Held[Step], tuple[int, int]]] = [
            (hold(self._step._replace(scratch=new_scratch())), span) for span in self.spans
        ]
        self._threads = KernelThreads(len(self.spans), "keisei-env")
