"""The rows of ``metrics.jsonl`` as columns, read on as the file grows."""

import itertools
import json
import math
import os
import threading
import time
from array import array
from bisect import bisect_left
from pathlib import Path
from typing import Any, BinaryIO, cast

from keisei.web.plain_files import open_plain

_PIECE = 1 << 20
_MOST_BYTES = 256 << 20
_MOST_KEYS = 400
_SHOWN_ROWS, _MOST_ROWS = 600, 1_000
"""So many a chart shows side by side; when a growing file has more, every other one goes."""
_LONGEST_ROW = 1 << 16
_MISSING = math.nan
_generations = itertools.count(time.time_ns() // 1_000_000)
"""Those of a server that was there before are smaller: its visitors may still look."""


class Rows:
    """The numbers of one ``metrics.jsonl``, of a long one each second, third or fourth row.

    Rows with an evaluation are kept beside these. What is no row, such as the half line of a run
    that was killed, is left out, and counted where it is looked at. Serves several threads.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._begin(None, 1)

    def since(self, first: int) -> dict[str, Any]:
        """Read what has been added to the file, and tell of the rows from a line on.

        Args:
            first: Number of the line.

        Returns:
            ``lines`` that were read; ``spoilt``, how many of them were seen to be no row;
            ``generation``, another one when what was told before is no longer true; and
            ``columns``, the numbers by name, None where a row lacks one.

        Raises:
            OSError: The file cannot be read.
        """
        with self._lock:
            with open_plain(self._path) as file:
                status = os.fstat(file.fileno())
                identity = (status.st_dev, status.st_ino)
                if identity != self._identity or status.st_size < self._read:
                    self._begin(identity, 1 + _lines_of(file) // _SHOWN_ROWS)
                file.seek(self._read)
                self._take(file)
            row = bisect_left(self._places, first)
            return {
                "lines": self._lines,
                "spoilt": self._spoilt,
                "generation": self._generation,
                "columns": {
                    name: [_rounded(value) for value in column[row:]]
                    for name, column in self._columns.items()
                },
            }

    def _begin(self, identity: tuple[int, int] | None, stride: int) -> None:
        self._identity, self._stride = identity, stride
        self._read, self._rest, self._lines, self._spoilt = 0, b"", 0, 0
        self._places = array("q")
        self._columns: dict[str, array[float]] = {}
        self._generation = next(_generations)

    def _take(self, file: BinaryIO) -> None:
        while self._read < _MOST_BYTES:
            piece = file.read(_PIECE)
            if not piece:
                return
            self._read += len(piece)
            *lines, self._rest = (self._rest + piece).split(b"\n")
            for line in lines:
                self._add(line)
            # A line without an end is no row, and is not kept in memory either.
            self._rest = self._rest[: _LONGEST_ROW + 1]

    def _add(self, line: bytes) -> None:
        place = self._lines
        self._lines += 1
        if place % self._stride and b'"eval/score"' not in line:
            return
        row = parse_row(line)
        if row is None:
            self._spoilt += 1
            return
        for name in row.keys() - self._columns.keys():
            if len(self._columns) < _MOST_KEYS:
                self._columns[name] = array("d", [_MISSING]) * len(self._places)
        for name, column in self._columns.items():
            column.append(row.get(name, _MISSING))
        self._places.append(place)
        if len(self._places) > _MOST_ROWS:
            self._thin()

    def _thin(self) -> None:
        """Leave out every other row, with an evaluation only if there are many of these."""
        self._stride *= 2
        scores = self._columns.get("eval/score", array("d", [_MISSING]) * len(self._places))
        rows = [
            row
            for row, (place, score) in enumerate(zip(self._places, scores, strict=True))
            if place % self._stride == 0 or not math.isnan(score)
        ]
        if len(rows) > _SHOWN_ROWS:
            rows = rows[::2]
        self._places = array("q", [self._places[row] for row in rows])
        for name, column in self._columns.items():
            self._columns[name] = array("d", [column[row] for row in rows])
        self._generation = next(_generations)


def _lines_of(file: BinaryIO) -> int:
    """Ends of lines in what is read of a file."""
    pieces = itertools.islice(iter(lambda: file.read(_PIECE), b""), _MOST_BYTES // _PIECE)
    return sum(piece.count(b"\n") for piece in pieces)


def parse_row(line: bytes) -> dict[str, float] | None:
    """The finite numbers of a row; None for a line that is no row."""
    if len(line) > _LONGEST_ROW:
        return None
    try:
        # As text: of bytes, the encoding would be guessed line by line.
        found: Any = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    row = {
        name: float(value)
        for name, value in cast(dict[str, Any], found).items()
        if isinstance(value, (int, float)) and abs(value) < 1e300
    }
    return row if "step" in row else None


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}") if value % 1 else value
