"""Games, loaded and compiled while the page is there already."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from keisei.web.library import Library

if TYPE_CHECKING:
    from keisei.web.game_answers import GameAnswers

ASKED = ("game", "move", "thoughts", "judge", "record", "open")
"""What is asked of games, by name."""


class PreparedGames:
    """Answers what is asked of games; who asks before they are loaded waits."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._thread = ThreadPoolExecutor(1)

    @functools.cached_property
    def _loaded(self) -> "Future[GameAnswers]":
        return self._thread.submit(self._load)

    def _load(self) -> "GameAnswers":
        from keisei.web.game_answers import GameAnswers  # noqa: PLC0415 - brings torch

        return GameAnswers(self._library)

    def get_ready(self) -> None:
        """Begin to load, and compile what a first visitor would wait for, in a thread."""
        self._thread.submit(self._library.summaries)
        loaded = self._loaded
        self._thread.submit(lambda: loaded.result().warm_up())

    def answer(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """What answers to a name of ``ASKED``."""

        async def answer(request: Request) -> Response:
            # A visitor who leaves does not break off what the others wait for.
            games = await asyncio.shield(asyncio.wrap_future(self._loaded))
            return await getattr(games, name)(request)

        return answer
