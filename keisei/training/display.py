"""The screen of a run: a live picture on a terminal, plain lines elsewhere, or nothing.

Whatever is shown, the plain lines also go to whoever keeps a record of the run. All that is shown
comes from a ``RunProgress``.
"""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.live import Live
from typing_extensions import override

from keisei.training.metrics_manager import RunProgress
from keisei.training.picture import RunPicture
from keisei.training.progress_text import log_line

Mode = Literal["auto", "live", "log", "quiet"]

_LONG_SILENCE = 6
"""After this many times the interval a plain line comes without an update."""


class DisplayError(RuntimeError):
    """The screen cannot be written (any more); the message is one sentence."""


class _Console(Console):
    """One that leaves it to its caller what the end of a pipe means; Rich would exit."""

    @override
    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - within the handler of the BrokenPipeError


class TrainingDisplay:
    """Owns the screen of a run; a context manager around the training loop."""

    def __init__(
        self,
        mode: Mode = "auto",
        console: Console | None = None,
        *,
        refresh_per_second: float = 4.0,
        log_every_seconds: float = 5.0,
        record: Callable[[str], object] | None = None,
        board: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Choose how to show; nothing appears before the first ``update`` or ``message``.

        Args:
            mode: "auto" is "live" on a terminal that can move its cursor and "log" elsewhere.
            console: Where to write; standard output when not given.
            refresh_per_second: Most redraws of the live picture a second.
            log_every_seconds: Least time between two plain lines.
            record: Gets each plain line, in every mode.
            board: Gives the text of a running game, asked for when a live picture is drawn.
            clock: Seconds from any origin.
        """
        self._console = console or _Console(file=sys.stdout)
        if mode == "auto":
            can_move = self._console.is_terminal and not self._console.is_dumb_terminal
            mode = "live" if can_move else "log"
        self._mode: Mode = mode
        self._frame_seconds = 1.0 / refresh_per_second
        self._line_seconds = log_every_seconds
        self._record = record
        self._board = board
        self._clock = clock
        self._live: Live | None = None
        self._drawn: RunProgress | None = None
        self._drawn_at = float("-inf")
        self._told: RunProgress | None = None
        self._told_at = clock()
        self._told_updates = 0
        self._latest: RunProgress | None = None

    def __enter__(self) -> Self:
        """Take the screen.

        Raises:
            DisplayError: It cannot be written, here or in any other method; it is raised once and
                nothing is shown from there on.
        """
        if self._mode == "live":
            # Redrawn only from `update`: a refresh thread would take time from the games.
            live = Live(console=self._console, auto_refresh=False)
            with self._writing():
                live.start()
            self._live = live
        # The first steps say little, so the first plain line waits as long as the others.
        self._told_at = self._clock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """The same as ``finish``."""
        self.finish()

    def finish(self) -> None:
        """Show the last progress and give the screen back; messages come below it from here on."""
        if self._latest is not None and self._latest is not self._told:
            self._tell(self._latest)
        if self._live is not None:
            if self._latest is not None and self._latest is not self._drawn:
                self._draw(self._live, self._latest)
            with self._writing():
                self._live.stop()
            self._live = None

    def update(self, progress: RunProgress) -> None:
        """Take the newest state of the run, and show it when the last showing is old enough."""
        if self._latest is None:
            # A resumed run begins with updates that are no news.
            self._told_updates = progress.updates
        self._latest = progress
        if self._live is not None and self._clock() - self._drawn_at >= self._frame_seconds:
            self._draw(self._live, progress)
        waited = self._clock() - self._told_at
        has_news = progress.updates > self._told_updates
        if waited >= (self._line_seconds if has_news else _LONG_SILENCE * self._line_seconds):
            self._tell(progress)

    def message(self, text: str) -> None:
        """Print a line of its own, above the live picture where there is one."""
        if self._mode != "quiet":
            self._print(text)

    def _draw(self, live: Live, progress: RunProgress) -> None:
        self._drawn, self._drawn_at = progress, self._clock()
        with self._writing():
            live.update(RunPicture(progress, self._board()), refresh=True)

    def _tell(self, progress: RunProgress) -> None:
        self._told, self._told_at = progress, self._clock()
        self._told_updates = progress.updates
        line = log_line(progress)
        if self._record is not None:
            self._record(line)
        if self._mode == "log":
            self._print(line)

    def _print(self, text: str) -> None:
        with self._writing():
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def _writing(self) -> Generator[None]:
        """Within a ``with`` block, a console that cannot be written ends the showing for good."""
        try:
            yield
        except (OSError, ValueError) as error:
            is_closed = self._console.file.closed  # which raises a plain ValueError
            if not (is_closed or isinstance(error, OSError | UnicodeEncodeError)):
                raise
            self._console.quiet = True
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise DisplayError(
                f"cannot write to the screen: {reason}; with display.mode = 'quiet' (--quiet) the "
                "run needs none"
            ) from error
