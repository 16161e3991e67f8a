"""The run folders below a folder, and what has been read of them."""

import contextlib
import json
import os
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, cast

from keisei.web.plain_files import is_there, read_start
from keisei.web.rows import Rows
from keisei.web.run_folder import METRICS_FILE, RunFolder, is_run_folder, number

_DEPTH = 3
_MOST_FOLDERS = 2_000
_MOST_RUNS = 500
_MOST_IN_MEMORY = 24
"""Runs whose rows are kept, some megabytes each."""
_NO_ROWS = {"lines": 0, "spoilt": 0, "generation": 0, "columns": dict[str, list[float]]()}
_LADDER_FILE = "ladder.json"
_MOST_LADDER = 1 << 20
_MOST_RATINGS, _MOST_ELO, _MOST_NAME = 1_000, 20_000.0, 200
_FRESH_SECONDS = 0.7
"""Within this time nothing is looked at twice, however many visitors ask."""


class UnknownRunError(LookupError):
    """No run of that name; the message is one sentence."""


class Library:
    """The runs below a folder. Its methods may be called from several threads."""

    def __init__(self, root: Path) -> None:
        """Take the folder, or a run folder itself; links below it are not followed."""
        self._root = root
        self._lock = threading.Lock()
        self._scanned = -1e9
        self._runs: dict[str, RunFolder] = {}
        self._ladders: dict[str, Path] = {}
        self._summaries: dict[str, tuple[float, dict[str, Any]]] = {}
        self._rows: OrderedDict[str, Rows] = OrderedDict()

    def run(self, name: str) -> RunFolder:
        """The run of a name that the list of runs gives.

        Raises:
            UnknownRunError: There is no such run.
        """
        with self._lock:
            self._scan()
            folder = self._runs.get(name)
        if folder is None:
            raise UnknownRunError(f"there is no run {name[:100]!r}; the list of runs names all")
        return folder

    def summaries(self) -> list[dict[str, Any]]:
        """All runs with what is told of each: those that run by name, then the last written."""
        with self._lock:
            self._scan()
            names = list(self._runs)
        found: list[dict[str, Any]] = []
        for name in names:
            # It may be deleted meanwhile.
            with contextlib.suppress(UnknownRunError):
                found.append(self.summary(name))
        return sorted(found, key=_place_on_the_list)

    def summary(self, name: str) -> dict[str, Any]:
        """What is told of one run.

        Raises:
            UnknownRunError: There is no such run.
        """
        folder = self.run(name)
        with self._lock:
            known = self._summaries.get(name)
            if known is None or time.monotonic() - known[0] > _FRESH_SECONDS:
                known = (time.monotonic(), {"run": name, **folder.summary()})
                self._summaries[name] = known
            return known[1]

    def series(self, name: str, first: int) -> dict[str, Any]:
        """The numbers of a run as columns, and ``problem``, a sentence if they cannot be read.

        Args:
            name: Of the run.
            first: The line from which on they are wanted.

        Raises:
            UnknownRunError: There is no such run.
        """
        folder = self.run(name)
        with self._lock:
            rows = self._rows.setdefault(name, Rows(folder.metrics))
            self._rows.move_to_end(name)
            while len(self._rows) > _MOST_IN_MEMORY:
                self._rows.popitem(last=False)
        try:
            return {"problem": None, **rows.since(first)}
        except OSError as error:
            problem = f"{METRICS_FILE} cannot be read: {error.strerror or error}"
            return {"problem": problem, **_NO_ROWS}

    def ladders(self) -> list[dict[str, Any]]:
        """The results of ladders below the folder: name and ratings."""
        with self._lock:
            self._scan()
            places = dict(self._ladders)
        found: list[dict[str, Any]] = []
        for name, path in places.items():
            try:
                data: Any = json.loads(read_start(path, _MOST_LADDER))
            except (OSError, ValueError, RecursionError):
                found.append({"name": name, "problem": f"{_LADDER_FILE} cannot be read"})
                continue
            found.append({"name": name, "ratings": _ratings(data)})
        return found

    def _scan(self) -> None:
        if time.monotonic() - self._scanned < _FRESH_SECONDS:
            return
        runs: dict[str, RunFolder] = {}
        ladders: dict[str, Path] = {}
        for folder in _folders(self._root):
            name = folder.relative_to(self._root).as_posix()
            name = self._root.resolve().name if name == "." else name
            if len(runs) < _MOST_RUNS and is_run_folder(folder):
                runs[name] = self._runs.get(name) or RunFolder(folder)
            if is_there(folder / _LADDER_FILE):
                ladders[name] = folder / _LADDER_FILE
        self._runs, self._ladders = runs, ladders
        self._summaries = {name: each for name, each in self._summaries.items() if name in runs}
        self._scanned = time.monotonic()


def _place_on_the_list(run: dict[str, Any]) -> tuple[bool, float, str]:
    """Runs that run all write each second, which shall not let them change places each second."""
    is_running = run["state"] == "running"
    return not is_running, 0.0 if is_running else -run["changed"], run["run"]


def _ratings(data: Any) -> list[dict[str, Any]]:
    """The ratings of a ladder's results, as far as they are some."""
    listed = cast(dict[str, Any], data).get("ratings") if isinstance(data, dict) else None
    ratings: list[dict[str, Any]] = []
    for each in cast(list[Any], listed) if isinstance(listed, list) else []:
        facts = cast(dict[str, Any], each) if isinstance(each, dict) else {}
        name, elo = facts.get("name"), number(facts, "elo")
        if (
            not isinstance(name, str)
            or not name.isprintable()
            or elo is None
            or abs(elo) > _MOST_ELO
        ):
            continue
        low, high = (number(facts, key) for key in ("low", "high"))
        ratings.append(
            {
                "name": name[:_MOST_NAME],
                "elo": elo,
                "low": elo if low is None else max(low, -_MOST_ELO),
                "high": elo if high is None else min(high, _MOST_ELO),
                "games": number(facts, "games"),
                "is_bounded": facts.get("is_bounded") is not False,
            }
        )
    return ratings[:_MOST_RATINGS]


def _folders(root: Path) -> list[Path]:
    """A folder and those below it, links left out, down to some depth."""
    found = [root]
    level = [root]
    for _ in range(_DEPTH):
        below: list[Path] = []
        for folder in level:
            try:
                with os.scandir(folder) as entries:
                    names = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
            except OSError:
                continue
            names = [name for name in names if name != "checkpoints" and name.isprintable()]
            below += [folder / name for name in sorted(names)]
        level = below[: _MOST_FOLDERS - len(found)]
        found += level
    return found
