"""Server-sent events: what has changed, for as long as somebody looks.

Nothing is queued for a visitor: each asks for the present state in turn, so that who reads slowly
only sees less of it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

Look = Callable[[], Awaitable[dict[str, Any]]]
"""Gives the present state by parts; what has changed of it is sent."""

_SECONDS = 1.0
_SEND_SECONDS = 20.0
"""Who does not take a message for so long has gone."""
_STILL_SECONDS = 15.0
"""A sign of life is sent when nothing has changed for so long."""


class Streams:
    """Counts the streams that are open."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open = 0


class EventStream(Response):
    """An answer that goes on until the visitor leaves."""

    def __init__(self, streams: Streams, look: Look) -> None:
        super().__init__()
        self._streams = streams
        self._look = look

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the visitor leaves or takes none."""
        self._streams.open += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_until_gone(receive))
                group.create_task(self._send_all(send))
        except* _GoneError:
            pass
        finally:
            self._streams.open -= 1

    async def _send_all(self, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sent: dict[str, str] = {}
        still = 0.0
        while True:
            parts = {name: json.dumps(part) for name, part in (await self._look()).items()}
            text = "".join(
                f"event: {name}\ndata: {part}\n\n"
                for name, part in parts.items()
                if sent.get(name) != part
            )
            sent = parts
            still = 0.0 if text else still + _SECONDS
            if still >= _STILL_SECONDS:
                text, still = ": still here\n\n", 0.0
            if text:
                await _send_in_time(send, text.encode())
            await asyncio.sleep(_SECONDS)


class _GoneError(Exception):
    """The visitor has left."""


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _GoneError


async def _send_in_time(send: Send, body: bytes) -> None:
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            await send({"type": "http.response.body", "body": body, "more_body": True})
    except TimeoutError:
        raise _GoneError from None
