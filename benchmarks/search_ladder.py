"""How strong the shipped policy is with more and more nodes a move: matches, table, picture.

    .venv/bin/python benchmarks/search_ladder.py OUT [--games 200]

plays ``keisei?nodes=N`` against the rungs of the ladder next to it, which takes an hour or two on
one core. Matches that lie in OUT already are not played again. It prints a table and writes
search_ladder.svg beside this file.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

from keisei.evaluation.ladder import ANCHOR, known_pairings
from keisei.evaluation.ratings import Pairing, Rating, fit_ratings
from keisei.evaluation.results import Score

OPPONENTS = {
    0: ("nodes 100", "nodes 300"),
    8: ("nodes 100", "nodes 300"),
    32: ("nodes 300", "nodes 1000"),
    128: ("nodes 1000", "nodes 3000"),
    512: ("nodes 3000", "nodes 10000"),
    2000: ("nodes 3000", "nodes 10000"),
}
"""Rungs that each number of nodes meets."""
PICTURE = Path(__file__).with_name("search_ladder.svg")
LEFT, TOP, WIDTH, HEIGHT = 60, 30, 620, 320
LOW, HIGH, TICK = 500, 2100, 200
INK, OURS, GRID, RUNG = "#222222", "#2f6f4f", "#dddddd", "#b7a06a"


def player(nodes: int) -> str:
    """The player that looks so far ahead."""
    return f"keisei?nodes={nodes}" if nodes else "keisei?argmax"


def play(nodes: int, folder: Path, games: int) -> list[Pairing]:
    """The matches of one player, played now if they are not there."""
    result = folder / "ladder.json"
    if not result.exists():
        command = [sys.executable, "-m", "keisei.cli", "eval", player(nodes), "--ladder"]
        command += ["--rungs", ",".join(OPPONENTS[nodes]), "--games", str(games)]
        subprocess.run([*command, "--seed", "1", "--out", folder], check=True)
    return [
        Pairing(
            match["first"],
            match["second"],
            Score(tuple(match["points"]), (2,) * len(match["points"])),
        )
        for match in json.loads(result.read_text("utf-8"))["matches"]
    ]


def picture(ratings: dict[str, Rating]) -> str:
    """An SVG of Elo over nodes, with intervals, the rungs as lines."""

    def x(nodes: int) -> float:
        return LEFT + 40 + (WIDTH - 80) * math.log2(max(nodes, 2) / 2) / math.log2(1000)

    def y(elo: float) -> float:
        return TOP + HEIGHT * (HIGH - elo) / (HIGH - LOW)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 110} '
        f'{TOP + HEIGHT + 50}" font-family="sans-serif" font-size="13" fill="{INK}">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="15">Elo of the shipped policy by nodes a move</text>',
    ]
    parts += [
        f'<path d="M{LEFT} {y(elo):.1f}h{WIDTH}" stroke="{GRID}"/>'
        f'<text x="{LEFT - 8}" y="{y(elo) + 4:.1f}" text-anchor="end">{elo}</text>'
        for elo in range(LOW, HIGH + 1, TICK)
    ]
    for name, rating in ratings.items():
        if name.startswith(("nodes", "depth")) and rating.elo > LOW:
            parts.append(
                f'<path d="M{LEFT} {y(rating.elo):.1f}h{WIDTH}" stroke="{RUNG}" '
                'stroke-dasharray="4 4"/>'
                f'<text x="{LEFT + WIDTH + 6}" y="{y(rating.elo) + 4:.1f}">{name}</text>'
            )
    points = [(x(nodes), ratings[player(nodes)]) for nodes in OPPONENTS]
    line = " ".join(f"{at:.1f},{y(rating.elo):.1f}" for at, rating in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="2"/>')
    for nodes, (at, rating) in zip(OPPONENTS, points, strict=True):
        parts.append(
            f'<path d="M{at:.1f} {y(rating.low):.1f}V{y(rating.high):.1f}" stroke="{OURS}"/>'
            f'<circle cx="{at:.1f}" cy="{y(rating.elo):.1f}" r="4" fill="{OURS}"/>'
            f'<text x="{at:.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{nodes}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Play what is missing, and show everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--games", type=int, default=200)
    arguments = parser.parse_args()
    pairings = known_pairings()
    for nodes in OPPONENTS:
        pairings += play(nodes, arguments.out / f"n{nodes}", arguments.games)
    ratings = {rating.name: rating for rating in fit_ratings(pairings, ANCHOR)}
    print("| nodes | against | score | Elo | 95% interval |\n|---:|---|---|---:|---|")
    for nodes, rungs in OPPONENTS.items():
        rating = ratings[player(nodes)]
        scores = [
            f"{100 * pairing.score.mean:.1f}%"
            for pairing in pairings
            if pairing.first == rating.name
        ]
        print(
            f"| {nodes} | {' / '.join(rungs)} | {' / '.join(scores)} | {rating.elo:.0f} "
            f"| {rating.low:.0f} to {rating.high:.0f} |"
        )
    PICTURE.write_text(picture(ratings), "utf-8")


if __name__ == "__main__":
    main()
