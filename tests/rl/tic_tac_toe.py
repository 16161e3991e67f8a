"""N games of tic-tac-toe at once, a small network for it, and training by the package's PPO."""

# pyright: reportUnknownMemberType=false
# (torch and tensordict leave parts of their signatures open.)

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from keisei.config_schema import TrainingConfig
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.networks import PolicyValueNet, build_network, register_network
from keisei.rl.ppo_agent import PPOAgent

CELLS = 9
MASK_BYTES = 2
LINES = np.array(
    [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]]
)
MINE, THEIRS = 1, 2


class TicTacToe:
    """N boards uint8[N, 9] in the view of the player to move: 0 empty, 1 own, 2 the opponent's."""

    def __init__(self, num_envs: int) -> None:
        self.boards = np.zeros((num_envs, CELLS), dtype=np.uint8)

    def observe(self) -> tuple[Tensor, Tensor]:
        """States uint8[N, 9] and packed masks uint8[N, 2]."""
        masks = np.packbits(self.boards == 0, axis=1, bitorder="little")
        return torch.from_numpy(self.boards.copy()), torch.from_numpy(masks)

    def step(self, actions: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Rewards to those who moved and ends; ended games start anew in the same step."""
        games = np.arange(len(self.boards))
        assert (self.boards[games, actions] == 0).all()
        self.boards[games, actions] = MINE
        won = (self.boards[:, LINES] == MINE).all(2).any(1)
        ended = won | (self.boards != 0).all(1)
        # Cells 0, 1, 2 become 0, 2, 1: the other player sees the board.
        self.boards = (3 - self.boards) % 3
        self.boards[ended] = 0
        return won.astype(np.float32), ended


@register_network("tic_tac_toe")
class TicTacToeNet(PolicyValueNet):
    """Two hidden layers over one-hot cells."""

    def __init__(self, state_size: int, num_actions: int, *, width: int = 64) -> None:
        super().__init__(state_size, num_actions)
        self.body = nn.Sequential(
            nn.Linear(3 * state_size, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.policy = nn.Linear(width, num_actions)
        self.value_out = nn.Linear(width, 1)
        nn.init.zeros_(self.policy.weight)

    def logits_and_value(self, state: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(functional.one_hot(state.long(), 3).flatten(1).float())
        return self.policy(features), torch.tanh(self.value_out(features)).squeeze(-1)


SETTINGS = TrainingConfig(
    num_steps=16,
    gamma=0.99,
    gae_lambda=0.9,
    learning_rate=5e-3,
    # Both sides are the same network: without much entropy all games become one line of play, and
    # the random player leaves that line.
    ent_coef=0.1,
    update_epochs=2,
    ply_share=1.0,
    num_minibatches=4,
)


def new_agent(seed: int, settings: TrainingConfig = SETTINGS) -> PPOAgent:
    """An untrained agent; weights and random stream follow from the seed."""
    torch.manual_seed(seed)
    network = build_network("tic_tac_toe", state_size=CELLS, num_actions=CELLS)
    return PPOAgent(network, settings, device="cpu", seed=seed)


class SelfPlay:
    """An agent, its games and its buffer."""

    def __init__(self, agent: PPOAgent, num_envs: int = 256) -> None:
        self.agent = agent
        self.env = TicTacToe(num_envs)
        steps = agent.config.num_steps
        self.buffer = ExperienceBuffer(steps, num_envs, CELLS, MASK_BYTES, "cpu")

    def update(self) -> dict[str, float]:
        """Play one rollout and learn from it."""
        self.fill()
        metrics = self.agent.learn(self.buffer, progress=0.0)
        self.buffer.clear()
        return metrics

    def fill(self) -> None:
        """Play one rollout and finish it."""
        config = self.agent.config
        never = torch.zeros(self.buffer.num_envs, dtype=torch.bool)
        while not self.buffer.full:
            state, mask_bits = self.env.observe()
            actions, log_probs, values = self.agent.act(state, mask_bits)
            rewards, ended = self.env.step(actions.numpy())
            self.buffer.add(
                state,
                mask_bits,
                actions,
                log_probs,
                values,
                torch.from_numpy(rewards),
                torch.from_numpy(ended),
                never,
                torch.zeros_like(values),
            )
        last_values = self.agent.value(self.env.observe()[0])
        self.buffer.finish(last_values, config.gamma, config.gae_lambda)


def score_against_random(agent: PPOAgent, num_games: int, seed: int) -> tuple[float, float, float]:
    """Shares of wins, draws and losses of the sampling agent, half of the games moving second."""
    rng = np.random.default_rng(seed)
    env = TicTacToe(num_games)
    agent_moves = np.arange(num_games) % 2 == 0
    unfinished = np.ones(num_games, dtype=bool)
    wins = losses = 0
    while unfinished.any():
        state, mask_bits = env.observe()
        actions = agent.act(state, mask_bits)[0].numpy()
        guesses = np.where(env.boards == 0, rng.random(env.boards.shape), -1.0).argmax(1)
        rewards, ended = env.step(np.where(agent_moves, actions, guesses))
        decided = unfinished & (rewards > 0)
        wins += int((decided & agent_moves).sum())
        losses += int((decided & ~agent_moves).sum())
        unfinished &= ~ended
        agent_moves = ~agent_moves
    draws = num_games - wins - losses
    return wins / num_games, draws / num_games, losses / num_games
