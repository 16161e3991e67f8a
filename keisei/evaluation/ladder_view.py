"""A ladder to look at: a table of text, and a picture."""

import math
from collections.abc import Sequence
from html import escape

from keisei.evaluation.ratings import Rating

_LEFT, _WIDTH, _ROW, _MARGIN = 260, 640, 26, 30
_TICK = 500


def ladder_table(ratings: Sequence[Rating]) -> str:
    """Ratings as lines of text, the strongest first.

    An Elo number behind ``>=`` or ``<=`` is no estimate but a bound: all matches that would fix it
    were won or lost to the last game.
    """
    width = max(len("player"), *(len(rating.name) for rating in ratings))
    lines = [f"{'player':{width}}  {'Elo':>7}  {'95% interval':>15}  {'games':>5}"]
    for rating in reversed(ratings):
        interval = (
            f"{round(rating.low)} to {round(rating.high)}" if rating.low < rating.high else ""
        )
        lines.append(f"{rating.name:{width}}  {_elo(rating):>7}  {interval:>15}  {rating.games:>5}")
    return "\n".join(lines)


def _elo(rating: Rating) -> str:
    sign = "" if rating.is_bounded else ">=" if rating.elo > 0 else "<="
    return f"{sign}{round(rating.elo)}"


def ladder_svg(ratings: Sequence[Rating]) -> str:
    """The ratings as an SVG picture: a dot for each player on an axis of Elo, with its interval."""
    low = _TICK * math.floor(min(rating.low for rating in ratings) / _TICK)
    high = max(low + _TICK, _TICK * math.ceil(max(rating.high for rating in ratings) / _TICK))
    bottom = _MARGIN + _ROW * len(ratings)

    def x(elo: float) -> float:
        return _LEFT + _WIDTH * (elo - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + _MARGIN}" '
        f'height="{bottom + _MARGIN}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    parts += [
        f'<path d="M{x(tick):.1f} {_MARGIN}V{bottom}" stroke="#ddd"/>'
        f'<text x="{x(tick):.1f}" y="{bottom + 18}" text-anchor="middle">{tick}</text>'
        for tick in range(low, high + 1, _TICK)
    ]
    for row, rating in enumerate(reversed(ratings)):
        y = _MARGIN + _ROW * (row + 0.5)
        parts.append(
            f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">'
            f"{escape(rating.name)}  {escape(_elo(rating))}</text>"
            f'<path d="M{x(rating.low):.1f} {y}H{x(rating.high):.1f}" stroke="#36c"/>'
            f'<circle cx="{x(rating.elo):.1f}" cy="{y}" r="4" fill="#36c"/>'
        )
    return "\n".join([*parts, "</svg>", ""])
