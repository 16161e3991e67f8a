"""Who may ask, and how much: Host, Origin, sizes and times of requests."""

import asyncio
import ipaddress
import json
import socket
from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 1 << 18
"""Bytes of a request: the longest game, with room."""
_BODY_SECONDS = 10.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
        b"form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class RefusedError(ValueError):
    """A request that is refused; the message is one sentence.

    Attributes:
        status: Of the answer.
    """

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status

    def response(self) -> JSONResponse:
        """The answer, which holds the sentence."""
        return JSONResponse({"error": str(self)}, self.status)


def known_hosts(host: str) -> frozenset[str] | None:
    """The names under which a server may be asked for.

    A page elsewhere can point a name of its own at this machine, so names are not believed.

    Args:
        host: Address that the server listens on.

    Returns:
        Names; None if numbers, too, of whatever network the machine is in.
    """
    if host in _LOCAL:
        return _LOCAL
    if host in ("0.0.0.0", "::"):
        return None
    return _LOCAL | {host.lower()}


class Guard:
    """Lets through what comes from the page itself, and adds the headers that keep it apart."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        begun = False

        async def send_marked(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            self._check(scope)
        except RefusedError as refusal:
            await refusal.response()(scope, receive, send_marked)
            return
        try:
            await self._app(scope, receive, send_marked)
        except asyncio.CancelledError:
            # The server ends; what has not been answered is not going to be.
            if begun:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                refusal = RefusedError("the server ends", 503)
                await refusal.response()(scope, receive, send_marked)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_known(_name_of(hosts[0])):
            raise RefusedError("this server is not asked for under that name", 403)
        origin = headers.get("origin")
        if origin is not None and origin != f"{scope['scheme']}://{hosts[0]}":
            raise RefusedError("other pages may not ask this server", 403)
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and (
            headers.get("sec-fetch-mode") != "navigate"
        ):
            raise RefusedError("other pages may not ask this server", 403)

    def _is_known(self, name: str) -> bool:
        if self._hosts is not None:
            return name in self._hosts
        if name in _LOCAL or name == socket.gethostname().lower():
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _name_of(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    name, colon, port = host.rpartition(":")
    name = name if colon and port.isdigit() else host
    return name.removeprefix("[").removesuffix("]").lower()


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object that a request brings, refused before more than the limit is held.

    Raises:
        RefusedError: It is too large, too slow, or no JSON object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedError("send JSON, with the content type application/json", 415)
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BODY:
                    raise RefusedError(f"a request may hold {MOST_BODY} bytes", 413)
    except TimeoutError:
        raise RefusedError("the request did not arrive in time", 408) from None
    except ClientDisconnect:
        raise RefusedError("the visitor left", 400) from None
    try:
        found: Any = json.loads(body)
        # Halves of characters, which JSON can write, cannot be sent back.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RefusedError("the request is no JSON") from None
    if not isinstance(found, dict):
        raise RefusedError("the request is no JSON object")
    return found  # pyright: ignore[reportUnknownVariableType]
