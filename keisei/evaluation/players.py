"""Players for matches: anything that picks one legal action for each of many positions."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.rl.networks import PolicyValueNet


class Player(Protocol):
    """Picks actions for a batch of positions; it keeps its own random state."""

    def choose(self, state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Pick one legal action for each of n positions; n may differ from call to call.

        Args:
            state: uint8 [n, 100], compact states, each from the view of its player to move.
            mask_bits: uint8 [n, 274], packed legal masks, bit 1 = legal.

        Returns:
            int64 [n], legal action labels 0..2186 in the mover's view.
        """
        ...


def _positions_of_set_bits() -> NDArray[np.uint8]:
    """Table uint8 [256, 8]: entry (b, k) is the place of the k-th set bit of byte b."""
    table = np.zeros((256, 8), dtype=np.uint8)
    for byte in range(256):
        places = [place for place in range(8) if byte >> place & 1]
        table[byte, : len(places)] = places
    return table


_SET_BIT = _positions_of_set_bits()


class RandomPlayer:
    """Plays uniformly random legal moves."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def choose(
        self,
        state: NDArray[np.uint8],  # noqa: ARG002 - the protocol's parameter
        mask_bits: NDArray[np.uint8],
    ) -> NDArray[np.int64]:
        """Pick uniformly among the legal actions of each position.

        Args:
            state: uint8 [n, 100], not looked at.
            mask_bits: uint8 [n, 274], packed legal masks, bit 1 = legal.

        Returns:
            int64 [n], legal action labels.

        Raises:
            ValueError: A row has no legal action.
        """
        legal_up_to = np.cumsum(np.bitwise_count(mask_bits), axis=1, dtype=np.int64)
        num_legal = legal_up_to[:, -1]
        if not num_legal.all():
            row = int(np.argmin(num_legal))
            raise ValueError(f"position {row} has no legal action: its game is over")
        rank = self._rng.integers(0, num_legal)
        rows = np.arange(len(mask_bits))
        byte = np.count_nonzero(legal_up_to <= rank[:, None], axis=1)
        rank_in_byte = rank - legal_up_to[rows, byte] + np.bitwise_count(mask_bits[rows, byte])
        return 8 * byte + _SET_BIT[mask_bits[rows, byte], rank_in_byte]


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

    def choose(self, state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Pick an action of the policy for each position.

        Args:
            state: uint8 [n, 100], compact states, each from the view of its player to move.
            mask_bits: uint8 [n, 274], packed legal masks, bit 1 = legal.

        Returns:
            int64 [n], legal action labels.
        """
        uniforms = self._rng.random(len(state), dtype=np.float32)
        with torch.no_grad():
            actions, _, _ = self._network.act(
                torch.as_tensor(state).to(self._device),
                torch.as_tensor(mask_bits).to(self._device),
                torch.as_tensor(uniforms).to(self._device),
                deterministic=self._deterministic,
            )
        return actions.cpu().numpy()
