"""Hooks into a run, and the callbacks that come with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from typing_extensions import override

from keisei.config_schema import AppConfig
from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.players import PolicyPlayer, RandomPlayer
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


class MetricsWriterCallback(Callback):
    """Hands each update's row to the writers; comes after all callbacks that add to the row."""

    def __init__(self, writers: Sequence[RowWriter]) -> None:
        self._writers = writers

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Write the row."""
        for writer in self._writers:
            writer.write(run.global_timestep, metrics)


class EvaluationCallback(Callback):
    """Plays matches against the random player; the training's random streams stay untouched."""

    def __init__(self, seed: int) -> None:
        """Take the seed from which the seeds of all matches follow."""
        self._seed = seed

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Play a match when one is due, and add its result to the row."""
        settings = run.config.evaluation
        if run.metrics.updates % settings.every_updates:
            return
        # By the number of the update, so that a resumed run plays the same matches.
        seeds = np.random.SeedSequence((self._seed, run.metrics.updates)).generate_state(3)
        policy_seed, random_seed, env_seed = (int(seed) for seed in seeds)
        learner = PolicyPlayer(
            run.agent.network,
            deterministic=settings.deterministic,
            device=run.agent.device,
            seed=policy_seed,
        )
        result = play_match(
            learner,
            RandomPlayer(random_seed),
            settings.num_games,
            rules=MatchRules(max_plies=run.config.env.max_plies),
            num_envs=settings.num_games,
            seed=env_seed,
        )
        run.metrics.record_evaluation(result.metrics())
        run.log(f"Update {run.metrics.updates} scores {result.score:.1%} against random play")


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
