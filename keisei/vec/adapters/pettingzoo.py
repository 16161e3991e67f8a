"""One game as a PettingZoo AEC environment: two agents that move in turn."""

# pyright: reportMissingTypeStubs=false
# (PettingZoo is annotated but does not say so.)

from typing import Any

import gymnasium as gym
from pettingzoo import AECEnv

from keisei.vec.single import ShogiEnv
from keisei.vec.turning import turn_observation

PLAYERS = ("player_0", "player_1")
"""Agents; player_0 is Black and, from the usual start, moves first."""


class ShogiAEC(AECEnv[str, Any, Any]):
    """Shogi for PettingZoo.

    The agent to move sees the position as in ``ShogiVectorEnv``. The one that waits sees it from
    its own side, out of check and with a mask of zeros. A decided game gives +1 to the winner and
    -1 to the loser, all else 0; at the ply cap both agents are truncated.

    Args:
        **options: As for ``ShogiEnv``; ``obs`` is "dict" by default, whose "action_mask" is where
            PettingZoo's programs look for the mask.

    Raises:
        ValueError: When an option is out of range.

    Examples:
        >>> env = ShogiAEC()
        >>> env.reset(seed=1)
        >>> obs, reward, termination, truncation, info = env.last()
        >>> env.agent_selection, int(obs["action_mask"].sum())
        ('player_0', 30)
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._game = ShogiEnv(**options)
        self.metadata = self._game.metadata | {
            "name": "keisei_shogi_v0",
            "is_parallelizable": False,
        }
        self.render_mode = self._game.render_mode
        self.possible_agents = list(PLAYERS)
        self.observation_spaces = dict.fromkeys(PLAYERS, self._game.observation_space)
        self.action_spaces = dict.fromkeys(PLAYERS, self._game.action_space)

    def observation_space(self, agent: str) -> gym.Space[Any]:
        """The space of an agent's observations, the same for both."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gym.Space[Any]:
        """The space of an agent's actions, the same for both."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a game; there are no options."""
        self._obs, _ = self._game.reset(seed=seed, options=options)
        self.agents = list(PLAYERS)
        self.agent_selection = PLAYERS[self._game.board().turn]
        self._mover = self.agent_selection
        self.rewards = dict.fromkeys(PLAYERS, 0.0)
        self._cumulative_rewards = dict.fromkeys(PLAYERS, 0.0)
        self.terminations = dict.fromkeys(PLAYERS, False)
        self.truncations = dict.fromkeys(PLAYERS, False)
        self.infos = {player: {} for player in PLAYERS}

    def observe(self, agent: str) -> Any:
        """What an agent sees: the position from its own side."""
        return self._obs if agent == self._mover else turn_observation(self._obs)

    def step(self, action: Any) -> None:
        """Play the action of the agent whose turn it is; None once the game is over.

        Raises:
            IllegalActionError: When the action is not legal; the game is then unchanged.
        """
        mover = self.agent_selection
        if self.terminations[mover] or self.truncations[mover]:
            self._was_dead_step(action)
            return
        self._obs, reward, terminated, truncated, info = self._game.step(action)
        waiting = PLAYERS[1 - PLAYERS.index(mover)]
        self._cumulative_rewards[mover] = 0.0
        self.rewards = {mover: reward, waiting: -reward}
        self.terminations = dict.fromkeys(PLAYERS, terminated)
        self.truncations = dict.fromkeys(PLAYERS, truncated)
        self.infos = {player: dict(info) for player in PLAYERS}
        self._mover = self.agent_selection = waiting
        self._accumulate_rewards()

    def render(self) -> Any:
        """The game as in ``ShogiEnv.render``."""
        return self._game.render()

    def close(self) -> None:
        """Close the game."""
        self._game.close()
