"""One run folder, read as far as it can be."""

import contextlib
import functools
import json
import math
import re
import socket
import time
import tomllib
from pathlib import Path
from typing import Any, cast

from keisei.shogi.moves import InvalidUsiError, Move
from keisei.shogi.notation import InvalidSfenError, parse_sfen
from keisei.training.presence import LIVE_FILE, process_start
from keisei.web.plain_files import is_there, read_end, read_start
from keisei.web.rows import parse_row

METRICS_FILE = "metrics.jsonl"
_MOST_SETTINGS = 1 << 18
_MOST_LIVE = 1 << 16
_LOG_END = 1 << 16
_METRICS_END, _METRICS_FURTHER = 1 << 18, 1 << 22
"""So many bytes are looked through for the newest row, and for an evaluation if there is none."""
_TOLD_OF = (METRICS_FILE, LIVE_FILE, "train.log", "config.toml")
_SILENT_SECONDS = 120.0
"""A run of another machine that has not written for so long counts as stopped."""
_BEGIN = re.compile(r" (?:Training from timestep|Learning begins:) ")
_END = re.compile(
    r" (?:Training ends at timestep \d+|Learning ends after \d+ positions)(?: \((\w+)\))?$",
    re.MULTILINE,
)
"""How the logs of self-play and of imitation tell their beginning and their end."""
_FAILURE = re.compile(r" Training failed at timestep (\d+)$", re.MULTILINE)
_CHECKPOINT = re.compile(r"(checkpoint-(\d{1,15})\.pt|best\.pt|policy\.safetensors)")
_CANNOT = (OSError, ValueError, RecursionError)


def is_run_folder(folder: Path) -> bool:
    """Whether a folder looks like that of a run."""
    return is_there(folder / METRICS_FILE) or (
        is_there(folder / "config.toml") and is_there(folder / "checkpoints")
    )


class RunFolder:
    """What the files of a run say. Nothing is believed of them but what they can show."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = folder / METRICS_FILE
        self._signs: list[tuple[int, int, int]] = []
        self._told: dict[str, Any] = {}

    def text(self, name: str) -> str | None:
        """``config.toml`` or ``environment.json`` as it is; None without it."""
        try:
            return read_start(self.folder / name, _MOST_SETTINGS).decode(errors="replace")
        except OSError:
            return None

    def settings(self) -> dict[str, Any]:
        """The settings of the run.

        Raises:
            OSError: They cannot be read.
            ValueError: They are no TOML.
        """
        return _parsed(read_start(self.folder / "config.toml", _MOST_SETTINGS))

    def log(self) -> str:
        """The end of ``train.log``; empty without it."""
        try:
            return read_end(self.folder / "train.log", _LOG_END).decode(errors="replace")
        except OSError:
            return ""

    def live(self) -> dict[str, Any] | None:
        """What the run says of the present moment; None if nothing, or nothing whole."""
        try:
            found: Any = json.loads(read_start(self.folder / LIVE_FILE, _MOST_LIVE))
        except _CANNOT:
            return None
        if not isinstance(found, dict):
            return None
        return cast(dict[str, Any], found)

    def games(self) -> list[dict[str, Any]]:
        """The games of the present moment, as far as they are some."""
        return _games((self.live() or {}).get("games"))

    def checkpoints(self) -> list[dict[str, Any]]:
        """The policies of the run, the newest first: name, step, bytes, when written."""
        place = self.folder / "checkpoints"
        found: list[dict[str, Any]] = []
        with contextlib.suppress(OSError):
            for path in () if place.is_symlink() else place.iterdir():
                match = _CHECKPOINT.fullmatch(path.name)
                if match and path.is_file() and not path.is_symlink():
                    status = path.stat()
                    step = int(match[2]) if match[2] else None
                    if path.name == "best.pt":
                        step = self._best_step()
                    found.append(
                        {
                            "name": path.name,
                            "step": step,
                            "bytes": status.st_size,
                            "written": status.st_mtime,
                        }
                    )
        return sorted(found, key=lambda each: (each["step"] is None, -(each["step"] or 0)))

    def checkpoint(self, name: str) -> Path | None:
        """The file of a policy of the run; None if there is no such."""
        names = {each["name"] for each in self.checkpoints()}
        return self.folder / "checkpoints" / name if name in names else None

    def summary(self) -> dict[str, Any]:
        """What a list of runs tells of this one, and sentences on what cannot be read."""
        signs = [_sign(self.folder / name) for name in _TOLD_OF]
        if signs != self._signs or self._told["state"] == "running":
            self._signs, self._told = signs, self._summary(max(sign[2] for sign in signs[:3]) / 1e9)
        return self._told

    def _summary(self, changed: float) -> dict[str, Any]:
        problems: list[str] = []
        total = self._total(problems)
        last, rating = self._newest(problems)
        live = self.live()
        if live is None and is_there(self.folder / LIVE_FILE):
            problems.append(f"{LIVE_FILE} cannot be read")
        step = last.get("step", 0.0)
        state, why = self._state(live, step, total, changed)
        if live is not None and state == "running":
            step = max(step, number(live, "step") or 0.0)
        numbers = live if live is not None and state == "running" else {}
        return {
            "state": state,
            "why": why,
            "step": step,
            "total": total,
            "updates": last.get("run/updates"),
            "rating": rating.get("eval/rating"),
            "rating_low": rating.get("eval/rating_low"),
            "rating_high": rating.get("eval/rating_high"),
            "score": rating.get("eval/score"),
            "sps": number(numbers, "sps") or last.get("time/sps_overall"),
            "elapsed": number(numbers, "elapsed") or last.get("time/elapsed"),
            "eta": number(numbers, "eta"),
            "changed": changed,
            "problems": problems,
        }

    def _total(self, problems: list[str]) -> float | None:
        try:
            training = self.settings().get("training")
            if isinstance(training, dict):
                return number(cast(dict[str, Any], training), "total_timesteps")
        except FileNotFoundError:
            problems.append("config.toml is missing")
        except _CANNOT:
            problems.append("config.toml cannot be read")
        return None

    def _newest(self, problems: list[str]) -> tuple[dict[str, float], dict[str, float]]:
        """The last row of metrics, and the last one with an evaluation."""
        try:
            text = read_end(self.metrics, _METRICS_END)
            if len(text) == _METRICS_END and b'"eval/score"' not in text:
                text = read_end(self.metrics, _METRICS_FURTHER)
        except FileNotFoundError:
            return {}, {}
        except OSError:
            problems.append(f"{METRICS_FILE} cannot be read")
            return {}, {}
        last = _last_row(text, b"")
        rating = _last_row(text, b'"eval/score"')
        if not text.endswith(b"\n") and text:
            problems.append(f"the last line of {METRICS_FILE} is cut short")
        if not last and len(text):
            problems.append(f"{METRICS_FILE} holds no row that can be read")
        return last, rating

    def _state(
        self, live: dict[str, Any] | None, step: float, total: float | None, changed: float
    ) -> tuple[str, str | None]:
        """Whether the run is running, complete or stopped, and with what."""
        if live is not None and live.get("running") is True and _is_alive(live):
            return "running", None
        log = self.log()
        since = log[max((match.start() for match in _BEGIN.finditer(log)), default=0) :]
        end = _END.search(since)
        if _FAILURE.search(since) is not None:
            return "stopped", "an error, which its log tells"
        if (end is not None and not end[1]) or (total is not None and step >= total):
            return "ended", None
        if end is None and live is None and time.time() - changed < _SILENT_SECONDS:
            return "running", None
        return "stopped", "its process ended without a word" if end is None else end[1]

    def _best_step(self) -> int | None:
        try:
            best: Any = json.loads(read_start(self.folder / "checkpoints" / "best.json", 1000))
            step = number(best, "timestep")
        except (*_CANNOT, AttributeError):
            return None
        return None if step is None else int(step)


@functools.lru_cache(maxsize=64)
def _parsed(settings: bytes) -> dict[str, Any]:
    """Settings, which a running run does not change, although they are asked for each second."""
    return tomllib.loads(settings.decode())


def _last_row(text: bytes, word: bytes) -> dict[str, float]:
    """The last row in which a word stands; empty if there is none."""
    end = len(text)
    while (place := text.rfind(word, 0, end)) >= 0 and end:
        begin = text.rfind(b"\n", 0, place) + 1
        if row := parse_row(text[begin:end].partition(b"\n")[0]):
            return row
        end = max(0, begin - 1)
    return {}


def _sign(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written: which one, its size and time, 0 without it."""
    try:
        status = path.lstat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def number(facts: dict[str, Any], name: str) -> float | None:
    """A finite number among facts that may be anything."""
    value = facts.get(name)
    if isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 1e300:
        return float(value)
    return None


def _games(found: Any) -> list[dict[str, Any]]:
    """Running games, as far as they are some."""
    if not isinstance(found, list):
        return []
    games: list[dict[str, Any]] = []
    for game in cast(list[Any], found)[:9]:
        if not isinstance(game, dict):
            continue
        facts = cast(dict[str, Any], game)
        sfen, last = str(facts.get("sfen"))[:200], facts.get("last")
        try:
            parse_sfen(sfen)
            last = None if last is None else Move.from_usi(str(last)[:6]).usi()
        except (InvalidSfenError, InvalidUsiError):
            continue
        games.append({"sfen": sfen, "last": last, "value": number(facts, "value")})
    return games


def _is_alive(live: dict[str, Any]) -> bool:
    """Whether the process that wrote the file still goes on, as far as can be told from here."""
    process = live.get("process")
    if isinstance(process, dict):
        facts = cast(dict[str, Any], process)
        pid, started = facts.get("pid"), facts.get("started")
        if facts.get("host") == socket.gethostname() and isinstance(pid, int):
            return started is not None and process_start(pid) == started
    written = number(live, "written")
    return written is not None and abs(time.time() - written) < _SILENT_SECONDS
