"""Players for matches: anything that picks one legal action for each of many positions."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.evaluation.positions import Positions
from keisei.rl.networks import PolicyValueNet
from keisei.shogi.constants import EMPTY, NUM_ACTIONS, OTHER_SIDE
from keisei.shogi.features import BOARD, STATE_SIZE
from keisei.vec.observation import ENEMY_PLANES, HAND_PLANES, NUM_PLANES


class Player(Protocol):
    """Picks actions for a batch of positions; it keeps its own random state."""

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Pick one legal action for each of n positions; n may differ from call to call.

        Returns:
            int64 [n], legal action labels 0..2186 in the mover's view, or in their place the number
            of a ``Forfeit`` by which the player loses the game.
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

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Pick uniformly among the legal actions of each of n positions.

        Returns:
            int64 [n], legal action labels.

        Raises:
            ValueError: A position has no legal action.
        """
        mask_bits = positions.mask_bits
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


class CallablePlayer:
    """Plays what a function of the observations answers.

    It lets a policy of another library play: the function gets what ``ShogiVectorEnv`` with
    ``obs="dict"`` shows.
    """

    def __init__(self, policy: Callable[[dict[str, NDArray[Any]]], Any]) -> None:
        """Take the policy.

        Args:
            policy: Gets {"observation": uint8 [n, 47, 9, 9], "action_mask": int8 [n, 2187]} and
                returns legal action labels, whole numbers [n].
        """
        self._policy = policy

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Ask the policy for an action in each of n positions.

        Returns:
            int64 [n], the policy's answers.

        Raises:
            ValueError: The answer is not one whole number a position.
        """
        mask = np.unpackbits(positions.mask_bits, axis=1, count=NUM_ACTIONS, bitorder="little")
        observations = {
            "observation": planes_of(positions.state),
            "action_mask": mask.view(np.int8),
        }
        actions = np.asarray(self._policy(observations))
        if actions.shape != (len(positions),) or actions.dtype.kind not in "iu":
            raise ValueError(
                f"the policy answered {actions.dtype} {actions.shape} to {len(positions)} "
                f"positions; it has to answer whole numbers of shape ({len(positions)},)"
            )
        return actions.astype(np.int64)


def planes_of(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The planes uint8 [n, 47, 9, 9] of compact states uint8 [n, 100], as in docs/spec.md."""
    planes = np.zeros((len(state), NUM_PLANES, 81), np.uint8)
    rows, squares = np.nonzero(state[:, BOARD] != EMPTY)
    codes = state[rows, squares].astype(np.int64)
    enemy = codes >= OTHER_SIDE
    planes[rows, np.where(enemy, codes - OTHER_SIDE + ENEMY_PLANES, codes) - 1, squares] = 1
    planes[:, HAND_PLANES:] = state[:, BOARD.stop : STATE_SIZE, None]
    return planes.reshape(-1, NUM_PLANES, 9, 9)
