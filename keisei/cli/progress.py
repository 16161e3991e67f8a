"""How far a match is, told on standard error while it is played."""

import sys
import time

import typer

EVERY_SECONDS = 30.0
"""Between two lines where no terminal shows them; a shorter match says nothing there."""
_WIDTH = 50


class Progress:
    """Counts the ended games: one line that is renewed on a terminal, else a line now and then.

    Used as a ``with`` block it leaves the terminal at the beginning of a line.
    """

    def __init__(self, games: int) -> None:
        """Begin to take the time.

        Args:
            games: Of the match, or of each match if there are several.
        """
        self._games = games
        # Standard error that is closed from the beginning is None.
        is_open = sys.stderr is not None  # pyright: ignore[reportUnnecessaryComparison]
        self._renews = is_open and sys.stderr.isatty()
        self._told_at = time.monotonic()
        self._line = ""
        self._can_tell = True

    def __enter__(self) -> "Progress":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End a line that was to be renewed."""
        self._end_line()

    def __call__(self, ended: int, points: float) -> None:
        """Tell, if it is time to.

        Args:
            ended: Games that have ended.
            points: Of the first player in these games.
        """
        text = f"{ended} of {self._games} games"
        if ended:
            text += f", score {points / ended:.1%}"
        if self._renews:
            if text != self._line:
                self._line = text
                self._tell(f"\r{text:<{_WIDTH}}", nl=False)
            if ended == self._games:
                self._end_line()
        elif ended < self._games and time.monotonic() - self._told_at >= EVERY_SECONDS:
            self._told_at = time.monotonic()
            self._tell(text, nl=True)

    def _end_line(self) -> None:
        if self._line:
            self._line = ""
            self._tell("", nl=True)

    def _tell(self, text: str, *, nl: bool) -> None:
        if not self._can_tell:
            return
        try:
            typer.echo(text, err=True, nl=nl)
        except OSError:
            # Who reads along may leave, or the disk of a log be full: the games are worth more.
            self._can_tell = False
