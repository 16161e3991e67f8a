"""Where the time of a real training loop goes."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from keisei.config_schema import AppConfig
from keisei.training.callbacks import Callback, RunView
from keisei.training.metrics_manager import PHASES
from keisei.training.trainer import Trainer

_NETWORK_PHASES = ("act", "learn")


@dataclass(frozen=True)
class LoopRates:
    """A stretch of training: plies, and seconds by phase, "other" among them."""

    plies: int
    seconds: dict[str, float]

    @property
    def plies_per_second(self) -> float:
        """Plies a second of the whole loop."""
        return self.plies / sum(self.seconds.values())

    @property
    def efficiency(self) -> float:
        """Share of the time that the network's own work takes: choosing moves and learning.

        It is the loop's rate over the rate that this work alone would allow, on the same data.
        """
        network = sum(self.seconds[name] for name in _NETWORK_PHASES)
        return network / sum(self.seconds.values())


class _Stopwatch(Callback):
    """Adds up the updates after the first, which still compiles, and ends the run."""

    def __init__(self, seconds: float) -> None:
        self._least = seconds
        self._is_warm = False
        self.plies = 0
        self.seconds: dict[str, float] = dict.fromkeys((*PHASES, "other"), 0.0)

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Add the update's times."""
        if self._is_warm:
            self.plies += run.config.training.steps_per_epoch
            for name in self.seconds:
                self.seconds[name] += metrics[f"time/{name}"]
            if sum(self.seconds.values()) >= self._least:
                run.request_stop("measured")
        self._is_warm = True


def measure_loop(config: AppConfig, seconds: float) -> LoopRates:
    """Train for at least ``seconds``, and one update, in a folder that is thrown away.

    Evaluations are left out, and checkpoints but the last.

    Raises:
        ConfigError: A setting cannot be used here.
    """
    stopwatch = _Stopwatch(seconds)
    with tempfile.TemporaryDirectory(prefix="keisei-bench-") as folder:
        trainer = Trainer(_without_extras(config, Path(folder, "run")), callbacks=(stopwatch,))
        trainer.run()
    return LoopRates(stopwatch.plies, stopwatch.seconds)


def _without_extras(config: AppConfig, run_dir: Path) -> AppConfig:
    """The same training without an end, a screen, evaluations and checkpoints on the way."""
    sections: dict[str, Any] = config.model_dump()
    sections["training"]["total_timesteps"] = 2**62
    sections["session"] |= {"run_dir": run_dir, "checkpoint_every": 2**31, "writers": ["jsonl"]}
    sections["display"]["mode"] = "quiet"
    sections["evaluation"]["every_updates"] = 0
    return AppConfig.model_validate(sections)
