"""The frame of a run: its folder, seeds, records, log and signals."""

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import numpy as np
from typing_extensions import override

from keisei.config_schema import AppConfig
from keisei.files import write_text
from keisei.rl.ranks import Ranks
from keisei.training.provenance import environment_record
from keisei.training.run_lock import LOCK_FILE, RunFolderError, RunLock

_ECHO_SECONDS = 1.0


@dataclass(frozen=True)
class Seeds:
    """Seeds of the independent random streams of a run."""

    env: int
    network: int
    agent: int
    evaluation: int
    seating: int

    @classmethod
    def of(cls, seed: int, rank: int = 0, begin: int = 0) -> "Seeds":
        """The seeds that follow from the seed of the run.

        Args:
            seed: Of the run.
            rank: Ranks have streams of their own for what they draw, and the others in common.
            begin: Timestep at which this rank's own streams begin.
        """
        children = np.random.SeedSequence(seed).spawn(5)
        seeds = cls(*(int(child.generate_state(1)[0]) for child in children))
        if not rank and not begin:
            return seeds
        _, _, agent, _, seating = (
            int(np.random.SeedSequence(seed, spawn_key=(place, rank, begin)).generate_state(1)[0])
            for place in range(5)
        )
        return replace(seeds, agent=agent, seating=seating)


class _EchoHandler(logging.Handler):
    """Hands each log line, without time and traceback, to a function."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())


class _LogFile(logging.FileHandler):
    """The log of a run. What cannot be written is said once on the screen and ends no run."""

    def __init__(self, path: Path, logger: logging.Logger) -> None:
        super().__init__(path, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._logger = logger
        self._has_failed = False

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_failed:
            self._has_failed = True
            self._logger.warning("cannot write %r: %s", self.baseFilename, error.strerror)

    @override
    def close(self) -> None:
        # What is still pending was refused before.
        with suppress(OSError):
            super().close()


class SessionManager:
    """Owns a run's folder, seeds, effective settings, environment record, log and signals."""

    def __init__(
        self, config: AppConfig, *, resume: Path | str | None = None, ranks: Ranks | None = None
    ) -> None:
        """Decide where the run lives; nothing is written yet.

        Args:
            config: Settings of the run.
            resume: "latest" or the path of a checkpoint to go on from; None for a new run.
            ranks: The processes of the run, the first of which alone writes; None for one alone.

        Raises:
            RunFolderError: "latest" is asked for without a run folder.
        """
        self._ranks = Ranks() if ranks is None else ranks
        self.run_dir = self._ranks.on_first(lambda: _run_dir(config.session.run_dir, resume))
        self.checkpoint_dir = self.run_dir / "checkpoints"
        self._lock = RunLock(self.run_dir)
        self.seeds = Seeds.of(config.session.seed, self._ranks.rank)
        # Not from logging.getLogger: two runs in one process must not share handlers.
        self.logger = logging.Logger("keisei.run", logging.INFO)  # noqa: LOG001
        # Without a handler warnings would go to standard error.
        self.logger.addHandler(logging.NullHandler())
        self._log: _LogFile | None = None
        self._config = config
        self._goes_on = resume == "latest" or (
            resume is not None and Path(resume).resolve().parent == self.checkpoint_dir.resolve()
        )

    def open(self) -> None:
        """Claim the run folder and open the log, before any work is done.

        Raises:
            RunFolderError: The folder cannot be written, another process writes it, it holds
                another run, or none to resume.
        """
        self._ranks.on_first(self._open)

    def _open(self) -> None:
        try:
            if not (self.run_dir / LOCK_FILE).exists():
                # Nobody writes it, and what is refused stays without the file.
                self._check_contents()
            self.run_dir.mkdir(parents=True, exist_ok=True)
            self._lock.take()
            self._check_contents()
            self.checkpoint_dir.mkdir(exist_ok=True)
            # A mode bit can forbid new files in a folder whose old files may still be written.
            probe = self.checkpoint_dir / "probe.tmp"
            probe.touch()
            probe.unlink()
            self._log = _LogFile(self.run_dir / "train.log", self.logger)
        except OSError as error:
            raise RunFolderError.unwritable(self.run_dir, error) from error
        self.logger.addHandler(self._log)

    def _check_contents(self) -> None:
        metrics = self.run_dir / "metrics.jsonl"
        has_checkpoint = any(self.checkpoint_dir.glob("*.pt"))
        if self._goes_on and not has_checkpoint:
            raise RunFolderError(
                f"run folder {str(self.run_dir)!r} holds no checkpoint to resume; "
                "leave --resume out to start a new run"
            )
        has_rows = metrics.exists() and metrics.stat().st_size > 0
        if not self._goes_on and (has_checkpoint or has_rows):
            way_on = (
                "; go on with --resume latest or" if has_checkpoint else " without checkpoints;"
            )
            raise RunFolderError(
                f"run folder {str(self.run_dir)!r} already holds a run{way_on} choose another "
                "--run-dir"
            )

    def write_records(self) -> None:
        """Write the effective settings and the environment record into the run folder.

        Called when the run is sure to start, so that a refused resume leaves the records of the
        run as they were.

        Raises:
            UnwritableError: The folder cannot be written.
        """
        self._ranks.on_first(self._write_records)

    def _write_records(self) -> None:
        record = json.dumps(environment_record(), indent=2) + "\n"
        write_text(self.run_dir / "config.toml", self._config.to_toml())
        write_text(self.run_dir / "environment.json", record)

    def record(self, text: str) -> None:
        """Write a line into the log alone, which is not echoed."""
        if self._log is not None:
            name = self.logger.name
            line = self.logger.makeRecord(name, logging.INFO, __file__, 0, text, (), None)
            self._log.handle(line)

    def echo(self, show: Callable[[str], None]) -> None:
        """Also hand the text of each log line to ``show``."""
        self.logger.addHandler(_EchoHandler(show))

    @contextmanager
    def signals(self, request_stop: Callable[[str], None]) -> Generator[None]:
        """Within a ``with`` block, turn Ctrl-C, SIGTERM and SIGHUP into a request to stop in order.

        SIGHUP, which the end of a terminal sends, stays ignored where nohup has asked for that.
        A second Ctrl-C raises KeyboardInterrupt. Outside the main thread, where Python allows no
        handlers, nothing is changed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        # One Ctrl-C can reach one of several ranks twice: from the terminal, and passed on by the
        # launcher or by its end.
        echo_seconds = 0.0 if self._ranks.size == 1 else _ECHO_SECONDS
        interrupted: list[float] = []

        def on_signal(number: int, _frame: FrameType | None) -> None:
            now = time.monotonic()
            if number == signal.SIGINT:
                if interrupted and now - interrupted[0] >= echo_seconds:
                    raise KeyboardInterrupt
                interrupted.append(now)
            request_stop(signal.Signals(number).name)

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Close the log and let the run folder go; further calls change nothing."""
        self._log = None
        for handler in list(self.logger.handlers):
            self.logger.removeHandler(handler)
            handler.close()
        self._lock.release()


def _run_dir(configured: Path | None, resume: Path | str | None) -> Path:
    """The folder of a run; a checkpoint that lies in a run folder names that folder."""
    if configured is not None:
        return configured
    if resume == "latest":
        raise RunFolderError("--resume latest needs --run-dir, the folder of the run to go on with")
    if resume is not None and Path(resume).resolve().parent.name == "checkpoints":
        return Path(resume).resolve().parent.parent
    return Path("runs") / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
