"""Measured rates as text and as a bar chart."""

import math
from dataclasses import dataclass
from html import escape

WIDTH, LABELS, RIGHT = 930, 440, 90
BAR, GAP, TOP = 22, 12, 58
OURS, PEERS, INK, GRID = "#2f6f4f", "#b7a06a", "#222222", "#dddddd"


@dataclass(frozen=True)
class Row:
    """One measured piece of work."""

    group: str
    label: str
    unit: str
    median: float
    best: float
    per_cpu_second: float
    peer: bool


def rate(value: float) -> str:
    """A rate in three significant digits, with k, M or G."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            scaled = value / limit
            digits = 0 if scaled >= 100 else 1 if scaled >= 10 else 2
            return f"{scaled:.{digits}f} {suffix}"
    return f"{value:.0f}"


def bar_chart(rows: list[Row], title: str) -> str:
    """An SVG of rates a second of processor time, one bar a row, on a logarithmic scale."""
    rates = [row.per_cpu_second for row in rows]
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))
    scale = (WIDTH - LABELS - RIGHT) / (high - low)
    height = TOP + len(rows) * (BAR + GAP) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="24" font-size="16">{escape(title)}: {escape(rows[0].unit)} '
        "a second and core</text>",
    ]
    for power in range(low, high + 1):
        x = LABELS + (power - low) * scale
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - 20}" stroke="{GRID}"/>'
            f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{rate(10.0**power)}</text>'
        )
    for index, row in enumerate(rows):
        y = TOP + index * (BAR + GAP)
        length = (math.log10(row.per_cpu_second) - low) * scale
        middle = y + BAR / 2 + 5
        parts.append(
            f'<text x="{LABELS - 10}" y="{middle}" text-anchor="end">{escape(row.label)}</text>'
            f'<rect x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR}" '
            f'fill="{PEERS if row.peer else OURS}"/>'
            f'<text x="{LABELS + length + 6:.1f}" y="{middle}">{rate(row.per_cpu_second)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
