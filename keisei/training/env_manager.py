"""The environment of a run: built, compiled, checked, saved and closed."""

import logging
import time
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.config_schema import ConfigError, EnvConfig
from keisei.rl.network_base import PolicyValueNet
from keisei.vec import ShogiVectorEnv


class EnvManager:
    """Owns the N games that a run plays."""

    def __init__(self, config: EnvConfig, logger: logging.Logger) -> None:
        """Build the environment and make sure that its kernels are compiled.

        Raises:
            ConfigError: A start position of ``initial_sfens`` is not usable.
        """
        self._logger = logger
        self._begin = time.perf_counter()
        try:
            self.env = ShogiVectorEnv(
                config.num_envs,
                max_plies=config.max_plies,
                obs="compact",
                autoreset_mode="SameStep",
                declaration=config.declaration,
                num_threads=config.num_threads,
                initial_sfens=config.initial_sfens or None,
                copy=False,
            )
        except ValueError as error:
            raise ConfigError(f"env.initial_sfens: {error}") from error

    def warm_up(self, network: PolicyValueNet, device: torch.device) -> None:
        """Compile what is not in the cache yet, on games of their own, and say when it is done.

        The network plays them and is taken through one backward pass, for it may have kernels,
        too. Its weights and all random streams stay as they are.
        """
        games = cast(Any, ShogiVectorEnv(2, max_plies=2, obs="compact"))
        obs, _ = games.reset(seed=0)
        games.sample_actions()
        for _ in range(2):
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
        games.close()
        self._logger.info("Kernels are ready after %.1f s", time.perf_counter() - self._begin)

    def check_network(self, network: PolicyValueNet) -> None:
        """Check that a network reads this environment's states and chooses among its actions.

        Raises:
            ConfigError: The sizes differ.
        """
        env = cast(Any, self.env)
        shape, num_actions = env.single_observation_space["state"].shape, env.single_action_space.n
        if (shape, num_actions) != ((network.state_size,), network.num_actions):
            raise ConfigError(
                f"model.network reads states of {network.state_size} bytes with "
                f"{network.num_actions} actions, but the environment has states of shape {shape} "
                f"with {num_actions} actions"
            )

    def board_text(self) -> str:
        """Game 0 as text: board, hands and last move."""
        return self.env.board_text(0)

    def state_dict(self) -> dict[str, Tensor]:
        """All games and their random streams, as tensors of their own."""
        return {
            name: torch.as_tensor(np.array(value)) for name, value in self.env.get_state().items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with the games of ``state_dict()``."""
        arrays: dict[str, NDArray[Any]] = {name: value.numpy() for name, value in state.items()}
        self.env.set_state(arrays)

    def close(self) -> None:
        """Close the environment."""
        self.env.close()
