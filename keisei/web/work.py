"""Long work for visitors: so much at a time, and none for those who have left."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from keisei.web.guard import RefusedError

MOST_NODES = 20_000
MOST_SECONDS = 30.0
MOST_PLIES = 64
"""Positions of a game that are judged in one request."""
_AT_ONCE = 2
_WAITING = 64

Result = TypeVar("Result")


class Work:
    """Runs work in threads of its own, a few at a time, and lets the others wait in line."""

    def __init__(self, at_once: int | None = None, waiting: int | None = None) -> None:
        at_once = _AT_ONCE if at_once is None else at_once
        self._threads = ThreadPoolExecutor(at_once)
        self._most = at_once + (_WAITING if waiting is None else waiting)
        self.present = 0
        """Pieces of work that are done or wait."""

    async def do(self, request: Request, work: Callable[[Callable[[], bool]], Result]) -> Result:
        """Do a piece of work, in its turn.

        Args:
            request: Whose work; its body has been read.
            work: Gets a function that says whether its answer is still wanted, and asks now and
                then.

        Raises:
            RefusedError: Too many are waiting, or the visitor has left.
        """
        if self.present >= self._most:
            raise RefusedError("too many searches at once; try again later", 503)
        self.present += 1
        gone = threading.Event()
        waiting = self._threads.submit(work, lambda: not gone.is_set())
        answer = asyncio.wrap_future(waiting)
        leaving = asyncio.create_task(_until_gone(request))
        try:
            await asyncio.wait({answer, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done() and waiting.cancel():
                raise RefusedError("the visitor left", 400)
            if leaving.done():
                gone.set()
            return await answer
        finally:
            gone.set()
            leaving.cancel()
            waiting.cancel()
            self.present -= 1


async def _until_gone(request: Request) -> None:
    """Wait until the visitor leaves."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
