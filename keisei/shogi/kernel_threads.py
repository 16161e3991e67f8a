"""Python threads for kernels, which release the GIL."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class KernelThreads:
    """A pool of threads that begins when it is needed, and begins anew in a forked child.

    Threads do not live on there: one that waited for its parent's would wait for ever.
    """

    def __init__(self, count: int, name: str) -> None:
        """Room for ``count`` threads of a name; none is started yet."""
        self._count = count
        self._name = name
        self._pool: ThreadPoolExecutor | None = None
        self._owner = 0

    def submit(self, work: Callable[..., Result], *arguments: object) -> Future[Result]:
        """Let a thread do ``work(*arguments)``."""
        if self._pool is None or self._owner != os.getpid():
            self._pool = ThreadPoolExecutor(self._count, self._name)
            self._owner = os.getpid()
        return self._pool.submit(work, *arguments)

    def close(self) -> None:
        """Let the threads go; later work starts new ones."""
        if self._pool is not None and self._owner == os.getpid():
            self._pool.shutdown()
        self._pool = None
