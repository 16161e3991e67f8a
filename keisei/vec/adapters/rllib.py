"""N games, and a network that obeys their masks, for RLlib's new API stack."""

# pyright: basic, reportMissingImports=false
# (RLlib pins a Gymnasium of its own, so it is not installed where the types are checked.)

from collections.abc import Mapping
from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor, nn

from keisei.games.observing import NUM_PLANES
from keisei.shogi.constants import NUM_ACTIONS, NUM_SQUARES
from keisei.vec.env import ShogiVectorEnv
from keisei.vec.opponent import OpponentVectorEnv

OBS_KEYS = ("observations", "action_mask")
"""Keys of an observation, as RLlib's masking modules name them."""


def make_env(context: Mapping[str, Any]) -> OpponentVectorEnv:
    """The games of an env runner, with an opponent inside the step.

    Register it with ``ray.tune.registry.register_env``, and hand "vector_entry_point" as
    ``gym_env_vectorize_mode`` to ``env_runners``: RLlib then makes one environment of N games.

    Args:
        context: The ``env_config``: "opponent" ("random" if not given) and "seats" as for
            ``OpponentVectorEnv``; all else as for ``ShogiVectorEnv``. RLlib adds "num_envs".

    Raises:
        ValueError: When an option is out of range.
    """
    options = {"dtype": "float32", **context}
    opponent = options.pop("opponent", "random")
    seats = options.pop("seats", "random")
    # RLlib takes the row that follows the end of a game for the reset.
    games = ShogiVectorEnv(**options, obs_keys=OBS_KEYS, autoreset_mode="NextStep")
    return OpponentVectorEnv(games, opponent, seats)


class MaskedRLModule(TorchRLModule, ValueFunctionAPI):
    """Policy over the legal actions and value, for PPO.

    A subclass may replace ``make_network``.
    """

    def setup(self) -> None:
        """Build the network and two heads on its features."""
        self.network, num_features = self.make_network()
        self.policy_head = nn.Linear(num_features, NUM_ACTIONS)
        self.value_head = nn.Linear(num_features, 1)

    def make_network(self) -> tuple[nn.Module, int]:
        """A network from planes float32 [B, 47, 9, 9] in 0..1 to features [B, F], and F."""
        channels, features = 32, 128
        network = nn.Sequential(
            nn.Conv2d(NUM_PLANES, channels, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(channels * NUM_SQUARES, features),
            nn.ReLU(),
        )
        return network, features

    def _forward(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        planes, mask = (batch[Columns.OBS][key] for key in OBS_KEYS)
        features = self.network(planes)
        lowest = torch.finfo(torch.float32).min
        logits = self.policy_head(features).masked_fill(~mask.bool(), lowest)
        return {Columns.ACTION_DIST_INPUTS: logits, Columns.EMBEDDINGS: features}

    def compute_values(self, batch: dict[str, Any], embeddings: Tensor | None = None) -> Tensor:
        """Values float32 [B] of positions to the learner; embeddings are features [B, F]."""
        if embeddings is None:
            embeddings = self.network(batch[Columns.OBS][OBS_KEYS[0]])
        return self.value_head(embeddings).squeeze(-1)
