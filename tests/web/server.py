"""The real server in a thread, and visitors who may send it anything."""

import json
import socket
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from keisei.web.app import build_app
from keisei.web.library import Library
from keisei.web.prepared import PreparedGames
from keisei.web.serving import listen, server_of


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Visitor:
    """Asks a server, each time through a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = f"http://localhost:{port}"

    def ask(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """The answer to a request; a body that is no bytes goes as JSON."""
        sent = {"host": f"localhost:{self.port}", **(headers or {})}
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        if body is not None:
            sent = {"content-type": "application/json", "content-length": str(len(data)), **sent}
        query = f"?{urlencode(parameters)}" if parameters else ""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=240)) as connection:
            connection.putrequest(method, path + query, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(data or None)
            with connection.getresponse() as response:
                return Answer(response.status, dict(response.getheaders()), response.read())

    def told(self, path: str, **parameters: Any) -> Any:
        """The data of an answer that is no refusal."""
        answer = self.ask(path, parameters)
        assert answer.status == 200, answer.text
        return answer.json()

    def begin_stream(self, query: str = "", room: int | None = None) -> socket.socket:
        """A connection on which events come; ``room`` bytes are all that it takes unread."""
        connection = socket.socket()
        if room is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", self.port))
        lines = f"GET /api/events?{query} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n"
        connection.sendall(lines.encode())
        return connection


@contextmanager
def serving(root: Path, host: str = "127.0.0.1", port: int = 0) -> Generator[Visitor]:
    """A visitor of a server of some runs, which ends with the block."""
    listener = listen("127.0.0.1", port)
    library = Library(root)
    server = server_of(build_app(library, PreparedGames(library), host))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Visitor(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def events_of(connection: socket.socket, until: str, seconds: float = 15) -> str:
    """What has come on a stream up to a text."""
    text = ""
    end = time.monotonic() + seconds
    while until not in text:
        assert time.monotonic() < end, text[-500:]
        piece = connection.recv(1 << 16)
        assert piece, text[-500:]
        text += piece.decode()
    return text
