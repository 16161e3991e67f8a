"""Hooks into a run, and the callbacks that come with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from keisei.config_schema import AppConfig
from keisei.rl.ppo_agent import PPOAgent
from keisei.training.metrics_manager import MetricsManager


class RunView(Protocol):
    """What a callback sees of the run, and the few things it may ask for."""

    @property
    def global_timestep(self) -> int:
        """Plies played so far, all games together."""
        ...

    @property
    def config(self) -> AppConfig:
        """The settings of the run."""
        ...

    @property
    def metrics(self) -> MetricsManager:
        """Counters and the present row."""
        ...

    @property
    def agent(self) -> PPOAgent:
        """The learner, to be read only."""
        ...

    @property
    def run_dir(self) -> Path:
        """Folder of the run."""
        ...

    def request_stop(self, reason: str) -> None:
        """End the run in order after the present step."""
        ...

    def save_checkpoint(self) -> Path:
        """Write a checkpoint of the present state and return its path."""
        ...

    def log(self, text: str) -> None:
        """Write a line to the run's log."""
        ...


class Callback:
    """Base of all callbacks: every hook does nothing.

    Hooks run in the order of the list of callbacks, always between two vector steps. An exception
    from a hook ends the run.
    """

    def on_training_start(self, run: RunView) -> None:
        """Called once, before the first step."""

    def on_step_end(self, run: RunView) -> None:
        """Called after each vector step, and after the update if one was due."""

    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Called after each update, before ``on_step_end``; ``metrics`` is the update's row."""

    def on_training_end(self, run: RunView) -> None:
        """Called once, however the run ends, before it is finalised."""


class RowWriter(Protocol):
    """Takes one row of numbers at a time."""

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Keep the row of the update that ended at ``step`` plies."""
        ...

    def close(self) -> None:
        """Flush and release what is open."""
        ...


class MetricsWriterCallback(Callback):
    """Hands each update's row to the writers; comes after all callbacks that add to the row."""

    def __init__(self, writers: list[RowWriter]) -> None:
        self._writers = writers

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Write the row."""
        for writer in self._writers:
            writer.write(run.global_timestep, metrics)

    @override
    def on_training_end(self, run: RunView) -> None:
        """Close the writers."""
        for writer in self._writers:
            writer.close()


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
