"""The whole of PPO on a small game: wrong signs in the advantages lose a fifth of the games."""

import pytest
from tic_tac_toe import SelfPlay, new_agent, score_against_random

UPDATES = 60
NUM_GAMES = 2000


@pytest.mark.parametrize(
    "seed",
    [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)],
)
def test_loses_at_most_a_tenth_against_a_random_player(seed: int) -> None:
    agent = new_agent(seed)
    untrained = score_against_random(agent, NUM_GAMES, seed=7)
    assert untrained[2] > 0.3
    play = SelfPlay(agent)
    for _ in range(UPDATES):
        play.update()
    wins, draws, losses = score_against_random(agent, NUM_GAMES, seed=7)
    assert losses <= 0.10, f"wins {wins}, draws {draws}, losses {losses}"
