"""What an open page with nine live boards costs a trainer beside it.

    .venv/bin/python benchmarks/page_beside.py [--turns 10] [--updates 8]

trains on one core, serves the run from a second process, and opens the run's page in Debian's
chromium in every other turn of some updates. Each turn with the page is compared with the mean of
its two neighbours without, so that a machine whose speed drifts hurts little; the first update
after a switch does not count. Needs two idle cores.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from keisei.training.metrics_manager import PHASES
from tests.web.browser import chromium, new_page


def seconds_of_updates(metrics: Path) -> list[float]:
    """Seconds that each update took, rollout and learning."""
    rows = [json.loads(line) for line in metrics.read_text("utf-8").splitlines()]
    return [sum(row[f"time/{phase}"] for phase in (*PHASES, "other")) for row in rows]


def wait_for(metrics: Path, updates: int) -> None:
    """Wait until the run has made so many updates."""
    while not metrics.exists() or metrics.read_bytes().count(b"\n") < updates:
        time.sleep(0.05)


def address_of(server: "subprocess.Popen[str]") -> str:
    """Where the server says that its page is."""
    assert server.stdout is not None
    for line in server.stdout:
        for word in line.split():
            if word.startswith("http://"):
                return word.rstrip("/.")
    raise SystemExit("the server ended before it said where")


def turn_ends(run: Path, address: str, turns: int, updates: int) -> list[int]:
    """Open and close the page in turn; the numbers of the updates at which it was switched."""
    metrics = run / "metrics.jsonl"
    ends = [2]
    wait_for(metrics, ends[0])
    with chromium() as browser:
        page = new_page(browser)
        for turn in range(2 * turns + 1):
            if turn % 2:
                page.goto(f"{address}/run?run={run.name}")
                page.locator("svg.board").first.wait_for()
            else:
                page.goto("about:blank")
            wait_for(metrics, ends[-1] + updates)
            if turn % 2:
                boards = page.locator("svg.board").count()
                print(f"turn {turn}: {boards} boards in sight of the page", flush=True)
            ends.append(metrics.read_bytes().count(b"\n"))
    return ends


def losses(seconds: list[float], ends: list[int]) -> list[float]:
    """How much longer updates took with the page than in the turns beside, as shares."""
    means = [statistics.mean(seconds[a + 1 : b]) for a, b in pairwise(ends)]
    return [
        means[turn] / ((means[turn - 1] + means[turn + 1]) / 2) - 1
        for turn in range(1, len(means) - 1, 2)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10, help="turns with the page")
    parser.add_argument("--updates", type=int, default=8, help="updates of a turn")
    options = parser.parse_args()
    command = [sys.executable, "-m", "keisei.cli"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        settings = ["--num-envs", "256", "--device", "cpu", "--set", "evaluation.every_updates=0"]
        settings += ["--set", "session.torch_threads=1", "--set", "display.mode=quiet"]
        trainer = subprocess.Popen(
            [*command, "train", "--run-dir", str(run), *settings], env=environment
        )
        server = subprocess.Popen(
            [*command, "serve", place, "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            wait_for(run / "metrics.jsonl", 1)
            ends = turn_ends(run, address_of(server), options.turns, options.updates)
            shares = losses(seconds_of_updates(run / "metrics.jsonl"), ends)
        finally:
            for process in (trainer, server):
                process.terminate()
                process.wait()
    mean = statistics.mean(shares)
    error = 1.96 * statistics.stdev(shares) / math.sqrt(len(shares))
    print(" ".join(f"{100 * share:+.1f}%" for share in shares))
    print(f"with the page an update takes {100 * mean:+.2f}% longer (95%: +-{100 * error:.2f})")


if __name__ == "__main__":
    main()
