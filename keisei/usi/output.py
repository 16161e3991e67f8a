"""Lines to the shogi program."""

import threading
from collections.abc import Callable
from typing import BinaryIO

Say = Callable[[str], None]
"""Sends a text as one line."""
FAILURES = (ArithmeticError, MemoryError, RuntimeError, ValueError)
"""What may come of a search on a machine that is too small, or of a network that is spoilt; it is
told, and the engine goes on."""


class Output:
    """Sends whole lines of ASCII at once; threads may share it.

    Args:
        file: Where to.
        closed: Called when nobody reads any more.
    """

    def __init__(self, file: BinaryIO, closed: Callable[[], object]) -> None:
        self._file = file
        self._closed = closed
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Send a text as one line."""
        line = " ".join(text.split("\n")).encode("ascii", "backslashreplace") + b"\n"
        try:
            with self._lock:
                self._file.write(line)
                self._file.flush()
        except (OSError, ValueError):  # a pipe without a reader, a file that is closed
            self._closed()
