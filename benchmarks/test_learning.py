"""Plies a second of the parts of training, with the default settings: 256 games, 64 steps."""

from dataclasses import dataclass

import pytest
import torch
from conftest import Measurement

from keisei.config_schema import AppConfig
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.networks import build_network
from keisei.rl.ppo_agent import PPOAgent
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.training.game_statistics import GameStatistics
from keisei.training.metrics_manager import MetricsManager
from keisei.training.step_manager import StepManager
from keisei.vec import ShogiVectorEnv

WARM_UP_STEPS = 600
ACTS_A_ROUND = 16

pytestmark = pytest.mark.benchmark(group="embedding network, N = 256, T = 64")


@dataclass
class Parts:
    """What a run is made of, with games in the middle of play."""

    config: AppConfig
    agent: PPOAgent
    buffer: ExperienceBuffer
    steps: StepManager

    def fill(self) -> None:
        """Play and store one rollout in the place of the last one."""
        self.buffer.clear()
        while not self.buffer.full:
            self.steps.step()

    def update(self) -> None:
        """Learn from the stored rollout."""
        self.agent.learn(self.buffer, progress=0.0)

    def finish(self) -> None:
        """Compute the advantages of the stored rollout."""
        training = self.config.training
        values = self.agent.value(self.steps.episode.state)
        self.buffer.finish(values, training.gamma, training.gae_lambda)


@pytest.fixture(scope="module")
def parts() -> Parts:
    torch.set_num_threads(1)
    config = AppConfig()
    device = torch.device("cpu")
    agent = PPOAgent(build_network("embedding"), config.training, device=device, seed=1)
    num_envs, num_steps = config.env.num_envs, config.training.num_steps
    env = ShogiVectorEnv(num_envs, obs="compact", num_threads=1, copy=False)
    buffer = ExperienceBuffer(num_steps, num_envs, STATE_SIZE, MASK_BYTES, device)
    metrics = MetricsManager(config.training.total_timesteps, GameStatistics())
    finds_mates = config.training.mate_coef > 0
    steps = StepManager([env], agent, buffer, metrics, device, finds_mates=finds_mates)
    agent.network.remember((num_steps + 1) * num_envs)
    steps.start(seed=1)
    made = Parts(config, agent, buffer, steps)
    for _ in range(WARM_UP_STEPS // num_steps):
        made.fill()
    return made


def test_act(measure: Measurement, parts: Parts) -> None:
    episode = parts.steps.episode

    def act() -> None:
        for _ in range(ACTS_A_ROUND):
            parts.agent.act(episode.state, episode.mask_bits)

    measure("act", act, amount=ACTS_A_ROUND * parts.config.env.num_envs, unit="positions")


def test_rollout(measure: Measurement, parts: Parts) -> None:
    plies = parts.config.steps_per_epoch
    measure("rollout: act, env, store", parts.fill, amount=plies, unit="plies", rounds=10)


def test_update(measure: Measurement, parts: Parts) -> None:
    parts.fill()
    parts.finish()
    epochs = parts.config.training.update_epochs
    plies = parts.config.steps_per_epoch
    measure(f"update: {epochs} epochs", parts.update, amount=plies, unit="plies", rounds=5)


def test_training(measure: Measurement, parts: Parts) -> None:
    def iterate() -> None:
        parts.fill()
        parts.finish()
        parts.update()

    plies = parts.config.steps_per_epoch
    measure("training: rollout and update", iterate, amount=plies, unit="plies", rounds=5)
