"""The order of a run.

A *step* is one vector step: one ply in each of N games. A *rollout* is the ``num_steps`` steps
between two updates, ``steps_per_epoch`` plies in all. An *iteration* is a step and what it makes
due: the update, the display, the hooks. Of several ranks each runs all this over its own games, and
all end at the same step.
"""

import gc
import logging
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from keisei.config_schema import AppConfig
from keisei.training.callbacks import Callback, RunParts
from keisei.training.metrics_manager import RunProgress


class Rollout(Protocol):
    """What the loop asks of the experience buffer."""

    @property
    def plies(self) -> int:
        """Plies in the buffer, those of this rank's games."""
        ...


class Stepper(Protocol):
    """What the loop asks of the step manager."""

    def step(self) -> None:
        """Play one ply in each of the N games and store it."""
        ...


class Screen(Protocol):
    """What the loop asks of the display, a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def update(self, progress: RunProgress) -> None:
        """Show the run as it is now."""
        ...

    def finish(self) -> None:
        """Show the last state; what is said from here on comes below it."""
        ...


class TrainerVerbs(RunParts, Protocol):
    """What the loop asks of the trainer, whose timestep is where the run begins or goes on."""

    @property
    def experience_buffer(self) -> Rollout:
        """The rollout that is being filled."""
        ...

    def perform_ppo_update(self, global_timestep: int) -> dict[str, float]:
        """Learn from the full buffer, empty it, and return the update's row."""
        ...

    def go_back(self, before: int, lr_scale: float) -> int | None:
        """Take the weights of a checkpoint of before a timestep, and forget a full rollout."""
        ...

    def save_checkpoint(self, global_timestep: int) -> Path:
        """Write a checkpoint and return its path."""
        ...

    def finalize_training(self, global_timestep: int, *, is_whole: bool) -> None:
        """Save the last checkpoint if the state ``is_whole``, and close everything."""
        ...


@contextmanager
def _left_alone() -> Generator[None]:
    """Within a ``with`` block the garbage collector leaves alone what is there already.

    It would look through all modules again and again, a twentieth of the time of a run.
    """
    if gc.get_freeze_count():  # somebody else decides
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class TrainingLoopManager:
    """Runs iterations until the run is complete or somebody asks to stop."""

    def __init__(
        self,
        trainer: TrainerVerbs,
        config: AppConfig,
        step_manager: Stepper,
        training_display: Screen,
        callbacks: Sequence[Callback],
        logger: logging.Logger,
    ) -> None:
        self.global_timestep = trainer.global_timestep
        self.stop_reason: str | None = None
        self._trainer = trainer
        self._config = config
        self._step_manager = step_manager
        self._display = training_display
        self._callbacks = callbacks
        self._logger = logger
        self._view = _LoopView(self, trainer, config, logger)
        # False within a step or an update, where a checkpoint would hold half a change.
        self._is_whole = True
        self._has_failed = False

    def request_stop(self, reason: str) -> None:
        """End the run in order after the present iteration; the first reason is kept."""
        if self.stop_reason is None:
            self.stop_reason = reason

    def run(self) -> None:
        """Train to the end, and finalise the run exactly once however it ends.

        KeyboardInterrupt ends the run in order. Any other exception is logged with its traceback
        and raised again. After either, several ranks save no last checkpoint: all would have to
        take part, and others may not have come so far.
        """
        with _left_alone(), ExitStack() as screen, ExitStack() as ending:
            # Put on from the last thing to be done to the first, so that whatever fails, screen
            # and log among it, keeps none of the others from being done.
            ending.callback(self._finalise)
            for callback in reversed(self._callbacks):
                ending.callback(callback.on_training_end, self._view)
            ending.callback(self._say_end)
            ending.callback(self._display.finish)
            ending.push(self._note_failure)
            screen.enter_context(self._display)
            self._run_iterations()

    def _run_iterations(self) -> None:
        total = self._config.training.total_timesteps
        if self.global_timestep < total:
            self._logger.info("Training from timestep %d to %d", self.global_timestep, total)
        else:
            self._logger.info(
                "Nothing is left to train: the run is at timestep %d, and training.total_timesteps "
                "= %d; a larger --total-timesteps goes on with it",
                self.global_timestep,
                total,
            )
        for callback in self._callbacks:
            callback.on_training_start(self._view)
        while self.global_timestep < total and not self._must_stop():
            self._iterate()

    def _must_stop(self) -> bool:
        """Whether any rank was asked to stop; all ranks get the same answer and reason."""
        ranks = self._trainer.ranks
        if not ranks.any(self.stop_reason is not None):
            return False
        self.stop_reason = next(filter(None, ranks.gather(self.stop_reason)))
        return True

    def _iterate(self) -> None:
        self._is_whole = False
        self._step_manager.step()
        self.global_timestep += self._config.env.num_envs
        row: dict[str, float] | None = None
        if self._should_perform_ppo_update():
            row = self._update()
        self._is_whole = True
        if row is not None:
            for callback in self._callbacks:
                callback.on_update_end(self._view, row)
        self._display.update(self._trainer.metrics.progress(self.global_timestep))
        for callback in self._callbacks:
            callback.on_step_end(self._view)

    def _update(self) -> dict[str, float] | None:
        """The update's row; None when its numbers were not finite and a callback cured that."""
        try:
            return self._trainer.perform_ppo_update(self.global_timestep)
        except FloatingPointError as error:
            cured = [callback.on_update_failed(self._view, error) for callback in self._callbacks]
            if not any(cured):
                raise
        return None

    def _should_perform_ppo_update(self) -> bool:
        """True when the buffer holds a whole rollout."""
        plies = self._trainer.experience_buffer.plies * self._trainer.ranks.size
        return plies >= self._config.steps_per_epoch

    def _note_failure(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> bool:
        """Note how the iterations ended; True when that is no reason to raise anything."""
        self._has_failed = error is not None
        if isinstance(error, KeyboardInterrupt):
            self.request_stop("KeyboardInterrupt")
            return True
        if isinstance(error, Exception):
            timestep = self.global_timestep
            self._logger.error("Training failed at timestep %d", timestep, exc_info=error)
        return False

    def _say_end(self) -> None:
        reason = f" ({self.stop_reason})" if self.stop_reason is not None else ""
        self._logger.info("Training ends at timestep %d%s", self.global_timestep, reason)

    def _finalise(self) -> None:
        is_whole = self._is_whole and (self._trainer.ranks.size == 1 or not self._has_failed)
        self._trainer.finalize_training(self.global_timestep, is_whole=is_whole)


class _LoopView:
    """The run as callbacks see it: ``RunView`` without the loop's insides."""

    def __init__(
        self,
        loop: TrainingLoopManager,
        trainer: TrainerVerbs,
        config: AppConfig,
        logger: logging.Logger,
    ) -> None:
        self._loop = loop
        self._trainer = trainer
        self._logger = logger
        self.config = config
        self.metrics = trainer.metrics
        self.agent = trainer.agent
        self.ranks = trainer.ranks
        self.run_dir = trainer.run_dir
        self.request_stop = loop.request_stop
        self.go_back = trainer.go_back

    @property
    def global_timestep(self) -> int:
        return self._loop.global_timestep

    def save_checkpoint(self) -> Path:
        return self._trainer.save_checkpoint(self._loop.global_timestep)

    def log(self, text: str) -> None:
        self._logger.info("%s", text)
