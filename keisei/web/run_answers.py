"""Answers to what is asked of the runs."""

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from keisei.web.events import EventStream, Streams
from keisei.web.guard import RefusedError
from keisei.web.library import Library, UnknownRunError
from keisei.web.work import MOST_NODES, MOST_PLIES, MOST_SECONDS

_MOST_STREAMS = 300
_MOST_RUNS_OF_A_STREAM = 8
_MOST_NAME = 1_000
_GONE = "its folder is gone; what is shown is the last that was read of it"


class RunAnswers:
    """Answers what is asked of the runs."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._streams = Streams(_MOST_STREAMS)

    async def runs(self, _: Request) -> Response:
        """All runs."""
        return JSONResponse(await asyncio.to_thread(self._library.summaries))

    async def run(self, request: Request) -> Response:
        """One run: its summary, files and checkpoints."""
        return JSONResponse(await asyncio.to_thread(self._details, _name(request)))

    async def series(self, request: Request) -> Response:
        """The numbers of a run."""
        first = request.query_params.get("from", "0")
        if not (first.isascii() and first.isdigit() and len(first) < 10):
            raise RefusedError("from is the number of a line")
        found = await asyncio.to_thread(self._library.series, _name(request), int(first))
        return JSONResponse(found)

    async def ladders(self, _: Request) -> Response:
        """The results of ladders."""
        return JSONResponse(await asyncio.to_thread(self._library.ladders))

    async def players(self, _: Request) -> Response:
        """Who can be met, and how far they may look ahead."""
        found = await asyncio.to_thread(self._players)
        limits = {"nodes": MOST_NODES, "seconds": MOST_SECONDS, "plies": MOST_PLIES}
        return JSONResponse({"players": found, "limits": limits})

    def _players(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"name": "keisei", "words": "keisei, the player in the box", "thinks": True},
            {"name": "greedy", "words": "greedy: mates in one, else takes", "thinks": False},
            {"name": "random", "words": "random legal moves", "thinks": False},
        ]
        for name in [run["run"] for run in self._library.summaries()]:
            with contextlib.suppress(UnknownRunError):
                for each in self._library.run(name).checkpoints():
                    facts = {"run": name, "name": each["name"], "thinks": True}
                    found.append({**facts, "words": f"{name}: {each['name']}"})
        return found

    async def events(self, request: Request) -> Response:
        """A stream of the list of runs, or of the present moment of some."""
        names = request.query_params.getlist("run")
        if len(names) > _MOST_RUNS_OF_A_STREAM or any(len(name) > _MOST_NAME for name in names):
            raise RefusedError(f"a stream tells of up to {_MOST_RUNS_OF_A_STREAM} runs")
        for name in names:
            await asyncio.to_thread(self._library.run, name)
        if self._streams.open >= self._streams.most:
            raise RefusedError("too many visitors look at once; try again later", 503)

        async def look() -> dict[str, Any]:
            return await asyncio.to_thread(self._moment, names)

        return EventStream(self._streams, look)

    def _moment(self, names: list[str]) -> dict[str, Any]:
        if not names:
            return {"runs": self._library.summaries()}
        return {"moments": [self._moment_of(name) for name in names]}

    def _moment_of(self, name: str) -> dict[str, Any]:
        try:
            return {**self._library.summary(name), "games": self._library.run(name).games()}
        except UnknownRunError:
            return {"run": name, "state": "gone", "why": None, "problems": [_GONE]}

    def _details(self, name: str) -> dict[str, Any]:
        folder = self._library.run(name)
        return {
            **self._library.summary(name),
            "settings": folder.text("config.toml"),
            "environment": folder.text("environment.json"),
            "log": folder.log(),
            "checkpoints": folder.checkpoints(),
            "games": folder.games(),
        }


def _name(request: Request) -> str:
    return request.query_params.get("run", "")[:_MOST_NAME]
