"""A run that learns from games of others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.config_schema import AppConfig
from keisei.imitation.examples import Examples, Tally, joined
from keisei.imitation.run import MOST_HELD_OUT, Pass, SupervisedRun
from keisei.imitation.sources import SourceError, read_examples

_PORTION = 131_072
"""Positions that are mixed with one another, about 50 MB."""


@dataclass(frozen=True)
class ImitationPlan:
    """How the files are gone through.

    Attributes:
        passes: Over all files.
        batch_size: Positions of one step of Adam.
        held_out: Share of the games, in [0, 0.5], that is judged and not learned from.
    """

    passes: int
    batch_size: int
    held_out: float


class Imitation(SupervisedRun):
    """Learns from files, which are read once to see what they hold, and once more for each pass."""

    def __init__(
        self,
        config: AppConfig,
        plan: ImitationPlan,
        files: Sequence[Path],
        show: Callable[[str], None] | None = None,
    ) -> None:
        """See ``SupervisedRun``.

        Args:
            config: Settings; of ``env`` the ply cap alone counts.
            plan: How the files are gone through.
            files: What to learn from.
            show: Gets the lines of the log.
        """
        super().__init__(config, show)
        self.plan = plan
        self.files = list(files)
        self.tally = Tally()

    def _work(self) -> str:
        return (
            f"Files: {len(self.files):,}, passes: {self.plan.passes:,}, batches of "
            f"{self.plan.batch_size:,} positions, threads: {torch.get_num_threads()} for torch"
        )

    def _teach(self, stack: ExitStack) -> None:
        positions, held_out = self._survey()
        passes = self.plan.passes
        self._begin(passes * positions, f"{positions} positions in each of {passes} passes", stack)
        for number in range(passes):
            if self._goes_on():
                self._pass(Pass(number, passes, positions), self._minibatches(number), held_out)

    def _survey(self) -> tuple[int, Examples | None]:
        """Number of positions to learn from, and those that are only judged, if any."""
        learned, kept, waiting = 0, 0, list[Examples]()
        for examples in self._read(self.files, self.tally):
            is_held = self._is_held(examples)
            learned += int((~is_held).sum())
            if kept < MOST_HELD_OUT and is_held.any():
                waiting.append(examples.chosen(np.flatnonzero(is_held)[: MOST_HELD_OUT - kept]))
                kept += len(waiting[-1])
        for line in self.tally.lines():
            self.session.logger.info("%s", line)
        if not learned and self._goes_on():
            raise SourceError(
                f"{str(self.files[0])!r} and what else was given hold no position to learn from; "
                + (self.tally.lines() or ["there is no game in them"])[0]
            )
        self.session.logger.info(
            "%d games with %d positions, %d of them to learn from and %d to judge",
            *(self.tally.games, self.tally.positions, learned, kept),
        )
        return learned, joined(waiting) if waiting else None

    def _minibatches(self, number: int) -> Iterator[Examples]:
        """The positions of all files once, files in a random order and mixed within portions."""
        rng = np.random.default_rng((self.session.seeds.agent, number))
        order: list[int] = rng.permutation(len(self.files)).tolist()
        files = [self.files[place] for place in order]
        waiting: list[Examples] = []
        size, count = self.plan.batch_size, 0
        for examples in self._read(files, Tally()):
            waiting.append(examples.chosen(np.flatnonzero(~self._is_held(examples))))
            count += len(waiting[-1])
            if count >= _PORTION:
                mixed = _mixed(waiting, rng)
                whole = count - count % size
                yield from _cut(mixed, whole, size)
                waiting, count = [mixed.chosen(slice(whole, None))], count - whole
        if count:
            yield from _cut(_mixed(waiting, rng), count, size)

    def _read(self, files: Sequence[Path], tally: Tally) -> Iterator[Examples]:
        """The files' positions, to the end or until somebody asks to stop."""
        for examples in read_examples(
            files, self.config.env.max_plies, self.config.session.seed, tally
        ):
            if not self._goes_on():
                return
            yield examples

    def _is_held(self, examples: Examples) -> NDArray[np.bool_]:
        """Which positions are of games that are held out, bool [N]."""
        return examples.keys < np.uint64(int(self.plan.held_out * 2**64))


def _mixed(parts: Sequence[Examples], rng: np.random.Generator) -> Examples:
    whole = joined(parts)
    return whole.chosen(rng.permutation(len(whole)))


def _cut(examples: Examples, count: int, size: int) -> Iterator[Examples]:
    """The first ``count`` positions in minibatches, the last of which may be smaller."""
    for begin in range(0, count, size):
        yield examples.chosen(slice(begin, min(begin + size, count)))
