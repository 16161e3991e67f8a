"""A conversation with the engine over real pipes, the engine in a thread of this process."""

import os
import re
import select
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Self

from keisei.players.opened import PolicyLoader
from keisei.rl.networks import PolicyValueNet
from keisei.training.model_manager import find_policy
from keisei.training.model_manager import load_policy as load
from keisei.usi.engine import Engine
from keisei.usi.options import Options

MOVE = r"([1-9][a-i][1-9][a-i]\+?|[PLNSBRG]\*[1-9][a-i])"
INFO = re.compile(
    r"info depth \d+ seldepth \d+ (multipv \d+ )?score (cp -?\d+|mate [+-]|mate -?\d+) nodes \d+ "
    rf"nps \d+ time \d+ hashfull \d{{1,4}} pv {MOVE}( {MOVE})*"
)
_PATIENCE = 120.0
_CHUNK = 65536


@cache
def load_policy(path: Path, device: str) -> PolicyValueNet:
    """As the command does, but once."""
    return load(find_policy(path), device)


class Conversation:
    """An engine and what is said to it; use it in a ``with`` block, which ends it."""

    def __init__(self, *, loader: PolicyLoader = load_policy) -> None:
        """Start an engine.

        Args:
            loader: Of networks.
        """
        self.infos: list[str] = []
        """All reports so far."""
        self.codes: list[int] = []
        """Exit codes with which the engine wanted to leave."""
        inward, self._send = os.pipe()
        self._receive, outward = os.pipe()
        self._unread = b""
        self._input, self._output = os.fdopen(inward, "rb"), os.fdopen(outward, "wb")
        self._engine = Engine("Test", Options(), loader, self._output, self._leave)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _leave(self, code: int) -> None:
        self.codes.append(code)
        self._output.close()

    def _run(self) -> None:
        self._engine.run(self._input)
        if not self._output.closed:
            self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_input()
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive()
        self._input.close()
        os.close(self._receive)

    def end_input(self) -> None:
        """Let the engine read the end of its input."""
        if self._send >= 0:
            os.close(self._send)
            self._send = -1

    def say(self, text: str | bytes) -> None:
        """Send a line, or several."""
        data = text if isinstance(text, bytes) else text.encode()
        os.write(self._send, data + b"\n")

    def hear(self) -> str | None:
        """The next line that is no report; None at the end of the output."""
        while (line := self._line(time.monotonic() + _PATIENCE)) is not None:
            if line.startswith("info depth"):
                self._note(line)
            else:
                return line
        return None

    def _note(self, line: str) -> None:
        assert INFO.fullmatch(line), line
        self.infos.append(line)

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing but reports comes for a time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                line = self._line(deadline)
            except TimeoutError:
                return True
            if line is None or not line.startswith("info depth"):
                return False
            self._note(line)
        return True

    def _line(self, deadline: float) -> str | None:
        while b"\n" not in self._unread:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._receive], [], [], left)[0]:
                raise TimeoutError("the engine says nothing")
            data = os.read(self._receive, _CHUNK)
            if not data:
                assert not self._unread
                return None
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode("ascii")

    def follow(self, transcript: str) -> None:
        """Say and hear what a transcript says, line by line.

        ``> text`` is said, ``< pattern`` has to be the whole of the next line that is no report,
        ``. pattern`` of the last report, ``~`` is a moment of silence, and ``<<`` the end.
        """
        steps: dict[str, Callable[[str], None]] = {
            ">": self.say,
            "<": lambda pattern: _match(pattern, self.hear()),
            ".": lambda pattern: _match(pattern, self.infos[-1]),
            "~": lambda _: _require(self.is_silent(0.05)),
            "<<": lambda _: _require(self.hear() is None),
        }
        for step in filter(None, map(str.strip, transcript.splitlines())):
            kind, _, rest = step.partition(" ")
            steps[kind](rest)


def _match(pattern: str, line: str | None) -> None:
    whole = pattern.replace("MOVE", MOVE)
    assert line is not None
    assert re.fullmatch(whole, line), f"{line!r} is not {pattern!r}"


def _require(holds: object) -> None:
    assert holds
