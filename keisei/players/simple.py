"""Players that need no network: chance, and any function of the observations."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.players.positions import Positions
from keisei.shogi.constants import EMPTY, NUM_ACTIONS, OTHER_SIDE
from keisei.shogi.features import BOARD, STATE_SIZE
from keisei.vec.observation import ENEMY_PLANES, HAND_PLANES, NUM_PLANES


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
