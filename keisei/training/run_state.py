"""What a run goes on from: gathered from its parts on all ranks, and given back to them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from keisei.config_schema import AppConfig
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.ranks import Ranks
from keisei.training import shares
from keisei.training.checkpoint import CheckpointError
from keisei.training.checkpoint_form import check_body, fault_of_games
from keisei.training.env_manager import EnvManager
from keisei.training.game_statistics import GameStatistics
from keisei.training.metrics_manager import MetricsManager
from keisei.training.resumed_settings import compare_settings
from keisei.training.seating import Seating
from keisei.training.session_manager import Seeds
from keisei.training.step_manager import StepManager
from keisei.training.watch import CollapseWatch

_OWN = ("agent", "env", "episode", "buffer", "seating")
"""Parts of which each rank has a state of its own."""
_COMMON = ("statistics", "metrics", "watch")
"""Parts whose state is the same on all ranks."""


@dataclass(frozen=True)
class RunState:
    """The parts of a run that a checkpoint holds, under the names that they have in it."""

    config: AppConfig
    ranks: Ranks
    logger: logging.Logger
    agent: PPOAgent
    env: EnvManager
    episode: StepManager
    buffer: ExperienceBuffer
    seating: Seating | None
    statistics: GameStatistics
    metrics: MetricsManager
    watch: CollapseWatch

    def own(self) -> dict[str, Any]:
        """What this rank puts into a checkpoint; of what all have in common, rank 0 tells."""
        state = {name: part.state_dict() for name, part in self._parts(_OWN).items()}
        if not self.ranks.is_first:
            state["agent"] = {"generator": state["agent"]["generator"]}
            if "seating" in state:
                del state["seating"]["pool"]
        return state

    def common(self) -> dict[str, Any]:
        """What is the same on all ranks."""
        state = {name: part.state_dict() for name, part in self._parts(_COMMON).items()}
        return state | {"config": self.config.model_dump(mode="json")}

    def restore(self, path: Path, contents: Mapping[str, Any]) -> int:
        """Bring all parts to the state of a checkpoint and return its timestep; all ranks do.

        Args:
            path: Of the checkpoint.
            contents: What it holds, looked at only as far as its policy goes.

        Raises:
            CheckpointError: It cannot be gone on with under these settings, or at all.
        """
        compare_settings(self.config, path, contents, self.logger)
        check_body(path, contents, self.config, self.agent, self.buffer)
        begin = int(contents["global_timestep"])
        own = shares.divide(contents, self.ranks, lambda name: self._stream(name, begin))
        if not self.agent.knows_stream(own["agent"]["generator"]):
            own["agent"]["generator"] = self._stream("agent", begin)
            self.logger.warning(
                "The checkpoint's random stream belongs to another kind of device: moves are "
                "sampled from a new one"
            )
        # The games are looked at while they are taken.
        found = fault_of_games(self.env.load_state_dict, own)
        fault = next(filter(None, self.ranks.gather(found)), None)
        if fault is not None:
            raise CheckpointError(f"{str(path)!r} cannot be gone on with: {fault}")
        for name, part in self._parts(_OWN).items():
            if name != "env" and name in own:
                part.load_state_dict(own[name])
        for name, part in self._parts(_COMMON).items():
            part.load_state_dict(contents[name])
        self.logger.info("Resumed %s at timestep %d", path, begin)
        return begin

    def _parts(self, names: tuple[str, ...]) -> dict[str, Any]:
        parts: dict[str, Any] = {name: getattr(self, name) for name in names}
        return {name: part for name, part in parts.items() if part is not None}

    def _stream(self, name: str, begin: int) -> torch.Tensor:
        """State of a random generator of this rank that begins at a timestep."""
        seeds = Seeds.of(self.config.session.seed, self.ranks.rank, begin)
        device = self.agent.device if name == "agent" else "cpu"
        return torch.Generator(device).manual_seed(getattr(seeds, name)).get_state()
