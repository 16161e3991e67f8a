"""Elo over something as an SVG, with the rungs of the ladder as lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from keisei.evaluation.ratings import Rating

LEFT, TOP, WIDTH, HEIGHT = 60, 30, 620, 320
INK, OURS, BAND, GRID, RUNG = "#222222", "#2f6f4f", "#2f6f4f33", "#dddddd", "#b7a06a"
TICK = 200

Points = Sequence[tuple[float, float]]
"""Places (x, y) in the picture."""


@dataclass
class EloChart:
    """A picture that is being drawn.

    Attributes:
        title: stands above it.
        low: Elo at its lower edge.
        high: Elo at its upper edge.
    """

    title: str
    low: int
    high: int
    _parts: list[str] = field(default_factory=list[str])

    def y(self, elo: float) -> float:
        """Where an Elo lies."""
        return TOP + HEIGHT * (self.high - elo) / (self.high - self.low)

    def rungs(self, ratings: Iterable[Rating]) -> None:
        """Draw those that are engines as lines."""
        for rating in ratings:
            if rating.name.startswith(("nodes", "depth")) and self.low < rating.elo < self.high:
                self._parts.append(
                    f'<path d="M{LEFT} {self.y(rating.elo):.1f}h{WIDTH}" stroke="{RUNG}" '
                    'stroke-dasharray="4 4"/>'
                    f'<text x="{LEFT + WIDTH + 6}" y="{self.y(rating.elo) + 4:.1f}">'
                    f"{escape(rating.name)}</text>"
                )

    def tick(self, x: float, label: str, line: int = 0) -> None:
        """Write something below the picture, in the first line or the second one (1)."""
        y = TOP + HEIGHT + 20 + 18 * line
        self._parts.append(f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{escape(label)}</text>')

    def interval(self, x: float, rating: Rating) -> None:
        """Mark a rating and its interval."""
        self._parts.append(
            f'<path d="M{x:.1f} {self.y(rating.low):.1f}V{self.y(rating.high):.1f}" '
            f'stroke="{OURS}"/><circle cx="{x:.1f}" cy="{self.y(rating.elo):.1f}" r="4" '
            f'fill="{OURS}"/>'
        )

    def line(self, points: Points) -> None:
        """Join places."""
        self._parts.append(
            f'<polyline points="{_listed(points)}" fill="none" stroke="{OURS}" stroke-width="2"/>'
        )

    def band(self, lower: Points, upper: Points) -> None:
        """Fill what lies between two lines."""
        around = [*lower, *reversed(upper)]
        self._parts.append(f'<polygon points="{_listed(around)}" fill="{BAND}"/>')

    def svg(self) -> str:
        """What has been drawn."""
        head = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 110} '
            f'{TOP + HEIGHT + 50}" font-family="sans-serif" font-size="13" fill="{INK}">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="{LEFT}" y="18" font-size="15">{escape(self.title)}</text>',
        ]
        head += [
            f'<path d="M{LEFT} {self.y(elo):.1f}h{WIDTH}" stroke="{GRID}"/>'
            f'<text x="{LEFT - 8}" y="{self.y(elo) + 4:.1f}" text-anchor="end">{elo}</text>'
            for elo in range(self.low, self.high + 1, TICK)
        ]
        return "\n".join([*head, *self._parts, "</svg>", ""])


def _listed(points: Points) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
