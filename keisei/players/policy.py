"""A network as a player."""

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.players.positions import Positions
from keisei.rl.networks import PolicyValueNet


class PolicyPlayer:
    """Plays the moves of a network: sampled from its policy, or the most probable one.

    Sampling draws on the player's own random stream, so a match in the middle of a run leaves the
    random state of the learning agent untouched.
    """

    def __init__(
        self,
        network: PolicyValueNet,
        *,
        deterministic: bool = False,
        device: torch.device | str = "cpu",
        seed: int = 0,
    ) -> None:
        self._network = network
        self._deterministic = deterministic
        self._device = torch.device(device)
        self._rng = np.random.default_rng(seed)

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Pick an action of the policy for each of n positions.

        Returns:
            int64 [n], legal action labels.
        """
        state, mask_bits = positions.state, positions.mask_bits
        uniforms = self._rng.random(len(state), dtype=np.float32)
        with torch.no_grad():
            actions, _, _ = self._network.act(
                torch.as_tensor(state).to(self._device),
                torch.as_tensor(mask_bits).to(self._device),
                torch.as_tensor(uniforms).to(self._device),
                deterministic=self._deterministic,
            )
        return actions.cpu().numpy()
