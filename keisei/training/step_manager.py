"""One vector step of all N games, and what is carried from one step to the next.

The games are played in one part, or in two that take turns: while the host steps one of them, the
device already chooses the moves of the other. Letters: N games, P games of a part, K state bytes, M
mask bytes. Nothing here runs Python per game, except for the few games that the ply cap cuts off in
a step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.games.mates_in_one import NO_MATE
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.transfer import Download, upload
from keisei.shogi.features import TO_MOVE
from keisei.training.game_statistics import GameStatistics
from keisei.training.metrics_manager import MetricsManager
from keisei.training.seating import Seating
from keisei.vec import ShogiVectorEnv


@dataclass
class EpisodeState:
    """The positions that are to be played next, on the training device."""

    state: Tensor
    """uint8[N, K], compact states, each in the view of the player to move."""
    mask_bits: Tensor
    """uint8[N, M], packed legal actions: bit set = legal."""


@dataclass
class _Choice:
    """The moves that are to be made in a part's positions, on the training device."""

    actions: Tensor
    """int64[P]."""
    log_probs: Tensor
    """float32[P]."""
    values: Tensor
    """float32[P]."""
    loss_mask: Tensor | None
    """bool[P] on the CPU, True where the learner chose; None where it chose all."""
    mates: Tensor
    """bool[P], the action is a mate that was looked for."""
    arriving: Download
    """The actions on their way to the host."""


@dataclass
class _Part:
    """Games that are stepped together."""

    env: ShogiVectorEnv
    games: slice
    """Their place among all N."""
    episode: EpisodeState
    to_move: NDArray[np.uint8]
    """uint8[P], BLACK or WHITE; empty when nobody asks."""
    choice: _Choice | None = None
    """None while no move has been chosen."""


class StepManager:
    """Plays all games one ply further and stores what the learner needs of it."""

    def __init__(
        self,
        envs: Sequence[ShogiVectorEnv],
        agent: PPOAgent,
        buffer: ExperienceBuffer,
        metrics: MetricsManager,
        device: torch.device,
        seating: Seating | None = None,
        *,
        finds_mates: bool = False,
    ) -> None:
        """Take collaborators; ``start`` or ``load_state_dict`` comes before the first step.

        Args:
            envs: One environment, or several that take turns, which together play the N games.
            agent: The learner.
            buffer: Takes what is played.
            metrics: Takes times and results.
            device: Where the agent is.
            seating: Says who moves; without it the learner moves on both sides of all games.
            finds_mates: Whether the learner plays each mate in one that there is.
        """
        self._envs = envs
        self._agent = agent
        self._buffer = buffer
        self._metrics = metrics
        self._statistics: GameStatistics = metrics.statistics
        self._device = device
        self._seating = seating
        self._finds_mates = finds_mates
        self._parts: list[_Part] = []

    @property
    def episode(self) -> EpisodeState:
        """The positions of all games that are to be played next.

        Raises:
            RuntimeError: No game has begun.
        """
        if not self._parts:
            raise RuntimeError("no game has begun: call start or load_state_dict first")
        episodes = [part.episode for part in self._parts]
        return EpisodeState(
            _joined([episode.state for episode in episodes]),
            _joined([episode.mask_bits for episode in episodes]),
        )

    def start(self, seed: int) -> None:
        """Begin all games anew; game i gets the seed ``seed + i``, in whatever parts they are."""
        begun = 0
        self._parts = []
        for env in self._envs:
            obs, _ = env.reset(seed=seed + begun)
            self._add_part(env, cast(dict[str, NDArray[np.uint8]], obs))
            begun += env.num_envs
        if self._seating is not None:
            self._seating.begin(np.arange(begun))

    def step(self) -> None:
        """Play one ply in every game: act, step, store; count the games that ended.

        Rewards and values belong to the player who moves in this step; all values are the
        learner's, also where another player moves. Between steps of a rollout the moves of parts
        that take turns are already being chosen; never beyond its end, for the next rollout is
        played by other weights.
        """
        if not self._parts:
            raise RuntimeError("no game has begun: call start or load_state_dict first")
        goes_on = len(self._parts) > 1 and self._buffer.ptr + 1 < self._buffer.num_steps
        for place, part in enumerate(self._parts):
            self._choose(place, part)
        rows: list[list[Tensor]] = []
        loss_masks: list[Tensor] = []
        mates: list[Tensor] = []
        for place, part in enumerate(self._parts):
            choice = cast(_Choice, part.choice)
            part.choice = None
            rows.append(self._play(part, choice))
            mates.append(choice.mates)
            if choice.loss_mask is not None:
                loss_masks.append(choice.loss_mask)
            if goes_on:
                self._choose(place, part)
        with self._metrics.phase("store"):
            columns = [_joined(column) for column in zip(*rows, strict=True)]
            loss_mask = _joined(loss_masks) if loss_masks else None
            self._buffer.add(*columns, loss_mask=loss_mask, mates=_joined(mates))
        self._metrics.count_step(self._parts[-1].games.stop)

    def _choose(self, place: int, part: _Part) -> None:
        """Let the moves of a part be chosen, if they are not yet."""
        if part.choice is not None:
            return
        with self._metrics.phase("act"):
            state, mask_bits = part.episode.state, part.episode.mask_bits
            actions, log_probs, values = self._agent.act(state, mask_bits)
            actions, mates = self._with_mates(part, actions)
            loss_mask: Tensor | None = None
            if self._seating is not None:
                loss_mask = self._seating.move(actions, state, mask_bits, part.to_move, place)
            part.choice = _Choice(actions, log_probs, values, loss_mask, mates, Download(actions))

    def _with_mates(self, part: _Part, actions: Tensor) -> tuple[Tensor, Tensor]:
        """The learner's actions int64[P] with mates in their places, and where they are bool[P]."""
        if not self._finds_mates:
            return actions, torch.zeros_like(actions, dtype=torch.bool)
        mates = upload(part.env.mates_in_one(), self._device)
        is_mate = mates != NO_MATE
        return torch.where(is_mate, mates, actions), is_mate

    def _play(self, part: _Part, choice: _Choice) -> list[Tensor]:
        """Make the chosen moves of a part; what the buffer's ``add`` takes, in its order."""
        before = part.episode
        with self._metrics.phase("act"):
            actions = choice.arriving.wait()
        with self._metrics.phase("env"):
            obs, rewards, terminated, truncated, infos = part.env.step(actions)
        with self._metrics.phase("store"):
            self._carry(part, cast(dict[str, NDArray[np.uint8]], obs))
            if terminated.any() or truncated.any():
                self._count_ends(part, infos["final_info"], terminated | truncated)
            return [
                before.state,
                before.mask_bits,
                choice.actions,
                choice.log_probs,
                choice.values,
                upload(rewards, self._device),
                upload(terminated, self._device),
                upload(truncated, self._device),
                self._final_values(infos, truncated),
            ]

    def _add_part(self, env: ShogiVectorEnv, obs: dict[str, NDArray[np.uint8]]) -> None:
        begin = self._parts[-1].games.stop if self._parts else 0
        nothing = EpisodeState(torch.empty(0), torch.empty(0))
        part = _Part(env, slice(begin, begin + env.num_envs), nothing, np.zeros(0, np.uint8))
        self._carry(part, obs)
        self._parts.append(part)

    def _carry(self, part: _Part, obs: dict[str, NDArray[np.uint8]]) -> None:
        """Copy the environment's arrays, which its next step overwrites in place."""
        if self._seating is not None:
            part.to_move = obs["state"][:, TO_MOVE].copy()
        part.episode = EpisodeState(
            upload(obs["state"], self._device), upload(obs["action_mask_bits"], self._device)
        )

    def _count_ends(
        self, part: _Part, final_info: Mapping[str, NDArray[Any]], ended: NDArray[np.bool_]
    ) -> None:
        self._statistics.count(
            final_info["termination"][ended],
            final_info["winner"][ended],
            final_info["plies"][ended],
        )
        if self._seating is not None:
            games = part.games.start + np.flatnonzero(ended)
            self._seating.end(games, final_info["winner"][ended])

    def _final_values(self, infos: Mapping[str, Any], truncated: NDArray[np.bool_]) -> Tensor:
        """Values float32[P] of truncated games' final positions to their movers, 0 elsewhere."""
        final_values = torch.zeros(len(truncated), dtype=torch.float32, device=self._device)
        rows = np.flatnonzero(truncated)
        if len(rows):
            final_obs = infos["final_obs"]
            states = np.stack([final_obs[row]["state"] for row in rows])
            values = self._agent.value(upload(states, self._device))
            final_values[upload(rows, self._device)] = values
        return final_values

    def state_dict(self) -> dict[str, Tensor]:
        """What is carried to the next step, on the CPU; moves that are already chosen are, too."""
        episode = self.episode
        carried = {"state": episode.state, "mask_bits": episode.mask_bits}
        choices = [part.choice for part in self._parts if part.choice is not None]
        if choices:
            for name in ("actions", "log_probs", "values", "loss_mask", "mates"):
                column = [getattr(choice, name) for choice in choices]
                if column[0] is not None:
                    carried["learned" if name == "loss_mask" else name] = _joined(column)
        return {name: tensor.cpu() for name, tensor in carried.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from ``state_dict()``; the environments are restored by their owner.

        The parts may be others than those that the state was saved with.
        """
        self._parts = []
        for env in self._envs:
            begin = self._parts[-1].games.stop if self._parts else 0
            games = slice(begin, begin + env.num_envs)
            obs = {
                "state": state["state"][games].numpy(),
                "action_mask_bits": state["mask_bits"][games].numpy(),
            }
            self._add_part(env, obs)
            if "actions" in state:
                actions, log_probs, values = (
                    state[name][games].to(self._device)
                    for name in ("actions", "log_probs", "values")
                )
                loss_mask = state["learned"][games] if "learned" in state else None
                mates = torch.zeros_like(actions, dtype=torch.bool)
                if "mates" in state:
                    mates = state["mates"][games].to(self._device)
                self._parts[-1].choice = _Choice(
                    actions, log_probs, values, loss_mask, mates, Download(actions)
                )


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """The tensors of all parts as one; that of a single part itself."""
    return parts[0] if len(parts) == 1 else torch.cat(tuple(parts))
