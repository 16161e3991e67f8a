"""One game of shogi as a Gymnasium ``Env``, for libraries that vectorise themselves."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from keisei.games.board import Board
from keisei.vec.env import ShogiVectorEnv


class ShogiEnv(gym.Env[Any, Any]):
    """One game; both players act through the same step.

    Observations, actions and rewards are those of ``ShogiVectorEnv`` without the first axis.

    Args:
        **options: As for ``ShogiVectorEnv``, save num_envs, autoreset_mode and copy.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 1}  # noqa: RUF012 (its form)

    def __init__(self, **options: Any) -> None:
        self._games = ShogiVectorEnv(1, autoreset_mode="Disabled", **options)
        self._begun = False
        self.render_mode = self._games.render_mode
        games: Any = self._games
        self.observation_space = games.single_observation_space
        self.action_space = games.single_action_space

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 (there are none)
    ) -> tuple[Any, dict[str, Any]]:
        """Begin a game and return its first observation.

        The first reset and one with a seed begin at the first start position, each other one at
        the next.
        """
        super().reset(seed=seed)
        going_on = self._begun and seed is None
        obs, _ = self._games.reset(
            seed=seed, options={"reset_mask": np.ones(1, np.bool_)} if going_on else None
        )
        self._begun = True
        return _first(obs), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one action.

        Raises:
            IllegalActionError: When the action is not legal; the game is then unchanged.
            ValueError: When it is no whole number.
            gymnasium.error.ResetNeeded: Before the first reset and after the game's end.
        """
        obs, rewards, terminations, truncations, infos = self._games.step([action])
        final = infos.get("final_info", {})
        info = {name: value[0] for name, value in final.items() if not name.startswith("_")}
        return (
            _first(obs),
            float(rewards[0]),
            bool(terminations[0]),
            bool(truncations[0]),
            info,
        )

    def action_masks(self) -> NDArray[np.bool_]:
        """Legal actions of the player to move, bool [2187], True = legal."""
        return self._games.action_masks()[0]

    def board(self) -> Board:
        """The game as a Board, with its history; moves from before cannot be taken back."""
        return self._games.board(0)

    def render(self) -> Any:
        """The game as text (mode "ansi") or picture (mode "rgb_array"), else None."""
        frames = self._games.render()
        return None if frames is None else frames[0]

    def close(self) -> None:
        """Close the game."""
        self._games.close()


def _first(obs: Any) -> Any:
    """The observation of game 0."""
    if isinstance(obs, dict):
        return {name: array[0] for name, array in obs.items()}  # pyright: ignore[reportUnknownVariableType]
    return obs[0]
