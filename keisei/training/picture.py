"""The picture of a run in four sizes, from a single line to a full screen."""

import re
from collections.abc import Iterable
from itertools import zip_longest

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from keisei.training.metrics_manager import RunProgress
from keisei.training.progress_text import (
    END_LABELS,
    count_text,
    duration_text,
    evaluation_details,
    log_line,
    number_text,
    percent_text,
    rate_text,
    scores_by_opponent,
)

_DIM = "dim"
_TITLE = "bold cyan"
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
    ("rating", "rating", "{:.0f}"),
)
_POOL_ROWS = (
    ("snapshots", "pool_size", "{:.0f}"),
    ("score", "score", "{:.1%}"),
    ("lowest", "lowest_score", "{:.1%}"),
)
_SHOWN_OPPONENTS = 6
"""So many fit into the least height of the largest picture."""
_RANK = re.compile(r"(?:[ +][.A-Za-z]){9} [a-i]")


class RunPicture:
    """The progress of a run as a Rich renderable that fits itself into the space it gets."""

    def __init__(self, progress: RunProgress, board: str = "") -> None:
        """Take what is drawn; ``board`` is a running game as ``format_board`` shows it."""
        self._progress = progress
        self._board = _board(board)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the largest of the four sizes that fits."""
        # Lines are put together here, for Rich's tables would take a tenth of a core.
        width, height = options.max_width, console.size.height
        if options.ascii_only or width < 40 or height < 12:
            lines = [Text(log_line(self._progress))]
        elif width < 78 or height < 22:
            lines = _small(self._progress, width)
        elif width < 126 or height < 26:
            lines = _compact(self._progress, self._board, width)
        else:
            lines = _full(self._progress, self._board, width)
        for line in lines:
            line.truncate(width)
        yield Text("\n", no_wrap=True, overflow="crop").join(lines)


def _full(progress: RunProgress, board: list[Text], width: int) -> list[Text]:
    """At least 126 x 26: everything, in boxes."""
    box = (width - (32 if board else 0)) // 3 - 1
    inner = box - 4
    columns = [
        [
            *_boxed("learning", _learning(progress, inner), box),
            *_boxed("plies a second", _speed(progress, inner), box),
            *(_boxed("opponent pool", _pool(progress, inner), box) if progress.opponents else []),
        ],
        [
            *_boxed("games", _games(progress, inner), box),
            *_boxed("ends", _ends(progress, inner), box),
        ],
        [
            *_boxed("time", _phase_bars(progress, inner), box),
            *_boxed("evaluation", _evaluation_rows(progress, inner), box),
        ],
    ]
    if board:
        columns.insert(0, _boxed("a running game", board, 31))
    return [*_header(progress, width), Text(), *_beside(columns, 1)]


def _compact(progress: RunProgress, board: list[Text], width: int) -> list[Text]:
    """At least 78 x 22: everything, without boxes."""
    columns = [
        [
            Text("learning", style=_TITLE),
            *_learning(progress, 23),
            Text("plies a second", style=_TITLE),
            *_speed(progress, 23),
        ],
        [*_games(progress, 27, "games"), *_ends(progress, 27, "ends"), *_pool_line(progress, 27)],
    ]
    if board:
        columns.insert(0, board)
    phases = "  ".join(f"{name} {share:.0%}" for name, share in _phase_shares(progress))
    return [
        *_header(progress, width),
        Text(),
        *_beside(columns, 2),
        Text.assemble(("time  ", _TITLE), phases),
        Text.assemble(("evaluation  ", _TITLE), _evaluation_text(progress)),
    ]


def _small(progress: RunProgress, width: int) -> list[Text]:
    """At least 40 x 12: progress and the numbers that matter most."""
    learning = progress.learning
    rows = [
        ("plies a second", rate_text(progress.sps.get("overall", 0.0))),
        ("entropy", number_text(learning, "entropy", "{:.3f}")),
        ("approx KL", number_text(learning, "approx_kl", "{:.5f}")),
        ("explained var", number_text(learning, "explained_variance", "{:+.3f}")),
        ("games", f"{progress.results.games:,}"),
        ("checkmates", number_text(progress.recent, "share_checkmate", "{:.0%}")),
        ("evaluation", number_text(progress.evaluation, "score", "{:.1%}")),
    ]
    return [*_header(progress, width), *_pairs(rows, width), *_pool_line(progress, width)]


def _header(progress: RunProgress, width: int) -> list[Text]:
    """Progress: a bar, and below it the numbers."""
    done, total = progress.global_timestep, progress.total_timesteps
    percent = percent_text(done, total)
    bar = _bar(done / total, width - len("keisei  ") - len(percent))
    return [
        Text.assemble(("keisei ", _TITLE), bar, (f" {percent}", "bold")),
        Text.assemble(
            f"{count_text(done)} of {count_text(total)} plies",
            ("  left ", _DIM),
            (duration_text(progress.eta_seconds), "bold"),
            (f"  elapsed {duration_text(progress.elapsed_seconds)}", _DIM),
            (f"  update {progress.updates:,}", _DIM),
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


def _speed(progress: RunProgress, width: int) -> list[Text]:
    names = ("env", "learn", "overall")
    return _pairs([(name, rate_text(progress.sps.get(name, 0.0))) for name in names], width)


def _learning(progress: RunProgress, width: int) -> list[Text]:
    rows = [
        (label, number_text(progress.learning, key, form)) for label, key, form in _LEARNING_ROWS
    ]
    return _pairs(rows, width)


def _games(progress: RunProgress, width: int, title: str = "") -> list[Text]:
    """Results over the whole run, and their share in the last rollout."""
    recent, results = progress.recent, progress.results
    rows = [
        ("finished", results.games, number_text(recent, "finished", "+{:.0f}")),
        ("Black won", results.black_wins, number_text(recent, "black_win_rate", "{:.0%}")),
        ("White won", results.white_wins, number_text(recent, "white_win_rate", "{:.0%}")),
        ("drawn", results.draws, number_text(recent, "draw_rate", "{:.0%}")),
        ("plies a game", round(results.mean_plies), number_text(recent, "mean_plies", "{:.0f}")),
    ]
    return _triples(title, rows, width)


def _ends(progress: RunProgress, width: int, title: str = "") -> list[Text]:
    """Games by how they ended: over the whole run, and their share in the last rollout."""
    games = progress.results.by_kind()
    rows = [
        (
            label,
            games[name],
            number_text(progress.recent, f"share_{name.lower()}", "{:.0%}"),
        )
        for name, label in END_LABELS.items()
    ]
    return _triples(title, rows, width)


def _phase_shares(progress: RunProgress) -> list[tuple[str, float]]:
    total = sum(progress.phase_seconds.values())
    return [
        (name, seconds / total if total > 0 else 0.0)
        for name, seconds in progress.phase_seconds.items()
    ]


def _phase_bars(progress: RunProgress, width: int) -> list[Text]:
    return [
        Text.assemble((f"{name:<6}", _DIM), _bar(share, width - 11), f"{share:>5.0%}")
        for name, share in _phase_shares(progress)
    ]


def _evaluation_rows(progress: RunProgress, width: int) -> list[Text]:
    """The mean over all opponents, and the score against each."""
    results = progress.evaluation
    rows = [
        (label, number_text(results, key, form))
        for label, key, form in _EVALUATION_ROWS
        if key in results or key != "rating"
    ]
    room = width - len("  ") - len(" 100.0%")
    for name, score in scores_by_opponent(results)[:_SHOWN_OPPONENTS]:
        # The ends of names differ, as in ..._nodes_100.
        short = name if len(name) <= room else "…" + name[1 - room :]
        rows.append((f"  {short}", f"{score:.1%}"))
    return _pairs(rows, width)


def _evaluation_text(progress: RunProgress) -> str:
    results = progress.evaluation
    if not results:
        return "none yet"
    score, low, high = (number_text(results, key, form) for _, key, form in _EVALUATION_ROWS[:3])
    return f"{score} ({low} to {high}){evaluation_details(results)}"


def _pool(progress: RunProgress, width: int) -> list[Text]:
    """The learner's score against its snapshots."""
    rows = [(label, number_text(progress.opponents, key, form)) for label, key, form in _POOL_ROWS]
    return _pairs(rows, width)


def _pool_line(progress: RunProgress, width: int) -> list[Text]:
    """One line of the pool, none when there is no pool."""
    if not progress.opponents:
        return []
    size = progress.opponents["pool_size"]
    score = number_text(progress.opponents, "score", "{:.1%}")
    return _pairs([(f"against {size:.0f} snapshots", score)], width)


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
        *_pairs(
            ((label, f"{count_text(count)}{recent:>6}") for label, count, recent in rows), width
        ),
    ]
