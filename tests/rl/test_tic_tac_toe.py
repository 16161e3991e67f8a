"""The whole of PPO on a small game: wrong signs in the advantages lose a fifth of the games."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from typing import Any

import numpy as np
import pytest
import torch
from tic_tac_toe import SelfPlay, new_agent, score_against_random
from typing_extensions import override

from keisei.rl.ppo_agent import PPOAgent

UPDATES = 70
MEASURED = (0, 5, 10)
"""So many updates before the last; a policy that still learns has weaker moments."""
NUM_GAMES = 1000


def at_length(seed: int) -> Any:
    return pytest.param(seed, UPDATES, marks=pytest.mark.slow)


@pytest.mark.parametrize(("seed", "updates"), [(0, 45), *map(at_length, range(3))])
def test_loses_at_most_a_tenth_against_a_random_player(seed: int, updates: int) -> None:
    agent = new_agent(seed)
    untrained = score_against_random(agent, NUM_GAMES, seed=7)
    assert untrained[2] > 0.3
    play = SelfPlay(agent)
    losses: list[float] = []
    for left in reversed(range(updates)):
        play.update()
        if left in MEASURED:
            losses.append(score_against_random(agent, NUM_GAMES, seed=7)[2])
    assert np.mean(losses) <= 0.10, f"losses {losses}"


class AgainstRandom(SelfPlay):
    """Games against a random player, from which only the agent's own moves are learned."""

    def __init__(self, agent: PPOAgent) -> None:
        super().__init__(agent)
        self.rng = np.random.default_rng(0)
        self.agent_moves = np.arange(self.buffer.num_envs) % 2 == 0

    @override
    def fill(self) -> None:
        config = self.agent.config
        never = torch.zeros(self.buffer.num_envs, dtype=torch.bool)
        while not self.buffer.full:
            state, mask_bits = self.env.observe()
            actions, log_probs, values = self.agent.act(state, mask_bits)
            boards = self.env.boards
            guesses = np.where(boards == 0, self.rng.random(boards.shape), -1.0).argmax(1)
            played = np.where(self.agent_moves, actions.numpy(), guesses)
            rewards, ended = self.env.step(played)
            self.buffer.add(
                state,
                mask_bits,
                torch.from_numpy(played),
                log_probs,
                values,
                torch.from_numpy(rewards),
                torch.from_numpy(ended),
                never,
                torch.zeros_like(values),
                torch.from_numpy(self.agent_moves),
            )
            colours = self.rng.random(len(ended)) < 0.5
            self.agent_moves = np.where(ended, colours, np.logical_not(self.agent_moves))
        last_values = self.agent.value(self.env.observe()[0])
        self.buffer.finish(last_values, config.gamma, config.gae_lambda)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_learns_from_its_own_moves_against_somebody_else(seed: int) -> None:
    agent = new_agent(seed)
    play = AgainstRandom(agent)
    for _ in range(UPDATES):
        play.update()
    wins, draws, losses = score_against_random(agent, NUM_GAMES, seed=7)
    # Self-play of the same length wins 83 to 88 of a hundred.
    assert wins >= 0.87, f"wins {wins}, draws {draws}, losses {losses}"
    assert losses <= 0.10, f"wins {wins}, draws {draws}, losses {losses}"
