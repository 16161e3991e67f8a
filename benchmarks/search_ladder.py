"""How strong the shipped policy is with more and more nodes a move: matches, table, picture.

    .venv/bin/python benchmarks/search_ladder.py OUT [--games 200]

plays ``keisei?nodes=N`` against the rungs of the ladder next to it, which takes an hour or two on
one core. Matches that lie in OUT already are not played again. It prints a table and writes
search_ladder.svg beside this file.
"""

import argparse
import math
from pathlib import Path

from elo_chart import LEFT, WIDTH, EloChart
from ladder_matches import play_rungs

from keisei.evaluation.ladder import ANCHOR, known_pairings
from keisei.evaluation.ratings import Rating, fit_ratings

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
LOW, HIGH = 500, 2100


def player(nodes: int) -> str:
    """The player that looks so far ahead."""
    return f"keisei?nodes={nodes}" if nodes else "keisei?argmax"


def picture(ratings: dict[str, Rating]) -> str:
    """An SVG of Elo over nodes, with intervals, the rungs as lines."""
    chart = EloChart("Elo of the shipped policy by nodes a move", LOW, HIGH)
    chart.rungs(ratings.values())

    def x(nodes: int) -> float:
        return LEFT + 40 + (WIDTH - 80) * math.log2(max(nodes, 2) / 2) / math.log2(1000)

    chart.line([(x(nodes), chart.y(ratings[player(nodes)].elo)) for nodes in OPPONENTS])
    for nodes in OPPONENTS:
        chart.interval(x(nodes), ratings[player(nodes)])
        chart.tick(x(nodes), str(nodes))
    return chart.svg()


def main() -> None:
    """Play what is missing, and show everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--games", type=int, default=200)
    arguments = parser.parse_args()
    pairings = known_pairings()
    for nodes, rungs in OPPONENTS.items():
        folder = arguments.out / f"n{nodes}"
        pairings += play_rungs(player(nodes), ",".join(rungs), folder, arguments.games)
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
