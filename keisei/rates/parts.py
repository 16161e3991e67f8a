"""How fast this machine plays, acts and learns."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from keisei.config_schema import AppConfig
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ppo_agent import PPOAgent
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.training.checkpoint import CheckpointFolder
from keisei.training.model_manager import ModelManager, resolve_device
from keisei.vec import ShogiVectorEnv

_PLIES_BEFORE = 40
"""Random plies before the positions that are measured: opening positions have few moves."""


@dataclass(frozen=True)
class Rates:
    """Plies a second of each part of training, measured one after the other."""

    env_compact: float
    """Random legal moves with the compact observation, which training uses."""
    env_dict: float
    """Random legal moves with planes and a dense mask, which other libraries use."""
    act: float
    """Choosing actions with the network."""
    update: float
    """Learning from a full rollout, all epochs included."""

    @property
    def training(self) -> float:
        """What env, act and update give together, each ply passing once through all three."""
        return 1.0 / (1.0 / self.env_compact + 1.0 / self.act + 1.0 / self.update)


def measure(config: AppConfig, seconds: float) -> Rates:
    """Measure each part for about ``seconds``; compiling and first calls do not count.

    Args:
        config: Sizes, network and device.
        seconds: Least time of each measurement.

    Raises:
        ConfigError: The device is absent or the network unknown.
    """
    act, update = measure_network(config, seconds)
    return Rates(
        env_compact=_env_rate(config, seconds, is_compact=True),
        env_dict=_env_rate(config, seconds, is_compact=False),
        act=act,
        update=update,
    )


def measure_network(config: AppConfig, seconds: float) -> tuple[float, float]:
    """Plies a second of choosing moves and of learning, on data that lies on the device.

    Args:
        config: Sizes, network and device.
        seconds: Least time of each measurement.

    Raises:
        ConfigError: The device is absent or the network unknown.
    """
    if config.session.torch_threads is not None:
        torch.set_num_threads(config.session.torch_threads)
    device = resolve_device(config.session.device)
    # The folder is only named: nothing is saved here.
    models = ModelManager(config.model, device, config.session.seed, CheckpointFolder(Path(), 1))
    agent = PPOAgent(models.network, config.training, device=device, seed=config.session.seed)
    models.network.remember((config.training.num_steps + 1) * config.env.num_envs)
    states, masks = _positions(config, device)
    buffer = _full_buffer(config, agent, states, masks)
    plies = config.env.num_envs

    def act() -> int:
        agent.act(states, masks)
        return plies

    def update() -> int:
        agent.learn(buffer, 0.0)
        return buffer.plies

    return _rate(act, seconds, device), _rate(update, seconds, device)


def _rate(work: Callable[[], int], seconds: float, device: torch.device) -> float:
    """Plies a second of a function that returns the plies it handled."""
    work()
    _wait_for(device)
    plies, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        plies += work()
        _wait_for(device)
    return plies / (time.perf_counter() - begin)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _make_env(config: AppConfig, *, is_compact: bool) -> ShogiVectorEnv:
    env = ShogiVectorEnv(
        config.env.num_envs,
        max_plies=config.env.max_plies,
        obs="compact" if is_compact else "dict",
        declaration=config.env.declaration,
        num_threads=config.env.num_threads,
        copy=False,
    )
    env.reset(seed=config.session.seed)
    return env


def _env_rate(config: AppConfig, seconds: float, *, is_compact: bool) -> float:
    """Plies a second of the environment, the choice of random legal moves included."""
    env = _make_env(config, is_compact=is_compact)

    def step() -> int:
        for _ in range(16):
            env.step(env.sample_actions())
        return 16 * config.env.num_envs

    try:
        return _rate(step, seconds, torch.device("cpu"))
    finally:
        env.close()


def _positions(config: AppConfig, device: torch.device) -> tuple[Tensor, Tensor]:
    """States uint8 [N, 100] and packed masks uint8 [N, 274] of games some plies old."""
    env = _make_env(config, is_compact=True)
    obs = env.step(env.sample_actions())[0]
    for _ in range(_PLIES_BEFORE):
        obs = env.step(env.sample_actions())[0]
    states = torch.as_tensor(obs["state"]).to(device, copy=True)
    masks = torch.as_tensor(obs["action_mask_bits"]).to(device, copy=True)
    env.close()
    return states, masks


def _full_buffer(
    config: AppConfig, agent: PPOAgent, states: Tensor, masks: Tensor
) -> ExperienceBuffer:
    """A rollout to learn from: the same positions in each step, with sampled actions."""
    device, num_envs = states.device, config.env.num_envs
    buffer = ExperienceBuffer(config.training.num_steps, num_envs, STATE_SIZE, MASK_BYTES, device)
    nobody = torch.zeros(num_envs, dtype=torch.bool, device=device)
    zeros = torch.zeros(num_envs, device=device)
    while not buffer.full:
        actions, log_probs, values = agent.act(states, masks)
        buffer.add(states, masks, actions, log_probs, values, zeros, nobody, nobody, zeros)
    training = config.training
    buffer.finish(agent.value(states), training.gamma, training.gae_lambda)
    return buffer
