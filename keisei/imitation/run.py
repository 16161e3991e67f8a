"""A run that learns from examples: its folder, its rows of metrics, its passes, its end."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from keisei.config_schema import AppConfig, ConfigError
from keisei.files import write_text
from keisei.imitation.examples import Examples
from keisei.imitation.learner import Imitator
from keisei.rl.ranks import Ranks
from keisei.training.checkpoint import CheckpointFolder
from keisei.training.model_manager import ModelManager, resolve_device
from keisei.training.provenance import introduce_run
from keisei.training.session_manager import SessionManager
from keisei.training.writers import Writer, build_writers

MOST_HELD_OUT = 65_536
"""Positions of held-out games that are judged after each pass; further ones are left alone."""
_UPDATES_A_ROW = 100


@dataclass(frozen=True)
class Pass:
    """One of the passes of a run.

    Attributes:
        number: From 0.
        of: Passes of the whole run.
        positions: That are learned from in this one.
    """

    number: int
    of: int
    positions: int

    def progress(self, learned: int) -> float:
        """Share of the run that is over when so many positions of this pass are."""
        return (self.number + min(1.0, learned / self.positions)) / self.of


class SupervisedRun(ABC):
    """One run, from its settings to its policy file; where the examples are from is left open."""

    search_temperature: float | None = None
    """What suits the search of a policy that has been through a pass, where that is known."""

    def __init__(self, config: AppConfig, show: Callable[[str], None] | None = None) -> None:
        """Refuse what can be refused before anything is read or written.

        Args:
            config: Settings; of ``training`` what an optimiser needs.
            show: Gets the lines of the log.

        Raises:
            ConfigError: A setting is not usable.
            CheckpointError: There are no such weights to begin with.
        """
        if config.session.processes != 1:
            raise ConfigError(
                f"session.processes = {config.session.processes}, but one process does all of "
                "this; leave it out"
            )
        if config.session.mirror is not None:
            raise ConfigError(
                f"session.mirror = {config.session.mirror!r}, but only training copies what it "
                "saves; leave it out"
            )
        self.config = config
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
        self._learned = 0
        self._stop_reason: str | None = None
        self._writers: list[Writer] = []

    def run(self) -> str | None:
        """Learn from all there is.

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
            self._teach(stack)
            reason = f" ({self._stop_reason})" if self._stop_reason else ""
            log("Learning ends after %d positions%s", self._learned, reason)
        return self._stop_reason

    @abstractmethod
    def _work(self) -> str:
        """What the run learns from, as a line of its log."""

    @abstractmethod
    def _teach(self, stack: ExitStack) -> None:
        """Find the examples and learn from them: ``_begin``, then ``_pass`` as often as is due.

        Args:
            stack: Closes what the run has opened.
        """

    def _goes_on(self) -> bool:
        """Whether nobody has asked to stop."""
        return self._stop_reason is None

    def _request_stop(self, reason: str) -> None:
        self._stop_reason = reason

    def _begin(self, total: int, said: str, stack: ExitStack) -> None:
        """Write what is known of the run, now that its length is.

        Args:
            total: Positions that will be learned from, each as often as it comes.
            said: The same in words.
            stack: Closes the writers.
        """
        self.session.write_records()
        # The plies of the run are the positions that it learns from.
        steps = {"total_timesteps": max(total, self.config.env.num_envs)}
        training = self.config.training.model_copy(update=steps)
        written = self.config.model_copy(update={"training": training})
        write_text(self.session.run_dir / "config.toml", written.to_toml())
        settings = self.config.model_dump(mode="json")
        kinds, folder = self.config.session.writers, self.session.run_dir
        for writer in build_writers(kinds, folder, settings, step=0):
            stack.callback(writer.close)
            self._writers.append(writer)
        # Whoever stops the run before it has learned anything finds what it began with.
        self._save()
        # The page reads from this line and the last one how the run ended.
        self.session.logger.info("Learning begins: %s", said)

    def _pass(
        self,
        place: Pass,
        minibatches: Iterable[Examples],
        held_out: Examples | None,
        others: Mapping[str, float] | None = None,
    ) -> None:
        """Learn from examples once, judge what is held out, and save the policy.

        Args:
            place: Of the pass in the run.
            minibatches: What is learned from.
            held_out: Is only judged; None for nothing.
            others: Further metrics of the row that the pass ends with.
        """
        began, before = time.perf_counter(), self._learned
        for examples in minibatches:
            self.imitator.learn(examples, place.progress(self._learned - before))
            self._learned += len(examples)
            if self.imitator.updates % _UPDATES_A_ROW == 0:
                self._write(self.imitator.row())
            if not self._goes_on():
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
        self._write(row | dict(others or {}))
        if self._goes_on():
            self.models.network.search_temperature = self.search_temperature
        path = self._save()
        rate = (self._learned - before) / seconds if seconds > 0 else 0.0
        self.session.logger.info(
            "Pass %d of %d, %d positions a second%s; saved %s",
            *(place.number + 1, place.of, rate, said, path),
        )

    def _save(self) -> Path:
        return self.models.save_policy(self._learned)

    def _write(self, row: dict[str, float]) -> None:
        whole = {"run/updates": float(self.imitator.updates), **row}
        for writer in self._writers:
            writer.write(self._learned, whole)
