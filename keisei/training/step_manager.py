"""One vector step of all N games, and what is carried from one step to the next.

Letters: N games, K state bytes, M mask bytes. Nothing here runs Python per game, except for the
few games that the ply cap cuts off in a step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ppo_agent import PPOAgent
from keisei.shogi.features import TO_MOVE
from keisei.training.metrics_manager import GameStatistics, MetricsManager
from keisei.training.seating import Seating
from keisei.vec import ShogiVectorEnv


@dataclass
class EpisodeState:
    """The positions that are to be played next, on the training device."""

    state: Tensor
    """uint8[N, K], compact states, each in the view of the player to move."""
    mask_bits: Tensor
    """uint8[N, M], packed legal actions: bit set = legal."""

    def state_dict(self) -> dict[str, Tensor]:
        """Both arrays on the CPU."""
        return {"state": self.state.cpu(), "mask_bits": self.mask_bits.cpu()}


class StepManager:
    """Plays all games one ply further and stores what the learner needs of it."""

    def __init__(
        self,
        env: ShogiVectorEnv,
        agent: PPOAgent,
        buffer: ExperienceBuffer,
        metrics: MetricsManager,
        device: torch.device,
        seating: Seating | None = None,
    ) -> None:
        """Take collaborators; ``start`` or ``load_state_dict`` comes before the first step.

        Without a ``seating`` the learner moves on both sides of all games.
        """
        self._env = env
        self._agent = agent
        self._buffer = buffer
        self._metrics = metrics
        self._statistics: GameStatistics = metrics.statistics
        self._device = device
        self._seating = seating
        self._episode: EpisodeState | None = None
        self._to_move = np.zeros(0, np.uint8)

    @property
    def episode(self) -> EpisodeState:
        """The positions that are to be played next.

        Raises:
            RuntimeError: No game has begun.
        """
        if self._episode is None:
            raise RuntimeError("no game has begun: call start or load_state_dict first")
        return self._episode

    def start(self, seed: int) -> None:
        """Begin all games anew."""
        obs, _ = self._env.reset(seed=seed)
        if self._seating is not None:
            self._seating.begin(np.arange(self._env.num_envs))
        self._episode = self._carry(obs)

    def step(self) -> None:
        """Play one ply in every game: act, step, store; count the games that ended.

        Rewards and values belong to the player who moves in this step; all values are the
        learner's, also where another player moves.
        """
        episode = self.episode
        learned: Tensor | None = None
        with self._metrics.phase("act"):
            actions, log_probs, values = self._agent.act(episode.state, episode.mask_bits)
            if self._seating is not None:
                state, mask_bits = episode.state, episode.mask_bits
                learned = self._seating.move(actions, state, mask_bits, self._to_move)
            host_actions = actions.cpu().numpy()
        with self._metrics.phase("env"):
            obs, rewards, terminated, truncated, infos = self._env.step(host_actions)
        with self._metrics.phase("store"):
            self._episode = self._carry(obs)
            if terminated.any() or truncated.any():
                self._count_ends(infos["final_info"], terminated | truncated)
            self._buffer.add(
                episode.state,
                episode.mask_bits,
                actions,
                log_probs,
                values,
                torch.as_tensor(rewards).to(self._device),
                torch.as_tensor(terminated).to(self._device),
                torch.as_tensor(truncated).to(self._device),
                self._final_values(infos, truncated),
                learned,
            )
        self._metrics.count_step(len(host_actions))

    def _carry(self, obs: object) -> EpisodeState:
        """Copies of the environment's arrays, which the next step overwrites in place."""
        arrays = cast(dict[str, NDArray[np.uint8]], obs)
        if self._seating is not None:
            self._to_move = arrays["state"][:, TO_MOVE].copy()
        return EpisodeState(
            state=torch.as_tensor(arrays["state"]).to(self._device, copy=True),
            mask_bits=torch.as_tensor(arrays["action_mask_bits"]).to(self._device, copy=True),
        )

    def _count_ends(self, final_info: Mapping[str, NDArray[Any]], ended: NDArray[np.bool_]) -> None:
        self._statistics.count(
            final_info["termination"][ended],
            final_info["winner"][ended],
            final_info["plies"][ended],
        )
        if self._seating is not None:
            self._seating.end(np.flatnonzero(ended), final_info["winner"][ended])

    def _final_values(self, infos: Mapping[str, Any], truncated: NDArray[np.bool_]) -> Tensor:
        """Values float32[N] of truncated games' final positions to their movers, 0 elsewhere."""
        final_values = torch.zeros(len(truncated), dtype=torch.float32, device=self._device)
        rows = np.flatnonzero(truncated)
        if len(rows):
            final_obs = infos["final_obs"]
            states = np.stack([final_obs[row]["state"] for row in rows])
            values = self._agent.value(torch.as_tensor(states).to(self._device))
            final_values[torch.as_tensor(rows).to(self._device)] = values
        return final_values

    def state_dict(self) -> dict[str, Tensor]:
        """What is carried to the next step."""
        return self.episode.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from ``state_dict()``; the environment is restored by its owner."""
        self._episode = EpisodeState(
            state=state["state"].to(self._device), mask_bits=state["mask_bits"].to(self._device)
        )
        if self._seating is not None:
            self._to_move = state["state"][:, TO_MOVE].numpy()
