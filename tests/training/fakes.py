"""Small stand-ins for the collaborators of the training loop; each notes what is asked of it."""

import logging
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from typing_extensions import override

from keisei.config_schema import AppConfig, EnvConfig, TrainingConfig
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.ranks import Ranks
from keisei.training.callbacks import Callback, RunView
from keisei.training.game_statistics import GameStatistics
from keisei.training.metrics_manager import MetricsManager, RunProgress
from keisei.training.training_loop_manager import TrainingLoopManager

NUM_ENVS, NUM_STEPS = 4, 3


class FakeBuffer:
    """Counts plies."""

    plies = 0


class FakeTrainer:
    """Notes the verbs that the loop calls."""

    def __init__(self, events: list[str], begin: int = 0) -> None:
        self.events = events
        self.global_timestep = begin
        self.metrics = MetricsManager(1000, GameStatistics())
        self.agent = cast(PPOAgent, None)
        self.ranks = Ranks()
        self.run_dir = Path("run")
        self.experience_buffer = FakeBuffer()
        self.fails_in_update: BaseException | None = None
        self.checkpoints: list[int] = []
        self.went_back: list[tuple[int, float]] = []
        self.finalised: list[tuple[int, bool]] = []

    def perform_ppo_update(self, global_timestep: int) -> dict[str, float]:
        self.events.append(f"update {global_timestep}")
        if self.fails_in_update is not None:
            raise self.fails_in_update
        self.experience_buffer.plies = 0
        self.metrics.updates += 1
        return {"loss": float(global_timestep)}

    def go_back(self, before: int, lr_scale: float) -> int | None:
        self.went_back.append((before, lr_scale))
        self.experience_buffer.plies = 0
        return max((each for each in self.checkpoints if each < before), default=None)

    def save_checkpoint(self, global_timestep: int) -> Path:
        self.checkpoints.append(global_timestep)
        self.events.append(f"save {global_timestep}")
        return Path(f"{global_timestep}.pt")

    def finalize_training(self, global_timestep: int, *, is_whole: bool) -> None:
        self.events.append("finalise")
        self.finalised.append((global_timestep, is_whole))


class FakeStepper:
    """Plays nothing, fills the buffer, and fails at a step of choice."""

    def __init__(self, trainer: FakeTrainer) -> None:
        self.trainer = trainer
        self.steps = 0
        self.fails_at_step: dict[int, BaseException] = {}

    def step(self) -> None:
        self.steps += 1
        if self.steps in self.fails_at_step:
            raise self.fails_at_step[self.steps]
        self.trainer.events.append("step")
        self.trainer.experience_buffer.plies += NUM_ENVS
        self.trainer.metrics.count_step(NUM_ENVS)


class FakeScreen:
    """Keeps what it is shown."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        self.shown: list[RunProgress] = []
        self.fails_on_entering: BaseException | None = None

    def __enter__(self) -> Self:
        if self.fails_on_entering is not None:
            raise self.fails_on_entering
        self.events.append("screen on")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.events.append("screen off")

    def update(self, progress: RunProgress) -> None:
        self.events.append("show")
        self.shown.append(progress)

    def finish(self) -> None:
        pass


class NotingCallback(Callback):
    """Notes every hook, and stops or fails at a step of choice."""

    def __init__(self, events: list[str], name: str = "hook") -> None:
        self.events = events
        self.name = name
        self.stop_at: int | None = None
        self.save_at: int | None = None
        self.fail_in: str | None = None
        self.failure: BaseException | None = None

    def _note(self, hook: str, run: RunView) -> None:
        self.events.append(f"{self.name} {hook} {run.global_timestep}")
        if hook == self.fail_in:
            raise self.failure or RuntimeError(f"{self.name} fails in {hook}")

    @override
    def on_training_start(self, run: RunView) -> None:
        self._note("start", run)

    @override
    def on_step_end(self, run: RunView) -> None:
        self._note("step", run)
        if run.global_timestep == self.stop_at:
            run.request_stop("enough")
        if run.global_timestep == self.save_at:
            assert run.save_checkpoint() == Path(f"{run.global_timestep}.pt")

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        self._note(f"update(loss {metrics['loss']:.0f})", run)

    @override
    def on_training_end(self, run: RunView) -> None:
        self._note("end", run)


class _ListHandler(logging.Handler):
    """Keeps the records of a rig, and fails at the line that the rig names."""

    def __init__(self, rig: "Rig") -> None:
        super().__init__()
        self.rig = rig

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.rig.log.append(record)
        if self.rig.fail_to_log and record.getMessage().startswith(self.rig.fail_to_log):
            raise OSError("the log is full")


class Rig:
    """A loop on fakes: 4 games, rollouts of 3 steps (12 plies), an update after each."""

    def __init__(self, total_timesteps: int, *, begin: int = 0, callbacks: int = 1) -> None:
        self.events: list[str] = []
        self.log: list[logging.LogRecord] = []
        self.fail_to_log: str | None = None
        self.config = AppConfig(
            env=EnvConfig(num_envs=NUM_ENVS, random_opening_share=0.0),
            training=TrainingConfig(
                total_timesteps=total_timesteps, num_steps=NUM_STEPS, num_minibatches=1
            ),
        )
        self.trainer = FakeTrainer(self.events, begin)
        self.stepper = FakeStepper(self.trainer)
        self.screen = FakeScreen(self.events)
        names = ("hook", "other", "third")
        self.callbacks = [NotingCallback(self.events, name) for name in names[:callbacks]]
        logger = logging.Logger("loop test")  # noqa: LOG001
        logger.addHandler(_ListHandler(self))
        self.loop = TrainingLoopManager(
            self.trainer, self.config, self.stepper, self.screen, self.callbacks, logger
        )

    def count(self, event: str) -> int:
        """How often an event, or one that begins so, was noted."""
        return sum(noted.startswith(event) for noted in self.events)
