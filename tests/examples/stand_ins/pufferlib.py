"""What examples/pufferlib_env.py uses of PufferLib 3, whose pins exclude those of this project."""

from typing import Any

import numpy as np


class PufferEnv:
    """Allocates the arrays that an environment writes into, as PufferLib does."""

    single_observation_space: Any
    single_action_space: Any
    num_agents: int

    def __init__(self, buf: Any = None) -> None:
        assert buf is None
        space = self.single_observation_space
        self.observations = np.zeros((self.num_agents, *space.shape), space.dtype)
        self.rewards = np.zeros(self.num_agents, np.float32)
        self.terminals = np.zeros(self.num_agents, np.bool_)
        self.truncations = np.zeros(self.num_agents, np.bool_)
        self.masks = np.ones(self.num_agents, np.bool_)
