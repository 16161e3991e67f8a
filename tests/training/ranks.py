"""What the processes of the tests of several ranks do; spawned processes import it by its name."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from typing_extensions import override

from keisei.config_schema import AppConfig, TrainingConfig
from keisei.rl.embedding.network import EmbeddingNet
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.ranks import Ranks
from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.training.callbacks import Callback, RunView
from keisei.training.processes import open_ranks, run_processes
from keisei.training.trainer import Trainer

UNLIKE = 9
"""Exit code of processes that should be alike and are not."""


class StopAt(Callback):
    """Asks to stop after a number of plies, on one rank."""

    def __init__(self, plies: int, rank: int) -> None:
        self.plies = plies
        self.rank = rank

    @override
    def on_step_end(self, run: RunView) -> None:
        if run.global_timestep == self.plies and run.ranks.rank == self.rank:
            run.request_stop("test")


class CheckWeights(Callback):
    """Compares the weights of all ranks after each update."""

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        digests = run.ranks.gather(digest(run.agent))
        assert len(set(digests)) == 1, run.global_timestep


def digest(agent: PPOAgent) -> str:
    """Tells weights and optimiser from all others."""
    state = agent.state_dict()
    moments = [each[name] for each in state["optimizer"]["state"].values() for name in sorted(each)]
    found = hashlib.sha256()
    for tensor in (*state["network"].values(), *moments):
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()


def train(config: AppConfig, resume: str | None = None, stop_at: int | None = None) -> None:
    """Train with as many processes as the settings say; the last one asks to stop."""
    arguments = (config, resume, stop_at)
    if config.session.processes == 1:
        assert train_rank(*arguments) == 0
    else:
        assert run_processes(config.session.processes, train_rank, *arguments) == 0


def train_rank(config: AppConfig, resume: str | None, stop_at: int | None) -> int:
    with open_ranks() as ranks:
        callbacks: tuple[Callback, ...] = (CheckWeights(),)
        if stop_at is not None:
            callbacks += (StopAt(stop_at, ranks.size - 1),)
        trainer = Trainer(config, resume=resume, callbacks=callbacks, ranks=ranks)
        stopped_by = trainer.run()
        told = (stopped_by, digest(trainer.agent), trainer.statistics.state_dict())
        alike = all(each == told for each in ranks.gather(told))
        as_wanted = (stopped_by == "test") == (stop_at is not None)
    return 0 if alike and as_wanted else UNLIKE


def learn(settings: TrainingConfig, rollout: dict[str, Any], ranks: Ranks) -> dict[str, Any]:
    """What one update makes of a rank's share of a rollout [T, N]."""
    share = ranks.share(rollout["columns"]["actions"].shape[1])
    columns = {name: column[:, share] for name, column in rollout["columns"].items()}
    steps, games = columns["actions"].shape
    buffer = ExperienceBuffer(steps, games, STATE_SIZE, MASK_BYTES, "cpu")
    buffer.load_state_dict({**rollout, "columns": columns})
    torch.manual_seed(0)
    # Which gradients are rounded to nothing depends on what else is in a minibatch.
    network = EmbeddingNet(STATE_SIZE, NUM_ACTIONS, width=64, sparse=False)
    agent = PPOAgent(network, settings, device="cpu", seed=ranks.rank, ranks=ranks)
    row = agent.learn(buffer, 0.0)
    # After one step Adam's first moment is a tenth of the gradient that was followed.
    moments = agent.state_dict()["optimizer"]["state"]
    names = (name for name, _ in network.named_parameters())
    gradients = {name: moments[place]["exp_avg"] * 10 for place, name in enumerate(names)}
    return {"row": row, "gradients": gradients, "digests": ranks.gather(digest(agent))}


def learn_rank(settings: TrainingConfig, rollout: dict[str, Any], path: Path) -> int:
    torch.set_num_threads(1)
    with open_ranks() as ranks:
        learned = learn(settings, rollout, ranks)
        if ranks.is_first:
            torch.save(learned, path)
        ranks.any(False)
    return 0


def fail_alone() -> int:
    """Rank 1 raises while the other waits for it."""
    with open_ranks() as ranks:
        if ranks.rank == 1:
            raise ArithmeticError("rank 1 has a bug")
        ranks.any(False)
    return 0


def fail_on_first(path: Path) -> int:
    """Rank 0 fails at what it does for all; each rank notes what it hears."""
    with open_ranks() as ranks:
        action: Callable[[], float] = lambda: 1 / 0  # noqa: E731
        try:
            ranks.on_first(action)
        except ZeroDivisionError as error:
            (path / str(ranks.rank)).write_text(str(error))
        ranks.any(False)
    return 3
