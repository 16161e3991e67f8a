"""A run that learns from games of others: its passes, its rows of metrics, its folder."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.config_schema import AppConfig, ConfigError
from keisei.files import write_text
from keisei.imitation.examples import Examples, Tally, joined
from keisei.imitation.learner import Imitator
from keisei.imitation.sources import SourceError, read_examples
from keisei.rl.ranks import Ranks
from keisei.training.checkpoint import CheckpointFolder
from keisei.training.model_manager import ModelManager, resolve_device
from keisei.training.provenance import introduce_run
from keisei.training.session_manager import SessionManager
from keisei.training.writers import Writer, build_writers

MOST_HELD_OUT = 65_536
"""Positions of held-out games that are judged after each pass; further ones are left alone."""
_PORTION = 131_072
"""Positions that are mixed with one another, about 50 MB."""
_UPDATES_A_ROW = 100


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


class Imitation:
    """One run of imitation, from its settings to its policy file."""

    def __init__(
        self,
        config: AppConfig,
        plan: ImitationPlan,
        files: Sequence[Path],
        show: Callable[[str], None] | None = None,
    ) -> None:
        """Refuse what can be refused before anything is read or written.

        Args:
            config: Settings; of ``env`` the ply cap alone counts, of ``training`` what an optimiser
                needs.
            plan: How the files are gone through.
            files: What to learn from.
            show: Gets the lines of the log.

        Raises:
            ConfigError: A setting is not usable.
            CheckpointError: There are no such weights to begin with.
        """
        if config.session.processes != 1:
            raise ConfigError(
                f"session.processes = {config.session.processes}, but games are imitated by one "
                "process; leave it out"
            )
        self.config = config
        self.plan = plan
        self.files = list(files)
        self.tally = Tally()
        self.judged: dict[str, float] = {}
        self._show = show
        self._device = resolve_device(config.session.device)
        if config.session.torch_threads is not None:
            torch.set_num_threads(config.session.torch_threads)
        self.session = SessionManager(config)
        folder = CheckpointFolder(self.session.checkpoint_dir, config.session.keep_checkpoints)
        seed = self.session.seeds.network
        self.models = ModelManager(config.model, self._device, seed, folder)
        if config.model.init is not None:
            self.models.begin_from(config.model.init, Ranks())
        self.imitator = Imitator(self.models.network, config.training, self._device)
        self._learned, self._stop_reason = 0, None

    def run(self) -> str | None:
        """Read the files once to see what they hold, then learn from them.

        Returns:
            Why the run stopped early, for example "SIGINT"; None when it is complete.

        Raises:
            RunFolderError: The run folder cannot be used.
            SourceError: A file cannot be read, or nothing is left to learn from.
            WriterError: A writer of metrics cannot start.
            UnwritableError: The run folder is full.
            FloatingPointError: The numbers are not finite.
        """
        with ExitStack() as stack:
            stack.callback(self.session.close)
            self.session.open()
            stack.enter_context(self.session.signals(self._request_stop))
            if self._show is not None:
                self.session.echo(self._show)
            log = self.session.logger.info
            place = self.session.run_dir
            for line in introduce_run(
                self.config, self.models.network, self._device, place, self._work()
            ):
                log("%s", line)
            positions, held_out = self._survey()
            total = self.plan.passes * positions
            self._write_records(total)
            writers = self._writers(stack)
            # The page reads from this line and the last one how the run ended.
            log("Learning begins: %d positions in each of %d passes", positions, self.plan.passes)
            for number in range(self.plan.passes):
                if self._stop_reason is None:
                    self._pass(number, total, held_out, writers)
            reason = f" ({self._stop_reason})" if self._stop_reason else ""
            log("Learning ends after %d positions%s", self._learned, reason)
        return self._stop_reason

    def _work(self) -> str:
        """What the run learns from, as a line of its log."""
        return (
            f"Files: {len(self.files):,}, passes: {self.plan.passes:,}, batches of "
            f"{self.plan.batch_size:,} positions, threads: {torch.get_num_threads()} for torch"
        )

    def _request_stop(self, reason: str) -> None:
        self._stop_reason = reason

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
        if not learned and self._stop_reason is None:
            raise SourceError(
                f"{str(self.files[0])!r} and what else was given hold no position to learn from; "
                + (self.tally.lines() or ["there is no game in them"])[0]
            )
        self.session.logger.info(
            "%d games with %d positions, %d of them to learn from and %d to judge",
            *(self.tally.games, self.tally.positions, learned, kept),
        )
        return learned, joined(waiting) if waiting else None

    def _pass(
        self, number: int, total: int, held_out: Examples | None, writers: Sequence[Writer]
    ) -> None:
        """Learn from all files once, judge what is held out, and save the policy."""
        began, before = time.perf_counter(), self._learned
        for examples in self._minibatches(number):
            self.imitator.learn(examples, min(1.0, self._learned / total))
            self._learned += len(examples)
            if self.imitator.updates % _UPDATES_A_ROW == 0:
                self._write(writers, self.imitator.row())
            if self._stop_reason is not None:
                break
        seconds = time.perf_counter() - began
        row = self.imitator.row() if self.imitator.has_steps else {}
        said = ""
        if held_out is not None:
            self.judged = self.imitator.judge(held_out)
            row |= {f"eval/held_out_{name}": value for name, value in self.judged.items()}
            said = (
                f"; of {len(held_out)} held-out moves {self.judged['accuracy']:.1%} foretold, "
                f"cross-entropy {self.judged['policy_loss']:.3f}"
            )
        self._write(writers, row)
        path = self.models.save_policy(self._learned)
        rate = (self._learned - before) / seconds if seconds > 0 else 0.0
        self.session.logger.info(
            "Pass %d of %d, %d positions a second%s; saved %s",
            *(number + 1, self.plan.passes, rate, said, path),
        )

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
            if self._stop_reason is not None:
                return
            yield examples

    def _is_held(self, examples: Examples) -> NDArray[np.bool_]:
        """Which positions are of games that are held out, bool [N]."""
        return examples.keys < np.uint64(int(self.plan.held_out * 2**64))

    def _write_records(self, total: int) -> None:
        self.session.write_records()
        # The plies of the run are the positions that it learns from.
        steps = {"total_timesteps": max(total, self.config.env.num_envs)}
        training = self.config.training.model_copy(update=steps)
        written = self.config.model_copy(update={"training": training})
        write_text(self.session.run_dir / "config.toml", written.to_toml())

    def _writers(self, stack: ExitStack) -> list[Writer]:
        settings = self.config.model_dump(mode="json")
        kinds, folder = self.config.session.writers, self.session.run_dir
        writers = build_writers(kinds, folder, settings, step=0)
        for writer in writers:
            stack.callback(writer.close)
        return list(writers)

    def _write(self, writers: Sequence[Writer], row: dict[str, float]) -> None:
        whole = {"run/updates": float(self.imitator.updates), **row}
        for writer in writers:
            writer.write(self._learned, whole)


def _mixed(parts: Sequence[Examples], rng: np.random.Generator) -> Examples:
    whole = joined(parts)
    return whole.chosen(rng.permutation(len(whole)))


def _cut(examples: Examples, count: int, size: int) -> Iterator[Examples]:
    """The first ``count`` positions in minibatches, the last of which may be smaller."""
    for begin in range(0, count, size):
        yield examples.chosen(slice(begin, min(begin + size, count)))
