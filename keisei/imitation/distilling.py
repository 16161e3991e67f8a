"""A run in which a policy learns from its own searches: rounds of games and of learning."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.config_schema import AppConfig, ConfigError
from keisei.imitation.examples import Examples
from keisei.imitation.run import MOST_HELD_OUT, Pass, SupervisedRun
from keisei.imitation.searched import Searched, SearchedGames, Teacher
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.training.env_manager import EnvManager, memory_there_is

_SECONDS_A_LINE = 30.0
_BYTES_BESIDES = 12
"""Of a position: what the value learns, and its game."""
_BYTES_A_DRAW = 2


@dataclass(frozen=True)
class DistillationPlan:
    """How much is played and learned.

    Attributes:
        rounds: Each plays with the weights that the one before has left.
        positions: Learned from in a round; as many as are held out are searched besides.
        passes: Over the positions of a round.
        batch_size: Positions of one step of Adam.
        held_out: Share of the games, in [0, 0.5], that is judged and not learned from.
    """

    rounds: int
    positions: int
    passes: int
    batch_size: int
    held_out: float

    @property
    def searched(self) -> int:
        """Positions that are searched in a round, at least."""
        return math.ceil(self.positions / (1.0 - self.held_out))


class Distillation(SupervisedRun):
    """Plays games in which each position is searched, and learns what the searches found."""

    search_temperature = 1.0

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
        _check(config, plan)
        super().__init__(config, show)
        self.plan = plan
        self.teacher = teacher

    def _work(self) -> str:
        plan, teacher = self.plan, self.teacher
        return (
            f"Games: {self.config.env.num_envs:,}, {teacher.nodes} nodes a move, c_scale "
            f"{teacher.c_scale:g}, root_share {teacher.root_share:g}; rounds: {plan.rounds:,} of "
            f"{plan.positions:,} positions, {plan.held_out:g} held out, passes: {plan.passes:,}, "
            f"batches of {plan.batch_size:,}, threads: {torch.get_num_threads()} for torch"
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
        plan, network, log = self.plan, self.models.network, self.session.logger.info
        name = f"Round {number + 1} of {plan.rounds}"
        lessons = searched.play(network, self._device, plan.searched, self._heard(name))
        if not self._goes_on():
            log("%s: stopped with %d positions, which are not learned from", name, len(lessons))
            return
        is_held = lessons.keys < np.uint64(int(plan.held_out * 2**64))
        learned, held = np.flatnonzero(~is_held)[: plan.positions], np.flatnonzero(is_held)
        log("%s: %d positions, %d of them to learn from", name, len(lessons), len(learned))
        held_out = lessons.examples(held[:MOST_HELD_OUT], 0) if len(held) else None
        others = searched.metrics()
        for draw in range(plan.passes):
            if self._goes_on() and len(learned):
                order = np.random.default_rng((self.session.seeds.agent, number, draw))
                batches = self._minibatches(lessons, order.permutation(learned), draw)
                place = Pass(number * plan.passes + draw, plan.rounds * plan.passes, len(learned))
                self._pass(place, batches, held_out, others)

    def _heard(self, name: str) -> Callable[[int], bool]:
        """What is asked after each ply of a round, which says now and then how far it is."""
        began = said = time.monotonic()

        def goes_on(count: int) -> bool:
            nonlocal said
            now = time.monotonic()
            if now - said >= _SECONDS_A_LINE:
                said = now
                self.session.logger.info(
                    "%s: %d of %d positions, %d a second",
                    *(name, count, self.plan.searched, count / (now - began)),
                )
            return self._goes_on()

        return goes_on

    def _minibatches(
        self, lessons: Searched, rows: NDArray[np.int64], draw: int
    ) -> Iterator[Examples]:
        size = self.plan.batch_size
        for begin in range(0, len(rows), size):
            yield lessons.examples(rows[begin : begin + size], draw)


def _check(config: AppConfig, plan: DistillationPlan) -> None:
    """Refuse what would go wrong later.

    Raises:
        ConfigError: A setting is not usable, or there is no memory for the positions.
    """
    env = config.env
    if config.opponents.share:
        raise ConfigError(
            f"opponents.share = {config.opponents.share}, but the policy plays against itself "
            "here; leave it out"
        )
    if env.random_opening_share and env.random_opening_plies >= env.max_plies:
        raise ConfigError(
            f"env.random_opening_plies = {env.random_opening_plies} leaves nothing to search with "
            f"env.max_plies = {env.max_plies}; lower it"
        )
    each = STATE_SIZE + MASK_BYTES + _BYTES_BESIDES + _BYTES_A_DRAW * plan.passes
    # Games that go on, those that may end together with the last ply, and the lessons.
    needed = each * (2 * env.num_envs * (env.max_plies + 1) + plan.searched)
    if needed > memory_there_is():
        raise ConfigError(
            f"{plan.positions} positions and {plan.passes} passes with env.num_envs = "
            f"{env.num_envs} and env.max_plies = {env.max_plies} need {needed / 1e9:.1f} GB and "
            f"there are {memory_there_is() / 1e9:.1f} GB; lower one of them"
        )
