"""Where the numbers of a run come from: network, device, versions, machine, commit."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import torch
from torch import nn

import keisei
from keisei.config_schema import AppConfig

_PACKAGES = ("torch", "numpy", "numba", "gymnasium", "tensordict")


def introduce_run(
    config: AppConfig, network: nn.Module, device: torch.device, run_dir: Path, work: str
) -> list[str]:
    """What a run is, as the lines that its log begins with.

    Args:
        config: Settings of the run.
        network: The one that learns.
        device: Where it runs.
        run_dir: Folder of the run.
        work: The line that says what it learns from, and with how many threads.
    """
    record = environment_record()
    options = ", ".join(f"{name}={value}" for name, value in config.model.options.items())
    weights = sum(parameter.numel() for parameter in network.parameters())
    versions = ", ".join(f"{name} {record[name]}" for name in ("python", *_PACKAGES))
    commit = f" at commit {str(record['commit'])[:10]}" if record["commit"] else ""
    return [
        f"Run folder {run_dir}, seed {config.session.seed}",
        f"Network {config.model.network}({options}) with {weights:,} weights on "
        f"{_named(device)}, {config.training.precision}",
        work,
        f"keisei {record['keisei']}{commit}, {versions} on {record['platform']}",
    ]


def self_play(config: AppConfig) -> str:
    """What a run learns from that plays its games itself, as a line of its log."""
    return (
        f"Games: {config.env.num_envs:,}, processes: {config.session.processes}, threads of each: "
        f"{config.env.num_threads or 1} for games, {torch.get_num_threads()} for torch"
    )


def _named(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({platform.machine()}, {os.cpu_count()} CPUs)"


def environment_record() -> dict[str, str | int | None]:
    """What the run's numbers may depend on besides its settings: versions, machine, commit."""
    return {
        "keisei": keisei.__version__,
        "commit": _git_commit(),
        "python": sys.version.split()[0],
        **{name: metadata.version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _git_commit() -> str | None:
    """Commit of the source tree that runs; None for an installed package or without git."""
    source = Path(keisei.__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(source), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
