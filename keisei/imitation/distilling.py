"""A run in which a policy learns from its own searches: rounds of games and of learning."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.config_schema import AppConfig, ConfigError
from keisei.imitation.examples import Examples
from keisei.imitation.run import MOST_HELD_OUT, SupervisedRun
from keisei.imitation.searched import Searched, SearchedGames, Teacher, joined_games
from keisei.training.env_manager import EnvManager

TEMPERATURE_AFTERWARDS = 1.4
"""What suits the search of a policy that has learned from searches (benchmarks/RESULTS.md)."""


@dataclass(frozen=True)
class DistillationPlan:
    """How much is played and learned.

    Attributes:
        rounds: Each plays with the weights that the one before has left.
        positions: Searched in a round, at least.
        passes: Over the positions of a round.
        batch_size: Positions of one step of Adam.
        held_out: Share of the games, in [0, 0.5], that is judged and not learned from.
    """

    rounds: int
    positions: int
    passes: int
    batch_size: int
    held_out: float


class Distillation(SupervisedRun):
    """Plays games in which each position is searched, and learns what the searches found."""

    def __init__(
        self,
        config: AppConfig,
        plan: DistillationPlan,
        teacher: Teacher,
        show: Callable[[str], None] | None = None,
    ) -> None:
        """See ``SupervisedRun``.

        Args:
            config: Settings; ``env`` says how games are, ``model.init`` whose searches they are.
            plan: How much is played and learned.
            teacher: How positions are searched.
            show: Gets the lines of the log.

        Raises:
            SearchSettingsError: The search's settings make no sense.
            ConfigError: Another one is not usable.
            CheckpointError: There are no such weights to begin with.
        """
        teacher.settings()
        if config.opponents.share:
            raise ConfigError(
                f"opponents.share = {config.opponents.share}, but the policy plays against itself "
                "here; leave it out"
            )
        super().__init__(config, show)
        self.plan = plan
        self.teacher = teacher

    def _work(self) -> str:
        plan = self.plan
        return (
            f"Games: {self.config.env.num_envs:,}, {self.teacher.nodes} nodes a move; rounds: "
            f"{plan.rounds:,} of {plan.positions:,} positions, passes: {plan.passes:,}, batches of "
            f"{plan.batch_size:,}, threads: {torch.get_num_threads()} for torch"
        )

    def _teach(self, stack: ExitStack) -> None:
        plan, network = self.plan, self.models.network
        games = EnvManager(self.config.env, self.session.logger)
        stack.callback(games.close)
        games.check_network(network)
        games.warm_up(network, self._device)
        searched = SearchedGames(
            games.envs[0], self.config.env, self.teacher, self.session.seeds.env, plan.passes
        )
        total = plan.rounds * plan.passes * plan.positions
        self._begin(total, f"{plan.positions} positions in each of {plan.rounds} rounds", stack)
        for number in range(plan.rounds):
            if self._goes_on():
                self._round(number, searched)

    def _round(self, number: int, searched: SearchedGames) -> None:
        """Play with the weights as they are, and learn from what has been played."""
        plan, network = self.plan, self.models.network
        ended = searched.play(network, self._device, plan.positions, self._goes_on)
        if not ended:
            return  # Somebody asked to stop before the first game was over.
        lessons = joined_games(ended)
        is_held = lessons.keys < np.uint64(int(plan.held_out * 2**64))
        learned, held = np.flatnonzero(~is_held), np.flatnonzero(is_held)[:MOST_HELD_OUT]
        self.session.logger.info(
            "Round %d of %d: %d games with %d positions, %d of them to learn from",
            *(number + 1, plan.rounds, len(ended), len(lessons), len(learned)),
        )
        held_out = lessons.examples(held, 0) if len(held) else None
        others = searched.metrics()
        network.search_temperature = TEMPERATURE_AFTERWARDS
        for draw in range(plan.passes):
            if self._goes_on():
                order = np.random.default_rng((self.session.seeds.agent, number, draw))
                name = f"Pass {draw + 1} of {plan.passes}"
                batches = self._minibatches(lessons, order.permutation(learned), draw)
                self._pass(name, batches, held_out, others)

    def _minibatches(
        self, lessons: Searched, rows: NDArray[np.int64], draw: int
    ) -> Iterator[Examples]:
        size = self.plan.batch_size
        for begin in range(0, len(rows), size):
            yield lessons.examples(rows[begin : begin + size], draw)
