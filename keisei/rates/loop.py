"""Where the time of a real training loop goes."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from typing_extensions import override

from keisei.config_schema import AppConfig
from keisei.rates.device import GpuWatch, flops_per_ply, peak_flops
from keisei.rates.parts import measure_network
from keisei.training.callbacks import Callback, RunView
from keisei.training.metrics_manager import PHASES
from keisei.training.model_manager import resolve_device
from keisei.training.trainer import Trainer

_NETWORK_PHASES = ("act", "learn")


@dataclass(frozen=True)
class LoopRates:
    """A stretch of training: plies, and seconds by phase, "other" among them."""

    plies: int
    seconds: dict[str, float]
    flops_per_ply: float
    """Operations of the network, ``device.flops_per_ply``."""
    peak_flops: float | None
    """Operations a second that the device can do; None if not known."""
    gpu_utilisation: float | None
    """Share of the time in which a kernel ran on the GPU; None without one."""

    network_alone: float | None
    """Plies a second that choosing moves and learning alone would allow; None on a CPU."""

    @property
    def flop_utilisation(self) -> float | None:
        """Model FLOP utilisation, the network's operations over what the device can do.

        None where that is not known. The measure is that of Chowdhery et al., "PaLM"
        (arXiv:2204.02311, appendix B).
        """
        if self.peak_flops is None:
            return None
        return self.plies_per_second * self.flops_per_ply / self.peak_flops

    @property
    def plies_per_second(self) -> float:
        """Plies a second of the whole loop."""
        return self.plies / sum(self.seconds.values())

    @property
    def efficiency(self) -> float:
        """The loop's rate over the rate that choosing moves and learning alone would allow.

        On a CPU that is the share of the time that this work takes. A GPU works while the host does
        other things, so its work is measured by itself, on data that lies there.
        """
        if self.network_alone is not None:
            return self.plies_per_second / self.network_alone
        network = sum(self.seconds[name] for name in _NETWORK_PHASES)
        return network / sum(self.seconds.values())


class _Stopwatch(Callback):
    """Adds up the updates after the first, which still compiles, and ends the run."""

    def __init__(self, seconds: float, device: torch.device) -> None:
        self._least = seconds
        self._is_warm = False
        self._watch = GpuWatch() if device.type == "cuda" else None
        self.gpu_utilisation: float | None = None
        self.plies = 0
        self.seconds: dict[str, float] = dict.fromkeys((*PHASES, "other"), 0.0)

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Add the update's times."""
        if self._is_warm:
            self.plies += run.config.steps_per_epoch
            for name in self.seconds:
                self.seconds[name] += metrics[f"time/{name}"]
            if sum(self.seconds.values()) >= self._least:
                run.request_stop("measured")
        elif self._watch is not None:
            self._watch.start()
        self._is_warm = True

    @override
    def on_training_end(self, run: RunView) -> None:
        """Look how busy the GPU was."""
        if self._watch is not None:
            self.gpu_utilisation = self._watch.stop()


def measure_loop(config: AppConfig, seconds: float) -> LoopRates:
    """Train for at least ``seconds``, and one update, in a folder that is thrown away.

    Evaluations are left out, and checkpoints but the last.

    Raises:
        ConfigError: A setting cannot be used here.
    """
    device = resolve_device(config.session.device)
    stopwatch = _Stopwatch(seconds, device)
    with tempfile.TemporaryDirectory(prefix="keisei-bench-") as folder:
        trainer = Trainer(_without_extras(config, Path(folder, "run")), callbacks=(stopwatch,))
        trainer.run()
    alone: float | None = None
    if device.type != "cpu":
        act, update = measure_network(config, seconds)
        alone = 1.0 / (1.0 / act + 1.0 / update)
    return LoopRates(
        stopwatch.plies,
        stopwatch.seconds,
        flops_per_ply(trainer.models.network, config),
        peak_flops(config, device),
        stopwatch.gpu_utilisation,
        alone,
    )


def _without_extras(config: AppConfig, run_dir: Path) -> AppConfig:
    """The same training without an end, a screen, evaluations and checkpoints on the way."""
    sections: dict[str, Any] = config.model_dump()
    sections["training"]["total_timesteps"] = 2**62
    sections["session"] |= {"run_dir": run_dir, "checkpoint_every": 2**31, "writers": ["jsonl"]}
    sections["session"]["mirror"] = None
    sections["display"]["mode"] = "quiet"
    sections["evaluation"]["every_updates"] = 0
    return AppConfig.model_validate(sections)
