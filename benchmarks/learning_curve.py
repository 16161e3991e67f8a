"""How strong runs of one setting become, over minutes: matches of their checkpoints, a picture.

    for s in 1 2 3; do
        keisei-vec train --config configs/cpu_20min.toml --seed $s --run-dir runs/$s
    done
    .venv/bin/python benchmarks/learning_curve.py OUT runs/1 runs/2 runs/3 [--games 100]

lets the most probable moves of each checkpoint that the runs have kept play against rungs of the
ladder. Matches that lie in OUT already are not played again. It prints a table and writes
learning_curve.svg beside this file: the median of the runs, and a band from the least to the most.
"""

import argparse
import json
import statistics
from dataclasses import dataclass
from pathlib import Path

from elo_chart import LEFT, WIDTH, EloChart
from ladder_matches import play_rungs

from keisei.evaluation.ladder import ANCHOR, known_pairings
from keisei.evaluation.ratings import Rating, fit_ratings

PICTURE = Path(__file__).with_name("learning_curve.svg")
LOW, HIGH = 0, 1400


@dataclass(frozen=True)
class Moment:
    """Where a run stood when it saved a checkpoint."""

    player: str
    plies: int
    minutes: float


def moments_of(run: Path) -> list[Moment]:
    """The checkpoints that a run has kept, from the first to the last."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    clock = {row["step"]: row["time/elapsed"] for row in rows if "time/elapsed" in row}
    moments: list[Moment] = []
    for path in sorted((run / "checkpoints").glob("checkpoint-*.pt")):
        plies = int(path.stem.rpartition("-")[2])
        if not plies:
            continue  # The curve begins at 0 in any case.
        seconds = max(clock[step] for step in clock if step <= plies)
        moments.append(Moment(f"{path}?argmax", plies, seconds / 60))
    return moments


def picture(runs: list[list[Moment]], ratings: dict[str, Rating]) -> str:
    """An SVG of Elo over minutes."""
    last = max(moment.minutes for run in runs for moment in run)

    def x(minutes: float) -> float:
        return LEFT + WIDTH * minutes / last

    title = "Elo without search by minutes on two CPU cores, and by million plies"
    chart = EloChart(title, LOW, HIGH)
    chart.rungs(ratings.values())
    median: list[tuple[float, float]] = [(x(0.0), chart.y(0.0))]
    lower, upper = list(median), list(median)
    for together in zip(*runs, strict=True):
        at = x(statistics.median(moment.minutes for moment in together))
        chart.tick(at, f"{together[0].plies / 1e6:.0f} M", line=1)
        elos = [ratings[moment.player].elo for moment in together]
        for line, elo in (
            (median, statistics.median(elos)),
            (lower, min(elos)),
            (upper, max(elos)),
        ):
            line.append((at, chart.y(elo)))
    chart.band(lower, upper)
    chart.line(median)
    for minutes in range(0, int(last) + 1, 2):
        chart.tick(x(minutes), f"{minutes} min" if minutes else "0")
    return chart.svg()


def main() -> None:
    """Play what is missing, and show everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--games", type=int, default=100, help="against each rung")
    parser.add_argument("--rungs", default="nodes 1,nodes 100,depth 1")
    given = parser.parse_args()
    runs = [moments_of(run) for run in given.runs]
    pairings = known_pairings()
    for number, run in enumerate(runs):
        for moment in run:
            folder = given.out / f"{number}-{moment.plies}"
            pairings += play_rungs(moment.player, given.rungs, folder, given.games)
    ratings = {rating.name: rating for rating in fit_ratings(pairings, ANCHOR)}
    print("| run | million plies | minutes | Elo | 95% interval |\n|---|---:|---:|---:|---|")
    for path, run in zip(given.runs, runs, strict=True):
        for moment in run:
            rating = ratings[moment.player]
            print(
                f"| {path.name} | {moment.plies / 1e6:.1f} | {moment.minutes:.1f} "
                f"| {rating.elo:.0f} | {rating.low:.0f} to {rating.high:.0f} |"
            )
    PICTURE.write_text(picture(runs, ratings), "utf-8")


if __name__ == "__main__":
    main()
