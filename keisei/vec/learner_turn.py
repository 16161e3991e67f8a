"""What one turn of a learner brings, whoever ended the games."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.constants import Termination
from keisei.vec.seats import DrawnSeats
from keisei.vec.turning import colours_to_move, turn_observation


class LearnerTurn:
    """What one turn of the learner, with the replies to it, has brought.

    Attributes:
        rewards: float32 [N], the learner's.
        terminations: bool [N].
        truncations: bool [N].
        final_obs: object [N], last observations of the games that ended, None for the others; None
            altogether where the environment gives none.
        final_info: Arrays [N] of what the ends say.
    """

    def __init__(self, num_envs: int) -> None:
        self.rewards = np.zeros(num_envs, np.float32)
        self.terminations = np.zeros(num_envs, np.bool_)
        self.truncations = np.zeros(num_envs, np.bool_)
        self.final_obs: NDArray[Any] | None = None
        self.final_info: dict[str, NDArray[Any]] = {
            "termination": np.zeros(num_envs, np.uint8),
            "winner": np.full(num_envs, -1, np.int8),
            "plies": np.zeros(num_envs, np.int32),
            "seat": np.zeros(num_envs, np.int8),
            "result": np.zeros(num_envs, np.int8),
            "opponent": np.zeros(num_envs, np.int64),
        }

    def enter(
        self,
        ended: NDArray[np.bool_],
        rewards: NDArray[np.float32],
        infos: dict[str, Any],
        seats: DrawnSeats,
    ) -> None:
        """Enter the ends of games, if any has ended.

        Args:
            ended: bool [N], True = the game ended.
            rewards: float32 [N], the learner's.
            infos: The environment's.
            seats: Of the games that ended.
        """
        if not ended.any():
            return
        final = infos["final_info"]
        truncated = final["termination"] == Termination.MAX_PLIES
        self.rewards[ended] = rewards[ended]
        self.truncations |= ended & truncated
        self.terminations |= ended & ~truncated
        told = {name: final[name] for name in ("termination", "winner", "plies")}
        told |= {"seat": seats.colours, "result": rewards, "opponent": seats.opponents}
        for name, array in told.items():
            self.final_info[name][ended] = array[ended]
        if "final_obs" not in infos:
            return
        if self.final_obs is None:
            self.final_obs = np.full(len(ended), None, dtype=object)
        for game in np.flatnonzero(ended):
            last = infos["final_obs"][game]
            by_learner = colours_to_move(last) != seats.colours[game]
            self.final_obs[game] = turn_observation(last) if by_learner else last

    def infos(self) -> dict[str, Any]:
        """Infos in Gymnasium's form; empty when no game ended."""
        ended = self.terminations | self.truncations
        if not ended.any():
            return {}
        final_info = self.final_info | {"_" + name: ended.copy() for name in self.final_info}
        infos: dict[str, Any] = {"final_info": final_info, "_final_info": ended.copy()}
        if self.final_obs is not None:
            infos |= {"final_obs": self.final_obs, "_final_obs": ended}
        return infos
