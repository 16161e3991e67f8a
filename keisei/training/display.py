"""The screen of a run: a live picture on a terminal, plain lines elsewhere, or nothing.

All that is shown comes from a ``RunSnapshot``. The picture has four sizes, from a single line to
a full screen; the largest that fits the terminal is drawn.
"""

import re
import sys
import time
from collections.abc import Callable, Iterable
from itertools import zip_longest
from types import TracebackType
from typing import Literal, Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
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
_EVALUATION_ROWS = (
    ("score", "score", "{:.1%}"),
    ("95% from", "score_low", "{:.1%}"),
    ("to", "score_high", "{:.1%}"),
    ("games", "games", "{:.0f}"),
)
_LONG_SILENCE = 6
"""After this many times the interval a plain line comes without an update."""
_RANK = re.compile(r"(?:[ +][.A-Za-z]){9} [a-i]")


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
        self._told_updates = 0
        self._latest: RunSnapshot | None = None
        self._last_message = ""

    @property
    def wants_board(self) -> bool:
        """True when snapshots should bring the board of a running game."""
        return self._mode == "live"

    def __enter__(self) -> Self:
        """Take the screen."""
        if self._mode == "live":
            # Redrawn only from `update`: a refresh thread would take time from the games.
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        else:
            # The first steps say little, so the first plain line waits as long as the others.
            self._shown_at = self._clock()
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
        if self._latest is None:
            # A resumed run begins with updates that are no news.
            self._told_updates = snapshot.updates
        self._latest = snapshot
        if self._mode == "log" and snapshot.message not in ("", self._last_message):
            self.message(snapshot.message)
        waited = self._clock() - self._shown_at
        is_silent = waited >= _LONG_SILENCE * self._interval
        has_news = self._mode == "live" or snapshot.updates > self._told_updates or is_silent
        if has_news and waited >= self._interval:
            self._show(snapshot)

    def message(self, text: str) -> None:
        """Print a line of its own, above the live picture where there is one."""
        self._last_message = text
        if self._mode != "quiet":
            self._print(text)

    def _show(self, snapshot: RunSnapshot) -> None:
        self._shown, self._shown_at = snapshot, self._clock()
        self._told_updates = snapshot.updates
        if self._live is not None:
            self._live.update(RunPicture(snapshot), refresh=True)
        elif self._mode == "log":
            self._print(log_line(snapshot))

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
        # Lines are put together here, for Rich's tables would take a tenth of a core.
        width, height = options.max_width, console.size.height
        if options.ascii_only or width < 40 or height < 12:
            lines = [Text(log_line(self._snapshot))]
        elif width < 78 or height < 22:
            lines = _small(self._snapshot, width)
        elif width < 126 or height < 26:
            lines = _compact(self._snapshot, width)
        else:
            lines = _full(self._snapshot, width)
        for line in lines:
            line.truncate(width)
        yield Text("\n", no_wrap=True, overflow="crop").join(lines)


def _full(snapshot: RunSnapshot, width: int) -> list[Text]:
    """At least 126 x 26: everything, in boxes."""
    board = snapshot.board_text
    box = (width - (32 if board else 0)) // 3 - 1
    inner = box - 4
    columns = [
        [
            *_boxed("learning", _learning(snapshot, inner), box),
            *_boxed("plies a second", _speed(snapshot, inner), box),
        ],
        [
            *_boxed("games", _games(snapshot, inner), box),
            *_boxed("ends", _ends(snapshot, inner), box),
        ],
        [
            *_boxed("time", _phase_bars(snapshot, inner), box),
            *_boxed("evaluation", _evaluation_rows(snapshot, inner), box),
        ],
    ]
    if board:
        columns.insert(0, _boxed("a running game", _board(board), 31))
    return [
        *_header(snapshot, width),
        Text(),
        *_beside(columns, 1),
        Text(snapshot.message, style="yellow"),
    ]


def _compact(snapshot: RunSnapshot, width: int) -> list[Text]:
    """At least 78 x 22: everything, without boxes."""
    columns = [
        [
            Text("learning", style=_TITLE),
            *_learning(snapshot, 23),
            Text("plies a second", style=_TITLE),
            *_speed(snapshot, 23),
        ],
        [*_games(snapshot, 27, "games"), *_ends(snapshot, 27, "ends")],
    ]
    if snapshot.board_text:
        columns.insert(0, _board(snapshot.board_text))
    phases = "  ".join(f"{name} {share:.0%}" for name, share in _phase_shares(snapshot))
    return [
        *_header(snapshot, width),
        Text(),
        *_beside(columns, 2),
        Text.assemble(("time  ", _TITLE), phases),
        Text.assemble(("evaluation  ", _TITLE), _evaluation_text(snapshot.evaluation)),
        Text(snapshot.message, style="yellow"),
    ]


def _small(snapshot: RunSnapshot, width: int) -> list[Text]:
    """At least 40 x 12: progress and the numbers that matter most."""
    learning = snapshot.learning
    rows = [
        ("plies a second", _rate(snapshot.sps.get("overall", 0.0))),
        ("entropy", _number(learning, "entropy", "{:.3f}")),
        ("approx KL", _number(learning, "approx_kl", "{:.5f}")),
        ("explained var", _number(learning, "explained_variance", "{:+.3f}")),
        ("games", f"{sum(snapshot.games.values()):,}"),
        ("checkmates", _number(snapshot.recent, "share_checkmate", "{:.0%}")),
        ("evaluation", _number(snapshot.evaluation, "score", "{:.1%}")),
    ]
    return [*_header(snapshot, width), *_pairs(rows, width), Text(snapshot.message, style="yellow")]


def _header(snapshot: RunSnapshot, width: int) -> list[Text]:
    """Progress: a bar, and below it the numbers."""
    done, total = snapshot.global_timestep, snapshot.total_timesteps
    percent = _percent(done, total)
    bar = _bar(done / total, width - len("keisei  ") - len(percent))
    return [
        Text.assemble(("keisei ", _TITLE), bar, (f" {percent}", "bold")),
        Text.assemble(
            f"{_count(done)} of {_count(total)} plies",
            ("  left ", _DIM),
            (_duration(snapshot.eta_seconds), "bold"),
            (f"  elapsed {_duration(snapshot.elapsed_seconds)}", _DIM),
            (f"  update {snapshot.updates:,}", _DIM),
        ),
    ]


def _board(board_text: str) -> list[Text]:
    """The board as given, Black's pieces bold and White's in colour, so that sides are told apart.

    Lines that are not ranks (hands, files, whose move) are only dimmed.
    """
    lines: list[Text] = []
    for line in board_text.splitlines():
        text = Text(line)
        if _RANK.fullmatch(line):
            text.highlight_regex(r"[A-Z]|\+(?=[A-Z])", "bold")
            text.highlight_regex(r"[a-z](?= |$)|\+(?=[a-z])", "bright_magenta")
            text.highlight_regex(r"\.|.$", _DIM)
        else:
            text.stylize(_DIM)
        lines.append(text)
    return lines


def _speed(snapshot: RunSnapshot, width: int) -> list[Text]:
    names = ("env", "learn", "overall")
    return _pairs([(name, _rate(snapshot.sps.get(name, 0.0))) for name in names], width)


def _learning(snapshot: RunSnapshot, width: int) -> list[Text]:
    rows = [(label, _number(snapshot.learning, key, form)) for label, key, form in _LEARNING_ROWS]
    return _pairs(rows, width)


def _games(snapshot: RunSnapshot, width: int, title: str = "") -> list[Text]:
    """Results over the whole run, and their share in the last rollout."""
    recent = snapshot.recent
    rows = [
        ("finished", sum(snapshot.games.values()), _number(recent, "finished", "+{:.0f}")),
        ("Black won", snapshot.black_wins, _number(recent, "black_win_rate", "{:.0%}")),
        ("White won", snapshot.white_wins, _number(recent, "white_win_rate", "{:.0%}")),
        ("drawn", snapshot.draws, _number(recent, "draw_rate", "{:.0%}")),
        ("plies a game", round(snapshot.mean_plies), _number(recent, "mean_plies", "{:.0f}")),
    ]
    return _triples(title, rows, width)


def _ends(snapshot: RunSnapshot, width: int, title: str = "") -> list[Text]:
    """Games by how they ended: over the whole run, and their share in the last rollout."""
    rows = [
        (
            label,
            snapshot.games.get(name, 0),
            _number(snapshot.recent, f"share_{name.lower()}", "{:.0%}"),
        )
        for name, label in _END_LABELS.items()
    ]
    return _triples(title, rows, width)


def _phase_shares(snapshot: RunSnapshot) -> list[tuple[str, float]]:
    total = sum(snapshot.phase_seconds.values())
    return [
        (name, seconds / total if total > 0 else 0.0)
        for name, seconds in snapshot.phase_seconds.items()
    ]


def _phase_bars(snapshot: RunSnapshot, width: int) -> list[Text]:
    return [
        Text.assemble((f"{name:<6}", _DIM), _bar(share, width - 11), f"{share:>5.0%}")
        for name, share in _phase_shares(snapshot)
    ]


def _evaluation_rows(snapshot: RunSnapshot, width: int) -> list[Text]:
    return _pairs(
        [(label, _number(snapshot.evaluation, key, form)) for label, key, form in _EVALUATION_ROWS],
        width,
    )


def _evaluation_text(results: dict[str, float]) -> str:
    if not results:
        return "none yet"
    score, low, high, games = (_number(results, key, form) for _, key, form in _EVALUATION_ROWS)
    return f"score {score} (95% from {low} to {high}) in {games} games"


def _boxed(title: str, lines: list[Text], width: int) -> list[Text]:
    """Lines with a frame around, ``width`` columns in all."""
    left, right = f" {title} ".center(width - 2, "─").split(title)
    framed = [Text.assemble((f"╭{left}", _DIM), (title, _TITLE), (f"{right}╮", _DIM))]
    for line in lines:
        line.truncate(width - 4, pad=True)
        framed.append(Text.assemble(("│ ", _DIM), line, (" │", _DIM)))
    return [*framed, Text(f"╰{'─' * (width - 2)}╯", style=_DIM)]


def _beside(columns: list[list[Text]], gap: int) -> list[Text]:
    """Columns of lines side by side, each as wide as its longest line."""
    widths = [max(line.cell_len for line in column) + gap for column in columns]
    rows: list[Text] = []
    for cells in zip_longest(*columns):
        row = Text()
        for cell, width in zip(cells, widths, strict=True):
            text = cell or Text()
            text.pad_right(width - text.cell_len)
            row.append_text(text)
        rows.append(row)
    return rows


def _bar(share: float, width: int) -> Text:
    """A bar of ``width`` columns, filled from the left in half columns."""
    full, half = divmod(round(2 * width * min(1.0, max(0.0, share))), 2)
    filled = "━" * full + "╸" * half
    return Text.assemble((filled, "cyan"), ("─" * (width - len(filled)), _DIM))


def _pairs(rows: Iterable[tuple[str, str]], width: int) -> list[Text]:
    """Labels at the left, values at the right."""
    return [Text.assemble((label, _DIM), value.rjust(width - len(label))) for label, value in rows]


def _triples(title: str, rows: Iterable[tuple[str, int, str]], width: int) -> list[Text]:
    """A label, a count of the whole run, and what it was in the last rollout, with a heading."""
    heading = f"{'all':>{width - len(title) - 6}}{'last':>6}"
    return [
        Text.assemble((title, _TITLE), (heading, _DIM)),
        *_pairs(((label, f"{_count(count)}{recent:>6}") for label, count, recent in rows), width),
    ]


def _number(values: dict[str, float], key: str, form: str) -> str:
    value = values.get(key)
    return _UNKNOWN if value is None else form.format(value)


def _count(number: int) -> str:
    return f"{number:,}" if number < 10_000_000 else f"{number / 1e6:,.2f}M"


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second > 0 else _UNKNOWN


def _percent(part: int, whole: int) -> str:
    return f"{min(1.0, part / whole):.1%}" if whole else _UNKNOWN


def _duration(seconds: float | None) -> str:
    """Hours, minutes and seconds as in 1:02:03."""
    if seconds is None:
        return _UNKNOWN
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
