"""The numbers of a ``RunProgress`` as text, and the line that tells all of them."""

from keisei.training.metrics_manager import RunProgress

UNKNOWN = "-"
"""In place of a number that is not known yet."""
END_LABELS = {
    "CHECKMATE": "checkmate",
    "STALEMATE": "stalemate",
    "SENNICHITE": "sennichite",
    "PERPETUAL_CHECK": "perpetual",
    "DECLARATION": "declaration",
    "MAX_PLIES": "ply cap",
}
"""What a screen calls each ``Termination``."""


def log_line(progress: RunProgress) -> str:
    """The state of a run as one line of plain text."""
    total = progress.total_timesteps
    parts = [
        f"{progress.global_timestep:,}/{total:,} {percent_text(progress.global_timestep, total)}",
        f"{rate_text(progress.sps.get('overall', 0.0))} sps",
        f"update {progress.updates:,}",
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
        if (text := number_text(progress.learning, key, form)) != UNKNOWN
    ]
    results, games = progress.results, progress.results.games
    if games:
        parts.append(
            f"games {games:,} (black {percent_text(results.black_wins, games)}, "
            f"white {percent_text(results.white_wins, games)})"
        )
    ends = [
        f"{label} {progress.recent[key]:.0%}"
        for name, label in END_LABELS.items()
        if progress.recent.get(key := f"share_{name.lower()}")
    ]
    if ends:
        parts.append("ends " + ", ".join(ends))
    if "score" in progress.opponents:
        parts.append(f"pool {progress.opponents['score']:.1%}")
    if "score" in progress.evaluation:
        parts.append(
            f"eval {progress.evaluation['score']:.1%}{evaluation_details(progress.evaluation)}"
        )
    parts.append(f"eta {duration_text(progress.eta_seconds)}")
    return "  ".join(parts)


def evaluation_details(evaluation: dict[str, float]) -> str:
    """Rating and score against each opponent, as far as there are any: `` rating 412, ...``."""
    details = [f"{name} {score:.1%}" for name, score in scores_by_opponent(evaluation)]
    if "rating" in evaluation:
        details.insert(0, f"rating {evaluation['rating']:.0f}")
    return f" {', '.join(details)}" if details else ""


def scores_by_opponent(evaluation: dict[str, float]) -> list[tuple[str, float]]:
    """Names and scores of the players met in the last evaluation, in their order."""
    ending = "_score"
    return [
        (key.removesuffix(ending), value)
        for key, value in evaluation.items()
        if key.endswith(ending)
    ]


def number_text(values: dict[str, float], key: str, form: str) -> str:
    """The number of a key in a format, for example ``"{:.3f}"``; a dash when there is none."""
    value = values.get(key)
    return UNKNOWN if value is None else form.format(value)


def count_text(number: int) -> str:
    """A count with its thousands set apart, very large ones in millions."""
    return f"{number:,}" if number < 10_000_000 else f"{number / 1e6:,.2f}M"


def rate_text(per_second: float) -> str:
    """Plies a second; a dash for 0, which stands for unknown."""
    return f"{per_second:,.0f}" if per_second > 0 else UNKNOWN


def percent_text(part: int, whole: int) -> str:
    """A share of at most 100%; a dash of nothing."""
    return f"{min(1.0, part / whole):.1%}" if whole else UNKNOWN


def duration_text(seconds: float | None) -> str:
    """Hours, minutes and seconds as in 1:02:03."""
    if seconds is None:
        return UNKNOWN
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
