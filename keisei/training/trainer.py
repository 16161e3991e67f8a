"""Builds the parts of a run, holds their lifetimes, and gives the loop its verbs."""

from contextlib import ExitStack
from pathlib import Path

import torch
from rich.console import Console

from keisei.config_schema import AppConfig, ConfigError
from keisei.rl.diagnostics import judge_values
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.ranks import Ranks
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.training import shares
from keisei.training.callbacks import Callback
from keisei.training.checkpoint import CheckpointFolder
from keisei.training.checkpoint_form import agent_form
from keisei.training.display import TrainingDisplay
from keisei.training.env_manager import EnvManager, check_memory, divide_games
from keisei.training.evaluation_callback import copy_noted_best
from keisei.training.game_statistics import GameStatistics
from keisei.training.hooks import build_callbacks
from keisei.training.live_file import LiveFileCallback
from keisei.training.metrics_manager import MetricsManager
from keisei.training.mirror import Mirror
from keisei.training.model_manager import ModelManager, check_alike, resolve_device
from keisei.training.provenance import introduce_run, self_play
from keisei.training.run_state import RunState
from keisei.training.seating import Seating
from keisei.training.session_manager import SessionManager
from keisei.training.step_manager import StepManager
from keisei.training.training_loop_manager import TrainingLoopManager
from keisei.training.watch import CollapseWatch


class Trainer:
    """One training run, from its settings to its last checkpoint.

    Everything that can be refused is refused in the constructor, before any work is done. Of
    several ranks each has a trainer, which plays the rank's share of the games; that of rank 0
    writes the files.
    """

    def __init__(
        self,
        config: AppConfig,
        *,
        resume: Path | str | None = None,
        console: Console | None = None,
        callbacks: tuple[Callback, ...] = (),
        ranks: Ranks | None = None,
    ) -> None:
        """Build the run and, on a resume, bring it to where it was.

        Args:
            config: Settings of the run.
            resume: "latest" or the path of a checkpoint to go on from; None for a new run.
            console: Where to show progress; standard output when not given.
            callbacks: Called before those that come with the run.
            ranks: The processes of the run; None for one alone.

        Raises:
            ConfigError: A setting is not usable on this machine.
            RunFolderError: The run folder cannot be used.
            CheckpointError: The checkpoint cannot be resumed.
            WriterError: A writer of metrics cannot start.
            RemoteError: The mirror cannot be used.
        """
        self.config = config
        self.ranks = Ranks() if ranks is None else ranks
        if self.ranks.size != config.session.processes:
            raise ConfigError(
                f"session.processes = {config.session.processes}, but the number of processes is "
                f"{self.ranks.size}; start them with keisei-vec train or torchrun"
            )
        self.statistics = GameStatistics()
        device = self.ranks.on_each(lambda: resolve_device(config.session.device, self.ranks))
        check_alike(device, self.ranks)
        if config.session.torch_threads is not None:
            torch.set_num_threads(config.session.torch_threads)
        own_games = config.env.num_envs // self.ranks.size
        self.ranks.on_each(lambda: check_memory(config, own_games))
        self.session = SessionManager(config, resume=resume, ranks=self.ranks)
        self._loop: TrainingLoopManager | None = None
        self._is_closed = False
        self.watch = CollapseWatch(config.watch, config.steps_per_epoch)
        folder = CheckpointFolder(
            self.session.checkpoint_dir, config.session.keep_checkpoints, self.watch.needs_before
        )
        self.models = ModelManager(config.model, device, self.session.seeds.network, folder)
        if resume is None and config.model.init is not None:
            self.models.begin_from(config.model.init, self.ranks)
            # PPO makes every policy too sure again.
            self.models.network.search_temperature = None
        self._mirror = Mirror(self.run_dir, config.session.mirror, self.session.logger)
        with ExitStack() as stack:
            stack.callback(self.session.close)
            self.session.open()
            stack.callback(self._mirror.close)
            self._build(stack, device, console)
            self._begins_at = self._begin() if resume is None else self._resume(resume)
            self.callbacks = list(callbacks)
            self.ranks.on_first(lambda: self._mirror.begin(is_new=resume is None))
            if self._is_complete:
                self.ranks.on_first(self._copy_noted_best)
            else:
                self.callbacks += build_callbacks(
                    stack, config, self.session, self.watch, self.ranks, self.global_timestep
                )
                self.callbacks.append(
                    LiveFileCallback(self.env_manager.envs, self.experience_buffer)
                )
                # From here on the run starts for sure, and may change what the folder holds.
                self.ranks.on_first(lambda: self.models.folder.drop_after(self.global_timestep))
                self.session.write_records()
            self._open = stack.pop_all()

    def _copy_noted_best(self) -> None:
        saved = self.models.folder.path(self.global_timestep)
        copy_noted_best(self.run_dir, saved, self.global_timestep)

    def _build(self, stack: ExitStack, device: torch.device, console: Console | None) -> None:
        config = self.config
        display = config.display
        num_envs = config.env.num_envs // self.ranks.size
        self.display = TrainingDisplay(
            display.mode if self.ranks.is_first else "quiet",
            console,
            refresh_per_second=display.refresh_per_second,
            log_every_seconds=display.log_every_seconds,
            record=self.session.record,
            board=lambda: self.env_manager.envs[0].board_text(0),
        )
        self.session.echo(self.display.message)
        work = self_play(config)
        for line in introduce_run(config, self.models.network, device, self.run_dir, work):
            self.session.logger.info("%s", line)
        # What the first one of a machine compiles is there for the others.
        with self.ranks.first_ahead():
            sizes = divide_games(num_envs, config.training.overlap, device.type)
            self.env_manager = EnvManager(config.env, self.session.logger, sizes)
            stack.callback(self.env_manager.close)
            self.env_manager.check_network(self.models.network)
            self.env_manager.warm_up(self.models.network, device)
        if config.training.compile:
            self.session.logger.info("torch.compile makes the first step and update take minutes")
        self.agent = PPOAgent(
            self.models.network,
            config.training,
            device=device,
            seed=self.session.seeds.agent,
            ranks=self.ranks,
        )
        self.experience_buffer = ExperienceBuffer(
            config.training.num_steps, num_envs, STATE_SIZE, MASK_BYTES, device
        )
        self.metrics = MetricsManager(config.training.total_timesteps, self.statistics, self.ranks)
        self.seating: Seating | None = None
        if Seating.is_needed(config):
            seed = self.session.seeds.seating
            self.seating = Seating(config, self.agent, self.env_manager.envs, seed, self.ranks)
        self.step_manager = StepManager(
            self.env_manager.envs,
            self.agent,
            self.experience_buffer,
            self.metrics,
            device,
            self.seating,
            finds_mates=config.training.mate_coef > 0,
        )
        # After the pool has taken its copies. Moves that are chosen ahead are of the next step.
        self.models.network.remember((config.training.num_steps + 1) * num_envs)
        self._state = RunState(
            config,
            self.ranks,
            self.session.logger,
            self.agent,
            self.env_manager,
            self.step_manager,
            self.experience_buffer,
            self.seating,
            self.statistics,
            self.metrics,
            self.watch,
        )

    @property
    def global_timestep(self) -> int:
        """Plies played so far, all games together, those before a resume included."""
        return self._begins_at if self._loop is None else self._loop.global_timestep

    @property
    def _is_complete(self) -> bool:
        """Whether a resumed run has nothing left to train."""
        return self._begins_at >= self.config.training.total_timesteps

    @property
    def run_dir(self) -> Path:
        """Folder of the run."""
        return self.session.run_dir

    def run(self) -> str | None:
        """Train to the end or until somebody asks to stop.

        A resumed run that has reached its end already says so, and nothing in its folder changes
        but the log.

        Returns:
            Why the run stopped early, for example "SIGINT"; None when it is complete.

        Raises:
            RuntimeError: This trainer has run or is closed.
        """
        if self._is_closed:
            raise RuntimeError(
                f"this trainer has run to timestep {self.global_timestep} or was closed; build "
                'another one, with resume="latest" to go on'
            )
        self._is_closed = True
        loop = self._loop = TrainingLoopManager(
            self, self.config, self.step_manager, self.display, self.callbacks, self.session.logger
        )
        with self._open:
            self.metrics.start_clock()
            with self.session.signals(loop.request_stop):
                loop.run()
        return loop.stop_reason

    def perform_ppo_update(self, global_timestep: int) -> dict[str, float]:
        """Learn from the full buffer, empty it, and return the update's row."""
        training = self.config.training
        buffer = self.experience_buffer
        with self.metrics.phase("learn"):
            last_values = self.agent.value(self.step_manager.episode.state)
            buffer.finish(last_values, training.gamma, training.gae_lambda)
            # Of its beginning, so that the last rollout is learned from, whatever the schedule.
            begin = global_timestep - self.config.steps_per_epoch
            progress = min(1.0, max(0, begin) / training.total_timesteps)
            learning = self.agent.learn(buffer, progress)
            learning |= judge_values(buffer, training.gamma, self.ranks)
            plies = sum(self.ranks.gather(buffer.learned_plies))
            learning["learned_share"] = plies / self.config.steps_per_epoch
            pool = self.seating.pool if self.seating is not None else None
            opponents = pool.after_update(self.agent.update_count) if pool is not None else {}
        del learning["updates"]  # counted by the metrics, whose rows bring it
        buffer.clear()
        return self.metrics.finish_update(learning, plies, opponents)

    def go_back(self, before: int, lr_scale: float) -> int | None:
        """Take weights and optimiser of the newest checkpoint of an earlier timestep.

        The games go on where they are, and so does the count of plies; what is in a full rollout
        is forgotten, and later checkpoints are deleted.

        Args:
            before: The checkpoint's timestep is less than this.
            lr_scale: Multiplies the learning rate from here on.

        Returns:
            The checkpoint's timestep; None when there is none with finite weights.
        """
        found = self.ranks.on_first(
            lambda: self.models.finite_before(
                before, agent_form(self.agent), self.session.logger.warning
            )
        )
        if found is None:
            return None
        path, contents = found
        self.agent.fall_back(contents["agent"], lr_scale)
        if self.experience_buffer.full:
            self.experience_buffer.clear()
        self.session.logger.info("Took the weights of %s", path)
        timestep = int(contents["global_timestep"])
        self.ranks.on_first(lambda: self.models.folder.drop_after(timestep))
        self._mirror.copy()
        return timestep

    def save_checkpoint(self, global_timestep: int) -> Path:
        """Write everything that the run needs to go on, and return the file's path."""
        self.metrics.join_games()
        parts = self.ranks.collect(self._state.own())
        path = self.ranks.on_first(
            lambda: self.models.save(global_timestep, shares.join(parts) | self._state.common())
        )
        self.session.logger.info("Saved %s", path)
        self._mirror.copy()
        return path

    def _begin(self) -> int:
        # Game i of the run has stream i, whichever rank plays it.
        first_game = self.ranks.share(self.config.env.num_envs).start
        self.step_manager.start(self.session.seeds.env + first_game)
        return 0

    def _resume(self, resume: Path | str) -> int:
        """Bring all parts to the state of a checkpoint and return its timestep."""
        path, contents = self.ranks.on_first(
            lambda: self.models.load(resume, self.session.logger.warning)
        )
        return self._state.restore(path, contents)

    def finalize_training(self, global_timestep: int, *, is_whole: bool) -> None:
        """Save the last checkpoint and close everything; called once, however the run ended.

        Args:
            global_timestep: Plies played.
            is_whole: False when the run broke off within a step or an update: then no checkpoint
                is written, for it could not be resumed to the same weights, and the one before
                stays the latest.
        """
        with self._open:
            if not is_whole:
                self.session.logger.warning(
                    "Broke off within a step: the last checkpoint before it stays the latest"
                )
            elif not self._is_complete:
                self.save_checkpoint(global_timestep)
            verdict = self.watch.verdict()
            if verdict is not None:
                self.session.logger.warning("%s", verdict)

    def close(self) -> None:
        """Release what is open when the run is not run; after a run this changes nothing."""
        self._is_closed = True
        self._open.close()
