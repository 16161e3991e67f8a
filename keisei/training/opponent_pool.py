"""Snapshots of the learner that it plays against: who enters, who is drawn, who plays, who leaves.

A *snapshot* is a copy of the learner's weights. The *pool* holds the snapshots. A *slot* is one of
the few networks into which snapshots are loaded to play; new games are spread over the open slots.
All ranks have the same pool: what happens in their games is joined after each update.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.config_schema import OpponentsConfig
from keisei.players.policy import PolicyPlayer
from keisei.rl.network_base import PolicyValueNet
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.ranks import Ranks
from keisei.vec.seats import NOBODY

_LEAST_WEIGHT = 0.02
"""Added to each weight, so that even a snapshot that always loses is met now and then."""
_PRIOR_GAMES = 10.0
"""Games at score 1/2 that each snapshot is thought to have played before its first one."""
_MEMORY_GAMES = 200.0
"""Games that a score remembers; older ones fade, for the learner becomes another player."""


@dataclass
class Snapshot:
    """Earlier weights of the learner, and how the learner fares against them."""

    update: int
    """After which update it was taken."""
    weights: dict[str, Tensor]
    """On the CPU, floats rounded to float16, so that a pool takes half the room in checkpoints."""
    points: float = 0.0
    """The learner's, 1 a win and 1/2 a game without a winner; old games fade."""
    games: float = 0.0
    """Against the learner; old games fade."""

    @classmethod
    def of(cls, network: PolicyValueNet, update: int) -> "Snapshot":
        """A snapshot of a network as it is now."""
        weights = {
            name: tensor.detach().to("cpu", torch.float16, copy=True)
            if tensor.is_floating_point()
            else tensor.detach().to("cpu", copy=True)
            for name, tensor in network.state_dict().items()
        }
        return cls(update, weights)

    @property
    def score(self) -> float:
        """The learner's score against it, in [0, 1], near 1/2 until some games are played."""
        return (self.points + 0.5 * _PRIOR_GAMES) / (self.games + _PRIOR_GAMES)

    def record(self, points: float, games: int) -> None:
        """Add games that ended."""
        self.points += points
        self.games += games
        if self.games > _MEMORY_GAMES:
            self.points *= _MEMORY_GAMES / self.games
            self.games = _MEMORY_GAMES


def draw_weights(scores: Sequence[float], hardness: float) -> NDArray[np.float64]:
    """How often opponents are drawn, float64[S], relative to each other.

    ``(1 - score) ** hardness`` is the weight "hard" of prioritised fictitious self-play (Vinyals
    et al., "Grandmaster level in StarCraft II using multi-agent reinforcement learning", Nature
    575, 2019, methods); a small constant is added.

    Args:
        scores: The learner's score against each, in [0, 1].
        hardness: 0 draws all alike, larger numbers prefer those that the learner loses to.
    """
    return (1.0 - np.asarray(scores, dtype=np.float64)) ** hardness + _LEAST_WEIGHT


@dataclass
class _Recent:
    """What happened in the games of one rank since the last update."""

    begun: list[int]
    """Games begun, by slot."""
    ended: list[tuple[list[int], list[float]]]
    """For each step in which games ended, games and points by slot."""


class OpponentPool:
    """Owns snapshots and slots; games are told to it by their slots, all arrays on the host."""

    def __init__(
        self,
        config: OpponentsConfig,
        agent: PPOAgent,
        generator: torch.Generator,
        ranks: Ranks | None = None,
    ) -> None:
        """Build the slots, all empty.

        Args:
            config: Sizes and rules.
            agent: The learner, whose weights become snapshots.
            generator: On the CPU, shared with and saved by whoever seats the players.
            ranks: The processes that have this pool in common; None for one alone.
        """
        self._ranks = Ranks() if ranks is None else ranks
        self.snapshots: list[Snapshot] = []
        self._config = config
        self._agent = agent
        self._generator = generator
        self.players = [
            PolicyPlayer(
                copy.deepcopy(agent.network).requires_grad_(requires_grad=False).eval(),
                device=agent.device,
                draw=lambda count: torch.rand(count, generator=generator).numpy(),
                autocast=agent.autocast,
            )
            for _ in range(config.active)
        ]
        """By slots; each plays the snapshot that is loaded."""
        self._loaded: list[Snapshot | None] = [None] * config.active
        self._open = np.zeros(config.active, np.bool_)
        self._begun = np.zeros(config.active, np.int64)
        self._running = np.zeros(config.active, np.int64)
        self._recent = _Recent([0] * config.active, [])
        self._updates_since_entry = 0
        self._points_since_entry = 0.0
        self._games_since_entry = 0

    def begin_games(self, count: int) -> NDArray[np.int64]:
        """Slots int64[count] for new games, ``NOBODY`` for all while no slot is open."""
        slots = np.flatnonzero(self._open)
        if not len(slots):
            return np.full(count, NOBODY, np.int64)
        chosen = slots[torch.randint(len(slots), (count,), generator=self._generator).numpy()]
        counts = np.bincount(chosen, minlength=len(self._open))
        self._recent.begun = (counts + self._recent.begun).tolist()
        self._running += counts
        return chosen

    def end_games(self, slots: NDArray[np.int64], points: NDArray[np.float64]) -> None:
        """Count games that ended.

        Args:
            slots: int64[K], where each was played.
            points: float64[K], the learner's: 1 for a win, 1/2 for a game without a winner.
        """
        games = np.bincount(slots, minlength=len(self._open))
        sums = np.bincount(slots, weights=points, minlength=len(self._open))
        self._running -= games
        self._recent.ended.append((games.tolist(), sums.tolist()))

    def after_update(self, update: int) -> dict[str, float]:
        """Take in a snapshot if one is due, draw anew where a slot is free, and report.

        All ranks take part, after the same update.

        Args:
            update: Number of the update that has just ended.

        Returns:
            Numbers for the update's row, as keisei/web/metrics.md explains them.
        """
        config = self._config
        points, games, running = self._join_games()
        self._updates_since_entry += 1
        beats_pool = (
            self._games_since_entry >= config.enter_games
            and self._points_since_entry >= config.enter_score * self._games_since_entry
        )
        if beats_pool or self._updates_since_entry >= config.enter_updates:
            self._enter(Snapshot.of(self._agent.network, update))
        self._close_one(running)
        for slot in np.flatnonzero(np.logical_not(self._open) & (running == 0)).tolist():
            self._draw(slot)
        row = {"pool_size": float(len(self.snapshots)), "games": float(games)}
        if games:
            row["score"] = points / games
        if self.snapshots:
            row["lowest_score"] = min(snapshot.score for snapshot in self.snapshots)
        return row

    def _join_games(self) -> tuple[float, int, NDArray[np.int64]]:
        """Count the games of all ranks since the last update.

        Returns:
            The learner's points and the number of games that ended; int64[slots], the games that
            are being played.
        """
        told = self._ranks.gather((self._recent, self._running))
        self._recent = _Recent([0] * len(self._running), [])
        all_points, all_games = 0.0, 0
        for recent, _ in told:
            self._begun += recent.begun
            for games, points in recent.ended:
                for slot in np.flatnonzero(games):
                    snapshot = self._loaded[slot]
                    if snapshot is not None:
                        snapshot.record(points[slot], games[slot])
                all_points += sum(points)
                all_games += sum(games)
        self._points_since_entry += all_points
        self._games_since_entry += all_games
        return all_points, all_games, np.sum([running for _, running in told], axis=0)

    def _enter(self, snapshot: Snapshot) -> None:
        while len(self.snapshots) >= self._config.pool_size:
            idle = [each for each in self.snapshots if not self._plays(each)]
            # max() takes the first of equals, which is the oldest.
            easiest = max(idle, key=lambda each: each.score)
            self.snapshots = [each for each in self.snapshots if each is not easiest]
        self.snapshots.append(snapshot)
        self._updates_since_entry = self._games_since_entry = 0
        self._points_since_entry = 0.0

    def _plays(self, snapshot: Snapshot) -> bool:
        return any(each is snapshot for each in self._loaded)

    def _close_one(self, running: NDArray[np.int64]) -> None:
        """Begin no more games in a slot that has had its share; one at a time, so others play."""
        slots = np.flatnonzero(self._open)
        draining = np.logical_not(self._open) & (running > 0)
        if len(slots) and not draining.any():
            slot = slots[self._begun[slots].argmax()]
            self._open[slot] = self._begun[slot] < self._config.games_per_draw

    def _draw(self, slot: int) -> None:
        """Load a snapshot that no other slot plays, the harder the likelier, and open the slot."""
        self._loaded[slot] = None
        free = [each for each in self.snapshots if not self._plays(each)]
        if not free:
            return
        edges = draw_weights([each.score for each in free], self._config.hardness).cumsum()
        drawn = self._ranks.on_first(lambda: float(torch.rand((), generator=self._generator)))
        point = drawn * edges[-1]
        chosen = free[int(np.count_nonzero(edges <= point))]
        self._load(slot, chosen)
        self._open[slot] = True
        self._begun[slot] = 0

    def _load(self, slot: int, snapshot: Snapshot) -> None:
        self._loaded[slot] = snapshot
        self.players[slot].network.load_state_dict(snapshot.weights)

    def state_dict(self) -> dict[str, Any]:
        """All snapshots and counts, as tensors and plain Python values."""
        places = [
            next((i for i, each in enumerate(self.snapshots) if each is loaded), -1)
            for loaded in self._loaded
        ]
        return {
            "snapshots": [dict(vars(snapshot)) for snapshot in self.snapshots],
            "loaded": places,
            "open": self._open.tolist(),
            "begun": self._begun.tolist(),
            "updates_since_entry": self._updates_since_entry,
            "points_since_entry": self._points_since_entry,
            "games_since_entry": self._games_since_entry,
        }

    def recent(self) -> dict[str, Any]:
        """What this rank knows of the games since the last update, in plain Python values."""
        return dict(vars(self._recent))

    def go_on(self, slots: NDArray[np.int64], recent: Mapping[str, Any] | None) -> None:
        """Go on with games that are being played, after ``load_state_dict``.

        Args:
            slots: int64[N], where each of this rank's games is played; negative for nowhere.
            recent: From ``recent()``; None when nothing happened since the last update.
        """
        self._running[:] = np.bincount(slots[slots >= 0], minlength=len(self._running))
        if recent is not None:
            self._recent = _Recent(**recent)

    def load_state_dict(self, state: Mapping[str, Any]) -> bool:
        """Go on from ``state_dict()``; say whether the slots are the same.

        In a pool with another number of slots all are empty, and no game is being played.
        """
        self.snapshots = [Snapshot(**each) for each in state["snapshots"]]
        same = len(state["loaded"]) == len(self._loaded)
        if same:
            places: list[int] = state["loaded"]
            for slot, place in enumerate(places):
                if place >= 0:
                    self._load(slot, self.snapshots[place])
            self._open[:] = state["open"]
            self._begun[:] = state["begun"]
        self._updates_since_entry = state["updates_since_entry"]
        self._points_since_entry = state["points_since_entry"]
        self._games_since_entry = state["games_since_entry"]
        return same
