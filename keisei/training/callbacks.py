"""Hooks into a run, and the small callbacks that come with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from keisei.config_schema import AppConfig
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.ranks import Ranks
from keisei.training.metrics_manager import MetricsManager
from keisei.training.writers import Writer


class RunParts(Protocol):
    """What the loop and the callbacks see of the run."""

    @property
    def global_timestep(self) -> int:
        """Plies played so far, all games together."""
        ...

    @property
    def metrics(self) -> MetricsManager:
        """Counters, the present row, and the progress that waits to be shown."""
        ...

    @property
    def agent(self) -> PPOAgent:
        """The learner; callbacks only read it."""
        ...

    @property
    def ranks(self) -> Ranks:
        """The processes of the run, all of which have callbacks."""
        ...

    @property
    def run_dir(self) -> Path:
        """Folder of the run, in which rank 0 alone writes."""
        ...


class RunView(RunParts, Protocol):
    """What a callback sees of the run, and the few things it may ask for."""

    @property
    def config(self) -> AppConfig:
        """The settings of the run."""
        ...

    def request_stop(self, reason: str) -> None:
        """End the run in order after the present step, on all ranks; one may ask alone."""
        ...

    def go_back(self, before: int, lr_scale: float) -> int | None:
        """Take weights and optimiser of the newest checkpoint of a timestep less than ``before``.

        The learning rate is multiplied by ``lr_scale`` from here on. Later checkpoints, whose
        weights are given up, are deleted. Returns the timestep that the weights come from; None
        when there is no such checkpoint. All ranks must ask alike.
        """
        ...

    def save_checkpoint(self) -> Path:
        """Write a checkpoint of the present state and return its path; all ranks must ask alike."""
        ...

    def log(self, text: str) -> None:
        """Write a line to the run's log; what ranks other than 0 write is left out."""
        ...


class Callback:
    """Base of all callbacks: every hook does nothing.

    Hooks run in the order of the list of callbacks, always between two vector steps. An exception
    from a hook ends the run. Each of several ranks calls the hooks of its own callbacks, with the
    same row of metrics but for the times.
    """

    def on_training_start(self, run: RunView) -> None:
        """Called once, before the first step."""

    def on_step_end(self, run: RunView) -> None:
        """Called after each vector step, and after the update if one was due."""

    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Called after each update, before ``on_step_end``; ``metrics`` is the update's row."""

    def on_update_failed(self, run: RunView, error: FloatingPointError) -> bool:  # noqa: ARG002
        """Called when an update's numbers are not finite, within the step; nothing was learned.

        Returns:
            Whether the run may go on, because this callback has made its state whole again
            (``run.go_back``). If no callback says so, the error ends the run.
        """
        return False

    def on_training_end(self, run: RunView) -> None:
        """Called once, however the run ends, before it is finalised."""


class MetricsWriterCallback(Callback):
    """Hands each update's row to the writers; comes after all callbacks that add to the row."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = writers

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Write the row."""
        for writer in self._writers:
            writer.write(run.global_timestep, metrics)


class CheckpointCallback(Callback):
    """Saves a checkpoint every so many updates; comes last, when the update's row is written."""

    def __init__(self, every_updates: int) -> None:
        self._every_updates = every_updates

    @override
    def on_training_start(self, run: RunView) -> None:
        """Save the beginning, so that a run which dies early can be resumed too."""
        if run.global_timestep == 0:
            run.save_checkpoint()

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Save when one is due."""
        if run.metrics.updates % self._every_updates == 0:
            run.save_checkpoint()
