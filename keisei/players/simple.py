"""Players that need no network: chance, and any function of the observations."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.observing import NUM_PLANES, write_planes
from keisei.players.player import Player
from keisei.players.positions import Positions
from keisei.shogi.constants import NUM_ACTIONS, NUM_SQUARES
from keisei.shogi.jit import kernel
from keisei.vec import Opponent
from keisei.vec.seats import whole_numbers


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
        offsets, actions = positions.legal_actions()
        return actions[offsets[:-1] + self._rng.integers(0, np.diff(offsets))]


class CallablePlayer:
    """Plays what a function of the observations answers.

    It lets a policy of another library play: the function is asked as an opponent of an
    ``OpponentVectorEnv`` is whose environment has ``obs="dict"``.
    """

    def __init__(self, policy: Opponent) -> None:
        """Take the policy.

        Args:
            policy: Gets {"observation": uint8 [n, 47, 9, 9], "action_mask": int8 [n, 2187]} and the
                masks, bool [n, 2187], and returns legal action labels, whole numbers [n].
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
        planes = np.empty((len(positions), NUM_PLANES * NUM_SQUARES), np.uint8)
        _write_planes(np.ascontiguousarray(positions.state), planes)
        observations = {
            "observation": planes.reshape(-1, NUM_PLANES, 9, 9),
            "action_mask": mask.view(np.int8),
        }
        answer = self._policy(observations, mask.view(np.bool_))
        return whole_numbers("The policy", answer, len(positions)).astype(np.int64)


def as_opponent(player: Player) -> Opponent:
    """A player as an opponent of an ``OpponentVectorEnv`` whose environment has ``obs="compact"``.

    Engines cannot be one, for they need the whole games.

    Examples:
        >>> from keisei.vec import OpponentVectorEnv, ShogiVectorEnv
        >>> opponent = as_opponent(RandomPlayer(seed=1))
        >>> env = OpponentVectorEnv(ShogiVectorEnv(2, obs="compact"), opponent)
    """

    def choose(
        observations: dict[str, NDArray[np.uint8]], _: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        state, mask_bits = observations.values()
        return player.choose(Positions(state, mask_bits))

    return choose


@kernel
def _write_planes(states: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    for row in range(len(states)):
        write_planes(states, row, out, row)
