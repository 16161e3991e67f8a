"""What strangers can make the server hold: a bounded amount, which it gives back."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.web.folders import START, make_run, row, write_rows
from tests.web.server import Visitor, events_of

pytestmark = pytest.mark.slow

_MORE = 160
"""Megabytes on top of the server at rest: 512 connections with a body of 256 KB each at most."""
_LEFT = 120
"""Megabytes that may stay: the rows of 24 runs, and what the allocator keeps for the next time."""
_WARM = 2
"""Rounds of an attack until the allocator has, for each thread that an attack wakes, the room that
it keeps: how many of them a round wakes is chance."""
_ROUNDS = 4
_GROWN = 30
"""Megabytes by which these rounds may raise what stays after the warm ones: a leak of 40 KB for
each of 200 visitors would, or one of 120 KB for each of 66."""


class Process:
    """The server as a process of its own, warm."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.visitor = Visitor(int(process.stdout.readline().rstrip("/\n").rpartition(":")[2]))
        self._place = Path("/proc") / str(process.pid)
        while not self.post("game", moves=[])["ready"]:
            time.sleep(0.2)

    def post(self, name: str, **asked: Any) -> Any:
        body = {"start": START, "player": {"name": "keisei", "nodes": 30}, **asked}
        answer = self.visitor.ask(f"/api/{name}", method="POST", body=body)
        assert answer.status in (200, 422, 503), answer.text
        return answer.json()

    def megabytes(self, kind: str) -> int:
        """``VmRSS``, what it holds now, or ``VmHWM``, the most since ``forget``."""
        lines = (self._place / "status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(kind))

    def forget(self) -> None:
        """Begin to look for the most anew."""
        (self._place / "clear_refs").write_text("5", encoding="utf-8")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Process]:
    root = tmp_path_factory.mktemp("runs")
    for number in range(30):
        folder = make_run(root / f"{number:03}{'x' * 200}", 1)
        numbers = {f"learn/number_{each}": each / 7 for each in range(70)}
        write_rows(folder, *(row(step, **numbers) for step in range(200, 800)))
    command = [sys.executable, "-m", "keisei.cli", "serve", str(root), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Process(process)
        finally:
            process.terminate()


def all_at_once(count: int, what: Callable[[int], object]) -> None:
    with ThreadPoolExecutor(count) as pool:
        for each in [pool.submit(what, number) for number in range(count)]:
            each.result()


def read_all(served: Process) -> None:
    """Two hundred visitors ask for lists, runs and their numbers."""
    names = [run["run"] for run in served.visitor.told("/api/runs")]

    def read(number: int) -> None:
        for path in ("/api/runs", "/api/run", "/api/series"):
            served.visitor.told(path, run=names[number % len(names)])

    all_at_once(200, read)


def watch(served: Process) -> None:
    """Two hundred streams, of which half take next to nothing."""
    with ExitStack() as stack:
        streams = [
            stack.enter_context(served.visitor.begin_stream(room=2048 if number % 2 else None))
            for number in range(200)
        ]
        for stream in streams[::2]:
            events_of(stream, "event: runs", 60)
        time.sleep(3)


def send_much(served: Process) -> None:
    """A hundred bodies of 10 MB, declared and not."""

    def send(number: int) -> None:
        head = f"POST /api/open HTTP/1.1\r\nHost: localhost:{served.visitor.port}\r\n"
        head += "Content-Type: application/json\r\n"
        piece = b"x" * 65_536
        if number % 2:
            head += "Content-Length: 10485760\r\n\r\n"
        else:
            head += "Transfer-Encoding: chunked\r\n\r\n"
            piece = b"10000\r\n" + piece + b"\r\n"
        with closing(socket.create_connection(("127.0.0.1", served.visitor.port))) as connection:
            connection.settimeout(60)
            connection.sendall(head.encode())
            try:
                for _ in range(160):
                    connection.sendall(piece)
                assert b" 413 " in connection.recv(1 << 12)
            except ConnectionError:
                pass

    all_at_once(100, send)


def begin_and_leave(served: Process) -> None:
    """As many of the longest searches as are taken, left at once; then one that is waited for."""
    player = {"name": "keisei", "nodes": 20_000}
    asked: dict[str, Any] = {"start": START, "moves": [], "player": player}
    body = json.dumps(asked).encode()
    head = f"POST /api/move HTTP/1.1\r\nHost: localhost:{served.visitor.port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"

    def begin(_: int) -> None:
        with closing(socket.create_connection(("127.0.0.1", served.visitor.port))) as connection:
            connection.sendall(head.encode() + body)
            time.sleep(0.5)

    all_at_once(66, begin)
    while "move" not in served.post("move", moves=[]):
        time.sleep(0.1)


needs_proc = pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="there is no /proc"
)


@needs_proc
@pytest.mark.parametrize("attack", [watch, begin_and_leave])
def test_what_stays_of_an_attack_does_not_grow_with_the_next(served: Process, attack: Any) -> None:
    rest: list[int] = []
    for _ in range(_WARM + _ROUNDS):
        attack(served)
        time.sleep(1)
        rest.append(served.megabytes("VmRSS"))
    print(f"{attack.__name__}: {rest} MB")  # noqa: T201
    assert rest[-1] - rest[_WARM - 1] < _GROWN


@needs_proc
@pytest.mark.parametrize("attack", [read_all, watch, send_much])
def test_memory_is_bounded_and_comes_back(served: Process, attack: Any) -> None:
    before = served.megabytes("VmRSS")
    served.forget()
    attack(served)
    most = served.megabytes("VmHWM")
    time.sleep(1)
    after = served.megabytes("VmRSS")
    print(f"{attack.__name__}: {before} MB, {most} MB, {after} MB")  # noqa: T201
    assert most - before < _MORE
    assert after - before < _LEFT
