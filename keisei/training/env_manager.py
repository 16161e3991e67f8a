"""The environments of a run: built, compiled, checked, saved and closed."""

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.config_schema import AppConfig, ConfigError, EnvConfig
from keisei.games.layout import LANES
from keisei.rl.network_base import PolicyValueNet
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.shogi.notation import InvalidSfenError
from keisei.vec import ShogiVectorEnv, saved

_LEAST_GAMES = 1024
"""Fewer are not divided unless that is asked for."""
_BYTES_A_PLY = STATE_SIZE + MASK_BYTES + 40
"""Of a rollout."""
_BYTES_A_GAME = 2000
"""Besides its history and its part of the rollout."""


def divide_games(
    num_envs: int, overlap: Literal["auto", "on", "off"], device_type: str
) -> list[int]:
    """Numbers of games that are stepped together: all N, or two halves in whole blocks.

    Args:
        num_envs: N.
        overlap: As in the settings.
        device_type: "cpu" or "cuda".

    Raises:
        ConfigError: There are too few games to divide.
    """
    is_wanted = device_type != "cpu" and num_envs >= _LEAST_GAMES
    if overlap == "off" or (overlap == "auto" and not is_wanted):
        return [num_envs]
    if num_envs < 2 * LANES:
        raise ConfigError(
            f"training.overlap = 'on' needs env.num_envs of at least {2 * LANES}, not {num_envs}"
        )
    first = round(num_envs / (2 * LANES)) * LANES
    return [first, num_envs - first]


def check_memory(config: AppConfig, num_envs: int) -> None:
    """Refuse games and rollouts that this machine has no memory for, before it is asked for.

    Args:
        config: Settings of the run.
        num_envs: Games of this process.

    Raises:
        ConfigError: They need more than there is.
    """
    plies, steps = config.env.max_plies, config.training.num_steps
    needed = num_envs * (8 * plies + _BYTES_A_GAME + steps * _BYTES_A_PLY)
    there_is = memory_there_is()
    if needed > there_is:
        raise ConfigError(
            f"env.num_envs = {config.env.num_envs} with env.max_plies = {plies} and "
            f"training.num_steps = {steps} needs {needed / 1e9:.1f} GB and there are "
            f"{there_is / 1e9:.1f} GB; lower one of them"
        )


def memory_there_is() -> int:
    """Bytes of memory that this machine has, or that a container allows its processes."""
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        text = "max"
    allowed = int(text) if text.isdecimal() else sys.maxsize
    return min(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), allowed)


class EnvManager:
    """Owns the N games that a run plays, in one environment or in two that take turns."""

    def __init__(
        self, config: EnvConfig, logger: logging.Logger, sizes: Sequence[int] | None = None
    ) -> None:
        """Build the environments and make sure that their kernels are compiled.

        Args:
            config: How the games are.
            logger: Told when kernels are compiled.
            sizes: Games of each environment (``divide_games``); None for all in one.

        Raises:
            ConfigError: A start position of ``initial_sfens`` is not usable.
        """
        self._logger = logger
        self._begin = time.perf_counter()
        try:
            self.envs = tuple(
                ShogiVectorEnv(
                    size,
                    max_plies=config.max_plies,
                    obs="compact",
                    autoreset_mode="SameStep",
                    declaration=config.declaration,
                    num_threads=config.num_threads,
                    initial_sfens=config.initial_sfens or None,
                    copy=False,
                )
                for size in sizes or [config.num_envs]
            )
        except InvalidSfenError as error:
            raise ConfigError(f"env.initial_sfens: {error}") from error
        except ValueError as error:
            # Its sentences begin with the name of the setting.
            raise ConfigError(f"env.{error}") from error

    def warm_up(self, network: PolicyValueNet, device: torch.device) -> None:
        """Compile what is not in the cache yet, on games of their own, and say when it is done.

        The network plays them and is taken through one backward pass, for it may have kernels,
        too. Its weights and all random streams stay as they are.
        """
        games = cast(Any, ShogiVectorEnv(2, max_plies=2, obs="compact"))
        obs, _ = games.reset(seed=0)
        games.sample_actions()
        network.remember(2)
        for _ in range(2):
            games.mates_in_one()
            state, mask_bits = (
                torch.as_tensor(obs[name]).to(device) for name in ("state", "action_mask_bits")
            )
            middle = torch.full((2,), 0.5, device=device)
            with torch.no_grad():
                actions, _, _ = network.act(state, mask_bits, middle, deterministic=False)
                network.value(state)
            log_probs, entropies, values = network(state, mask_bits, actions)
            (log_probs + entropies + values).sum().backward()
            obs, *_ = games.step(actions.cpu().numpy())
        network.zero_grad(set_to_none=True)
        network.remember(0)
        games.close()
        self._logger.info("Kernels are ready after %.1f s", time.perf_counter() - self._begin)

    def check_network(self, network: PolicyValueNet) -> None:
        """Check that a network reads this environment's states and chooses among its actions.

        Raises:
            ConfigError: The sizes differ.
        """
        env = cast(Any, self.envs[0])
        shape, num_actions = env.single_observation_space["state"].shape, env.single_action_space.n
        if (shape, num_actions) != ((network.state_size,), network.num_actions):
            raise ConfigError(
                f"model.network reads states of {network.state_size} bytes with "
                f"{network.num_actions} actions, but the environment has states of shape {shape} "
                f"with {num_actions} actions"
            )

    def state_dict(self) -> dict[str, Tensor]:
        """All games and their random streams, as tensors, however the games are divided."""
        state = saved.join([env.get_state() for env in self.envs])
        return {name: torch.as_tensor(np.array(value)) for name, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Go on with the games of ``state_dict()``, which may have been divided in another way.

        Returns:
            States uint8 [N, K] and packed legal actions uint8 [N, M] of all games; copies.

        Raises:
            ValueError: The games are not as they were saved.
        """
        arrays: dict[str, NDArray[Any]] = {name: value.numpy() for name, value in state.items()}
        parts = saved.divide(arrays, [env.num_envs for env in self.envs])
        seen: list[Any] = [env.set_state(part) for env, part in zip(self.envs, parts, strict=True)]
        states, bits = (
            torch.as_tensor(np.concatenate([each[name] for each in seen]))
            for name in ("state", "action_mask_bits")
        )
        return states, bits

    def close(self) -> None:
        """Close the environments."""
        for env in self.envs:
            env.close()
