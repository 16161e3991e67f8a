"""Small whole runs for the tests, and what they compare."""

import json
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from typing_extensions import override

from keisei.config_file import load_config
from keisei.config_schema import AppConfig
from keisei.rl.network_base import PolicyValueNet, bounded_value, register_network
from keisei.training.callbacks import Callback
from keisei.training.trainer import Trainer

NUM_ENVS, NUM_STEPS = 8, 6
ROLLOUT = NUM_ENVS * NUM_STEPS

EMBEDDING: dict[str, Any] = {"model.network": "embedding", "model.options": {"width": 64}}
"""The network that ships, for tests of what only it does: its kernels, its memory, its size."""

SMALL = "small"
"""Name of the network of most tests, in which it does not matter which one learns."""


@register_network(SMALL)
class SmallNet(PolicyValueNet):
    """Two thin layers over the bytes of a state: a step and a checkpoint take next to nothing."""

    def __init__(self, state_size: int, num_actions: int) -> None:
        super().__init__(state_size, num_actions)
        self.hidden = nn.Linear(state_size, 8)
        self.policy_out = nn.Linear(8, num_actions)
        self.value_out = nn.Linear(8, 1)

    @override
    def logits_and_value(self, state: Tensor) -> tuple[Tensor, Tensor]:
        trunk = torch.tanh(self.hidden(state.float() / 32))
        return self.policy_out(trunk), bounded_value(self.value_out, trunk)


def small_overrides(run_dir: Path, updates: int, **others: Any) -> dict[str, Any]:
    """Settings of a run of seconds: short games, so that some are cut off in every rollout."""
    return {
        "env.num_envs": NUM_ENVS,
        "env.max_plies": 10,
        "env.random_opening_share": 0.0,
        "training.num_steps": NUM_STEPS,
        "training.num_minibatches": 2,
        "training.total_timesteps": updates * ROLLOUT,
        "training.lr_schedule": "constant",
        "model.network": SMALL,
        "session.run_dir": run_dir,
        "session.device": "cpu",
        "session.checkpoint_every": 2,
        "display.mode": "quiet",
        "evaluation.every_updates": 2,
        "evaluation.num_games": 2,
        **others,
    }


def small_config(run_dir: Path, updates: int, **others: Any) -> AppConfig:
    """The same as settings."""
    return load_config(overrides=small_overrides(run_dir, updates, **others))


def train(
    config: AppConfig, *, resume: str | None = None, callbacks: tuple[Callback, ...] = ()
) -> Trainer:
    """Run to the end and return the trainer, whose parts can still be looked at."""
    trainer = Trainer(config, resume=resume, callbacks=callbacks)
    trainer.run()
    return trainer


def rows_without_time(run_dir: Path) -> list[dict[str, float]]:
    """The rows of metrics without what depends on the clock."""
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if not name.startswith("time/")}
        for line in lines
    ]


def assert_same(one: Any, other: Any, place: str = "") -> None:
    """Compare checkpoint contents to the last bit; clock times and the run folder may differ."""
    if place.endswith((".elapsed_seconds", ".run_dir")):
        return
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, place
        assert torch.equal(one, other), place
    elif isinstance(one, dict):
        mapping = cast(dict[Any, Any], one)
        assert mapping.keys() == other.keys(), place
        for key, value in mapping.items():
            assert_same(value, other[key], f"{place}.{key}")
    elif isinstance(one, list | tuple):
        items = cast(list[Any], one)
        assert len(items) == len(other), place
        for index, (left, right) in enumerate(zip(items, other, strict=True)):
            assert_same(left, right, f"{place}[{index}]")
    else:
        assert one == other, place
