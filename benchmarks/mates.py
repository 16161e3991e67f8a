"""Mates in one, three and five plies from games of the shipped policy, and how many are solved.

python benchmarks/mates.py make FILE    1,000 positions, the shortest mate of each found by
                                        trying everything (about five minutes)
python benchmarks/mates.py solve FILE   how many the solver finds, and how fast
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keisei.evaluation.match import MatchRules, play_match
from keisei.games.endings import Rules
from keisei.games.mates import MATE, MateSolver
from keisei.games.pool import Pool
from keisei.players.descriptions import SHIPPED_POLICY
from keisei.players.policy import PolicyPlayer
from keisei.shogi import Board
from keisei.shogi.notation import parse_sfen
from keisei.training.model_manager import load_policy

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.games.exhaustive import Exhaustive

WANTED = {1: 400, 3: 400, 5: 200}
NODES = 10_000
RULES = Rules(320, declaration=True)
_LATE_PLIES = 24
"""So many plies before the end of a game are looked at."""


def late_positions() -> Iterator[str]:
    """Positions from the ends of games, one in three, without end."""
    network = load_policy(SHIPPED_POLICY)
    seed = 0
    while True:
        seed += 1
        first, second = (
            PolicyPlayer(network, deterministic=False, device="cpu", seed=seed + side)
            for side in (0, 1000)
        )
        rules = MatchRules(opening_plies=6, max_plies=320)
        for game in play_match(first, second, 64, rules=rules, seed=seed).games:
            board = Board()
            for ply, move in enumerate(game.moves):
                if ply >= len(game.moves) - _LATE_PLIES and (ply + seed) % 3 == 0:
                    yield board.sfen()
                board.push(move)


def make(path: Path) -> None:
    """Write the positions, sorted by the plies of their mates."""
    exhaustive, found, missing, seen = (
        Exhaustive(),
        list[tuple[int, str]](),
        Counter(WANTED),
        set[str](),
    )
    for sfen in late_positions():
        if sfen in seen:
            continue
        seen.add(sfen)
        plies = exhaustive.shortest(sfen, 5)
        if missing[plies] > 0:
            missing[plies] -= 1
            found.append((plies, sfen))
            print(len(seen), dict(missing), flush=True)
        if not missing.total():
            break
    path.write_text("".join(f"{plies} {sfen}\n" for plies, sfen in sorted(found)))


def solve(path: Path) -> None:
    """Print for each length how many are found, and the solver's speed."""
    lines = [line.split(maxsplit=1) for line in path.read_text("utf-8").splitlines()]
    solver = MateSolver()
    for plies in WANTED:
        sfens = [sfen for length, sfen in lines if int(length) == plies]
        starts = [parse_sfen(sfen) for sfen in sfens]
        pool, slots = Pool(len(sfens)), np.arange(len(sfens))
        views = np.stack([start.view() for start in starts])
        pool.set_up(0, views, np.array([start.to_move for start in starts]))
        solver.solve_slots(pool, slots, RULES, 1)
        start = time.process_time()
        found = solver.solve_slots(pool, slots, RULES, NODES)
        seconds = time.process_time() - start
        share = (found.verdicts == MATE).mean()
        print(
            f"mate in {plies}: {share:.1%} of {len(sfens)} found; nodes each: median "
            f"{np.median(found.nodes):.0f}, most {found.nodes.max()}; "
            f"{found.nodes.sum() / seconds:,.0f} nodes/s"
        )


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "solve"):
        sys.exit(__doc__)
    (make if sys.argv[1] == "make" else solve)(Path(sys.argv[2]))
