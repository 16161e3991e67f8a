"""Children a second: all positions after one move, with their legal moves, checks and ends.

256 games are brought into the middle of play; a pool expands every legal move of each, generates
the moves of the children and judges them, repetitions over the games' whole histories included.
"""

import pytest
from conftest import Measurement

from keisei.games.endings import Rules
from keisei.games.pool import Pool
from keisei.vec import ShogiVectorEnv

NUM_GAMES = 256
MAX_PLIES = 512
PLIES = 100
ROOM = 2048


def middle_games() -> Pool:
    """A pool whose first slots stand where random games do, with room for children behind."""
    env = ShogiVectorEnv(NUM_GAMES, obs="compact", max_plies=MAX_PLIES)
    env.reset(seed=1)
    for _ in range(PLIES):
        env.step(env.sample_actions())
    pool = Pool.of_games(env.standing(), ROOM)
    env.close()
    return pool


def visit_children(pool: Pool) -> int:
    """Expand all games and look at each child; how many there were."""
    rules = Rules(MAX_PLIES, declaration=True)
    total = first = 0
    while first < NUM_GAMES:
        first, past = pool.expand(first, NUM_GAMES, NUM_GAMES, NUM_GAMES + ROOM)
        pool.generate(NUM_GAMES, past)
        pool.judge(NUM_GAMES, past, rules)
        total += past - NUM_GAMES
    return total


@pytest.mark.benchmark(group="children of 256 middle-game positions")
def test_children(measure: Measurement) -> None:
    pool = middle_games()
    amount = visit_children(pool)
    measure("expand, generate, judge", lambda: visit_children(pool), amount=amount, unit="children")
