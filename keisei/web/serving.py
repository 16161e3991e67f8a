"""The server and its socket."""

import asyncio
import socket
from contextlib import ExitStack
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

_MOST_CONNECTIONS = 512
_SEND_BUFFER = 1 << 17
_KEEP_SECONDS = 10
_GONE_MILLISECONDS = 30_000
_HEAD_SECONDS = 20.0
_ENDING_SECONDS = 1


class AddressError(OSError):
    """An address that cannot be listened on; the message is one sentence."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; the system itself drops visitors that take nothing any more.

    Raises:
        AddressError: The address is taken or is none of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with ExitStack() as unless_listening:
            listener = socket.socket(family, kind, protocol)
            unless_listening.enter_context(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Taken over by the connections of visitors; who reads slowly has little to be kept for.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE_MILLISECONDS)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            listener.bind(address)
            listener.listen(_MOST_CONNECTIONS)
            unless_listening.pop_all()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AddressError(
            f"cannot listen on {host}:{port}: {reason}; choose another --port or --host"
        ) from None
    return listener


class _ImpatientProtocol(H11Protocol):
    """Closes connections on which a request does not arrive in time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limit: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._wait()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait()

    def _wait(self) -> None:
        if self._limit is None and self._is_idle():
            self._limit = self.loop.call_later(_HEAD_SECONDS, self._look)

    def _look(self) -> None:
        self._limit = None
        if self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A server that answers with an application, within the limits of this module."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            http=_ImpatientProtocol,
            ws="none",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_SECONDS,
            timeout_graceful_shutdown=_ENDING_SECONDS,
        )
    )


def serve_until_told(server: uvicorn.Server, listener: socket.socket) -> None:
    """Answer until Ctrl-C or SIGTERM; threads that are still busy then are left to themselves.

    Raises:
        KeyboardInterrupt: It was Ctrl-C.
    """
    # asyncio.run() would wait for the threads.
    asyncio.new_event_loop().run_until_complete(server.serve(sockets=[listener]))
