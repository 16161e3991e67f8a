"""Plays games beside cshogi and compares every position, for as long as one likes.

    python benchmarks/soak.py --positions 1e8 --seed 1 --log .benchmarks/soak.jsonl

plays batches of random games, of games that seek repetitions and checks, and of games of the
shipped policy, from usual, handicap, middle, bare and nearly declared positions. After each step
the whole compact state, all legal actions, the end of each game, its winner and the reward are
compared with what cshogi and a plain reading of the rules say (soak_referee.py). The first
difference ends it with exit code 1, and with the moves that lead there.

The work is cut into chunks, each with a seed of its own. The log gets one line a chunk; a call with
the same log goes on where it ends, and the report is about all of it.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soak_play import Chunk, DifferenceError, Play

from keisei.vec import threads

CHUNK = 500_000


def soak(positions: int, seed: int, policy_share: float, log: Path | None) -> bool:
    """Play until so many positions are compared, earlier calls' included; whether all agreed."""
    rows: list[dict[str, Any]] = (
        [json.loads(line) for line in log.read_text().splitlines()] if log else []
    )
    key = {"seed": seed, "policy_share": policy_share}
    if any({name: row[name] for name in key} != key for row in rows):
        raise SystemExit(f"{log} is of another seed or share of policy games; name another log.")
    number = len(rows)
    left = positions - sum(int(row["positions"]) for row in rows)
    while left > 0:
        begun = time.monotonic()
        play = Play(Chunk.draw(seed, number, min(CHUNK, left), policy_share))
        try:
            play.run()
        except DifferenceError as difference:
            print(json.dumps(difference.args[0], indent=1))
            return False
        seconds = time.monotonic() - begun
        row = {**key, "chunk": number, "seconds": round(seconds, 1), **play.counts}
        rows.append(row)
        print(json.dumps(row), flush=True)
        if log:
            with log.open("a") as file:
                file.write(json.dumps(row) + "\n")
        number, left = number + 1, left - play.counts["positions"]
    report(rows)
    return True


def report(rows: Sequence[dict[str, Any]]) -> None:
    """Print what all chunks come to."""
    total: Counter[str] = Counter()
    for row in rows:
        total.update({name: row[name] for name in row.keys() - {"chunk", "seed", "policy_share"}})
    seconds = total.pop("seconds")
    print(
        f"No difference in {total['positions']:,} positions, {seconds:,.0f} s "
        f"({total['positions'] / seconds:,.0f} a second), {len(rows)} chunks."
    )
    print(", ".join(f"{name} {count:,}" for name, count in sorted(total.items())))


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Play games beside cshogi.")
    parser.add_argument("--positions", type=lambda text: int(float(text)), default=10**8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policy-share", type=float, default=0.1)
    parser.add_argument("--log", type=Path)
    arguments = parser.parse_args()
    if arguments.log:
        arguments.log.parent.mkdir(parents=True, exist_ok=True)
        arguments.log.touch()
    threads.LEAST_GAMES = 32  # two where they would not pay, too
    agreed = soak(arguments.positions, arguments.seed, arguments.policy_share, arguments.log)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
