"""The screen of a run: a live picture on a terminal, plain lines elsewhere, or nothing.

All that is shown comes from a ``RunSnapshot``. The picture has four sizes, from a single line to
a full screen; the largest that fits the terminal is drawn.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Literal, Self

from rich.box import ROUNDED
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from keisei.training.metrics_manager import RunSnapshot

Mode = Literal["auto", "live", "log", "quiet"]

_DIM = "dim"
_TITLE = "bold cyan"
_UNKNOWN = "-"
_END_LABELS = {
    "CHECKMATE": "checkmate",
    "STALEMATE": "stalemate",
    "SENNICHITE": "sennichite",
    "PERPETUAL_CHECK": "perpetual",
    "DECLARATION": "declaration",
    "MAX_PLIES": "ply cap",
}
_LEARNING_ROWS = (
    ("policy loss", "policy_loss", "{:+.4f}"),
    ("value loss", "value_loss", "{:.4f}"),
    ("entropy", "entropy", "{:.3f}"),
    ("  normalised", "entropy_normalised", "{:.3f}"),
    ("approx KL", "approx_kl", "{:.5f}"),
    ("clip fraction", "clip_fraction", "{:.3f}"),
    ("explained var", "explained_variance", "{:+.3f}"),
    ("gradient norm", "grad_norm", "{:.3f}"),
    ("learning rate", "learning_rate", "{:.2e}"),
)
_LONG_SILENCE = 6
"""After this many times the interval a plain line comes without an update."""
_BOARD_RANKS = "abcdefghi"


class TrainingDisplay:
    """Owns the screen of a run; a context manager around the training loop."""

    def __init__(
        self,
        mode: Mode = "auto",
        console: Console | None = None,
        *,
        refresh_per_second: float = 4.0,
        log_every_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Choose how to show; nothing appears before the first ``update`` or ``message``.

        Args:
            mode: "auto" is "live" on a terminal that can move its cursor and "log" elsewhere.
            console: Where to write; standard output when not given.
            refresh_per_second: Most redraws of the live picture a second.
            log_every_seconds: Least time between two plain lines.
            clock: Seconds from any origin.
        """
        self._console = console or Console(file=sys.stdout)
        if mode == "auto":
            can_move = self._console.is_terminal and not self._console.is_dumb_terminal
            mode = "live" if can_move else "log"
        self._mode: Mode = mode
        self._interval = 1.0 / refresh_per_second if mode == "live" else log_every_seconds
        self._clock = clock
        self._live: Live | None = None
        self._shown_at = float("-inf")
        self._shown: RunSnapshot | None = None
        # Updates that a line has told of; a resumed run begins with those of its first snapshot.
        self._told_updates: int | None = None
        self._latest: RunSnapshot | None = None
        self._last_message = ""

    @property
    def wants_board(self) -> bool:
        """True when snapshots should bring the board of a running game."""
        return self._mode == "live"

    def __enter__(self) -> Self:
        """Take the screen."""
        if self._mode == "log":
            # The first steps say little, so the first line waits as long as the others.
            self._shown_at = self._clock()
        if self._mode == "live":
            # Redrawn only from `update`: a refresh thread would take time from the games.
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Show the last snapshot and give the screen back."""
        if self._latest is not None and self._latest is not self._shown:
            self._show(self._latest)
        if self._live is not None:
            self._live.stop()
            self._live = None

    def update(self, snapshot: RunSnapshot) -> None:
        """Take the newest state of the run, and show it when the last showing is old enough."""
        self._latest = snapshot
        if self._mode == "quiet":
            return
        if self._told_updates is None:
            self._told_updates = snapshot.updates
        if self._mode == "log":
            self._log_notice(snapshot)
        waited = self._clock() - self._shown_at
        if waited >= self._interval and (self._mode == "live" or self._has_news(snapshot, waited)):
            self._show(snapshot)

    def _has_news(self, snapshot: RunSnapshot, waited: float) -> bool:
        """True when a plain line is due: after an update, or when nothing was said for long."""
        has_update = self._told_updates is not None and snapshot.updates > self._told_updates
        return has_update or waited >= _LONG_SILENCE * self._interval

    def message(self, text: str) -> None:
        """Print a line of its own, above the live picture where there is one."""
        if self._mode == "quiet":
            return
        self._last_message = text
        self._print(text)

    def _show(self, snapshot: RunSnapshot) -> None:
        self._shown, self._shown_at = snapshot, self._clock()
        self._told_updates = snapshot.updates
        if self._live is not None:
            self._live.update(RunPicture(snapshot), refresh=True)
        elif self._mode == "log":
            self._print(log_line(snapshot))

    def _log_notice(self, snapshot: RunSnapshot) -> None:
        """Print a notice that no earlier line has told."""
        if snapshot.message and snapshot.message != self._last_message:
            self.message(snapshot.message)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def log_line(snapshot: RunSnapshot) -> str:
    """The state of a run as one line of plain text."""
    total = snapshot.total_timesteps
    parts = [
        f"{snapshot.global_timestep:,}/{total:,} {_percent(snapshot.global_timestep, total)}",
        f"{_rate(snapshot.sps.get('overall', 0.0))} sps",
        f"update {snapshot.updates:,}",
    ]
    parts += [
        f"{label} {text}"
        for label, key, form in (
            ("policy", "policy_loss", "{:+.4f}"),
            ("value", "value_loss", "{:.4f}"),
            ("entropy", "entropy", "{:.3f}"),
            ("normalised", "entropy_normalised", "{:.3f}"),
            ("kl", "approx_kl", "{:.5f}"),
            ("ev", "explained_variance", "{:+.3f}"),
        )
        if (text := _number(snapshot.learning, key, form)) != _UNKNOWN
    ]
    games = sum(snapshot.games.values())
    if games:
        parts.append(
            f"games {games:,} (black {_percent(snapshot.black_wins, games)}, "
            f"white {_percent(snapshot.white_wins, games)})"
        )
    ends = [
        f"{label} {snapshot.recent[key]:.0%}"
        for name, label in _END_LABELS.items()
        if snapshot.recent.get(key := f"share_{name.lower()}")
    ]
    if ends:
        parts.append("ends " + ", ".join(ends))
    if "score" in snapshot.evaluation:
        parts.append(f"eval {snapshot.evaluation['score']:.1%}")
    parts.append(f"eta {_duration(snapshot.eta_seconds)}")
    return "  ".join(parts)


class RunPicture:
    """A snapshot as a Rich renderable that fits itself into the space it gets."""

    def __init__(self, snapshot: RunSnapshot) -> None:
        self._snapshot = snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the largest of the four sizes that fits."""
        width, height = options.max_width, console.size.height
        if width >= 126 and height >= 26:
            yield _full(self._snapshot)
        elif width >= 78 and height >= 22:
            yield _compact(self._snapshot)
        elif width >= 40 and height >= 12:
            yield _small(self._snapshot)
        else:
            yield _single_line(self._snapshot)


def _full(snapshot: RunSnapshot) -> RenderableType:
    """At least 126 x 26: everything, in boxes."""
    columns: list[list[RenderableType]] = [
        [_boxed("learning", _learning(snapshot)), _boxed("plies a second", _speed(snapshot))],
        [_boxed("games", _games(snapshot)), _boxed("ends", _ends(snapshot))],
        [
            _boxed("time", _phase_bars(snapshot)),
            _boxed("evaluation", _evaluation_rows(snapshot)),
        ],
    ]
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    cells: list[RenderableType] = [Group(*column) for column in columns]
    if snapshot.board_text:
        grid.add_column(width=30)
        cells.insert(0, _boxed("a running game", _board(snapshot.board_text)))
    for _ in columns:
        grid.add_column(ratio=1)
    grid.add_row(*cells)
    return Group(_header(snapshot), Text(), grid, _message(snapshot))


def _compact(snapshot: RunSnapshot) -> RenderableType:
    """At least 78 x 22: everything, without boxes."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    left = Group(
        _title("learning"), _learning(snapshot), _title("plies a second"), _speed(snapshot)
    )
    right = Group(_games(snapshot, "games"), _ends(snapshot, "ends"))
    cells: list[RenderableType] = [left, right]
    if snapshot.board_text:
        cells.insert(0, _board(snapshot.board_text))
    grid.add_row(*cells)
    return Group(
        _header(snapshot),
        Text(),
        grid,
        _one_line("time", _phase_text(snapshot)),
        _one_line("evaluation", _evaluation_text(snapshot.evaluation)),
        _message(snapshot),
    )


def _small(snapshot: RunSnapshot) -> RenderableType:
    """At least 40 x 12: progress and the numbers that matter most."""
    learning, ends = snapshot.learning, snapshot.recent
    rows = [
        ("plies a second", _rate(snapshot.sps.get("overall", 0.0))),
        ("entropy", _number(learning, "entropy", "{:.3f}")),
        ("approx KL", _number(learning, "approx_kl", "{:.5f}")),
        ("explained var", _number(learning, "explained_variance", "{:+.3f}")),
        ("games", f"{sum(snapshot.games.values()):,}"),
        ("checkmates", _number(ends, "share_checkmate", "{:.0%}")),
        ("evaluation", _number(snapshot.evaluation, "score", "{:.1%}")),
    ]
    return Group(_header(snapshot), _pairs(rows), _message(snapshot))


def _single_line(snapshot: RunSnapshot) -> RenderableType:
    """Any size: one line, cut at the edge."""
    return Text(log_line(snapshot), no_wrap=True, overflow="ellipsis")


def _header(snapshot: RunSnapshot) -> RenderableType:
    """Progress: a bar, and below it the numbers."""
    done, total = snapshot.global_timestep, snapshot.total_timesteps
    bar = Table.grid(expand=True, padding=(0, 1, 0, 0))
    bar.add_column()
    bar.add_column(ratio=1)
    bar.add_column(justify="right")
    bar.add_row(
        Text("keisei", style=_TITLE),
        ProgressBar(total=total, completed=done),
        Text(_percent(done, total), style="bold"),
    )
    numbers = Text(no_wrap=True, overflow="ellipsis")
    numbers.append(f"{_count(done)} of {_count(total)} plies")
    numbers.append("  left ", style=_DIM)
    numbers.append(_duration(snapshot.eta_seconds), style="bold")
    numbers.append(f"  elapsed {_duration(snapshot.elapsed_seconds)}", style=_DIM)
    numbers.append(f"  update {snapshot.updates:,}", style=_DIM)
    return Group(bar, numbers)


def _board(board_text: str) -> RenderableType:
    """The board as given, Black's pieces bold and White's in colour, so that sides are told apart.

    Lines that are not ranks (hands, files, whose move) pass unchanged.
    """
    text = Text(no_wrap=True, overflow="crop")
    for line in board_text.splitlines():
        is_rank = len(line) > 18 and line[-2:-1] == " " and line[-1:] in _BOARD_RANKS
        for letter in line[:-1] if is_rank else "":
            text.append(letter, style=_piece_style(letter))
        text.append((line[-1:] if is_rank else line) + "\n", style=_DIM)
    text.rstrip()
    return text


def _piece_style(letter: str) -> str:
    if letter.islower():
        return "bright_magenta"
    return _DIM if letter == "." else "bold"


def _speed(snapshot: RunSnapshot) -> RenderableType:
    return _pairs(
        [(name, _rate(snapshot.sps.get(name, 0.0))) for name in ("env", "learn", "overall")]
    )


def _learning(snapshot: RunSnapshot) -> RenderableType:
    return _pairs(
        [(label, _number(snapshot.learning, key, form)) for label, key, form in _LEARNING_ROWS]
    )


def _games(snapshot: RunSnapshot, title: str = "") -> RenderableType:
    """Results over the whole run, and their share in the last rollout."""
    recent = snapshot.recent
    return _triples(
        title,
        [
            ("finished", sum(snapshot.games.values()), _number(recent, "finished", "+{:.0f}")),
            ("Black won", snapshot.black_wins, _number(recent, "black_win_rate", "{:.0%}")),
            ("White won", snapshot.white_wins, _number(recent, "white_win_rate", "{:.0%}")),
            ("drawn", snapshot.draws, _number(recent, "draw_rate", "{:.0%}")),
            ("plies a game", round(snapshot.mean_plies), _number(recent, "mean_plies", "{:.0f}")),
        ],
    )


def _ends(snapshot: RunSnapshot, title: str = "") -> RenderableType:
    """Games by how they ended: over the whole run, and their share in the last rollout."""
    return _triples(
        title,
        [
            (
                label,
                snapshot.games.get(name, 0),
                _number(snapshot.recent, f"share_{name.lower()}", "{:.0%}"),
            )
            for name, label in _END_LABELS.items()
        ],
    )


def _phase_shares(snapshot: RunSnapshot) -> list[tuple[str, float]]:
    """Share of each phase in the time of the last two updates."""
    total = sum(snapshot.phase_seconds.values())
    return [
        (name, seconds / total if total > 0 else 0.0)
        for name, seconds in snapshot.phase_seconds.items()
    ]


def _phase_bars(snapshot: RunSnapshot) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column()
    grid.add_column(ratio=1)
    grid.add_column(justify="right")
    for name, share in _phase_shares(snapshot):
        bar = ProgressBar(total=1.0, completed=share, complete_style="cyan", style="black")
        grid.add_row(Text(name, style=_DIM), bar, f"{share:.0%}")
    return grid


def _phase_text(snapshot: RunSnapshot) -> str:
    return "  ".join(f"{name} {share:.0%}" for name, share in _phase_shares(snapshot))


def _evaluation_rows(snapshot: RunSnapshot) -> RenderableType:
    results = snapshot.evaluation
    if not results:
        return Text("none yet", style=_DIM)
    return _pairs(
        [
            ("score", _number(results, "score", "{:.1%}")),
            ("95% from", _number(results, "score_low", "{:.1%}")),
            ("to", _number(results, "score_high", "{:.1%}")),
            ("games", _number(results, "games", "{:.0f}")),
        ]
    )


def _evaluation_text(results: dict[str, float]) -> str:
    if not results:
        return "none yet"
    return (
        f"score {_number(results, 'score', '{:.1%}')} "
        f"(95% from {_number(results, 'score_low', '{:.1%}')} "
        f"to {_number(results, 'score_high', '{:.1%}')}) "
        f"in {_number(results, 'games', '{:.0f}')} games"
    )


def _message(snapshot: RunSnapshot) -> RenderableType:
    return Text(snapshot.message, style="yellow", no_wrap=True, overflow="ellipsis")


def _boxed(title: str, content: RenderableType) -> RenderableType:
    return Panel(content, title=Text(title, style=_TITLE), box=ROUNDED, border_style=_DIM)


def _title(text: str) -> Text:
    return Text(text, style=_TITLE)


def _one_line(title: str, text: str) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{title}  ", style=_TITLE)
    return line.append(text)


def _pairs(rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Labels at the left, values at the right."""
    return _columns([(label, value) for label, value in rows])


def _triples(title: str, rows: Iterable[tuple[str, int, str]]) -> RenderableType:
    """A label, a count of the whole run, and what it was in the last rollout, with a heading."""
    grid = _columns([(label, _count(count), recent) for label, count, recent in rows])
    for column, heading in zip(grid.columns, (title, "all", "last"), strict=True):
        column.header = Text(heading, style=_TITLE if heading == title else _DIM)
    grid.show_header = True
    return grid


def _columns(rows: Sequence[Sequence[str]]) -> Table:
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(style=_DIM, no_wrap=True)
    for _ in rows[0][1:]:
        grid.add_column(justify="right", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    return grid


def _number(values: dict[str, float], key: str, form: str) -> str:
    value = values.get(key)
    return _UNKNOWN if value is None else form.format(value)


def _count(number: int) -> str:
    return f"{number:,}" if number < 10_000_000 else f"{number / 1e6:,.2f}M"


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second > 0 else _UNKNOWN


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else _UNKNOWN


def _duration(seconds: float | None) -> str:
    """Hours, minutes and seconds as in 1:02:03."""
    if seconds is None:
        return _UNKNOWN
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
