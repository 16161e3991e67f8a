"""How much a training loop asks of its device, and how much the device has."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import copy
import subprocess
import tempfile
from typing import IO

import torch
from torch.utils.flop_counter import FlopCounterMode

from keisei.config_schema import AppConfig
from keisei.rl.network_base import PolicyValueNet
from keisei.shogi.features import MASK_BYTES, STATE_SIZE

_COUNTED = 8
"""Positions that are counted; the operations of a batch are in proportion to its size."""
_PEAK_BF16 = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Dense products in bfloat16, operations a second, by NVIDIA's data sheets (SXM)."""
_SAMPLE_MS = 200


def flops_per_ply(network: PolicyValueNet, config: AppConfig) -> float:
    """Operations of products and convolutions that a ply costs: chosen once, learned in each epoch.

    A multiplication and an addition count as two; sums of embeddings do not count.
    """
    # On the device "meta" shapes are enough, and no faster path of a network for CPUs is taken.
    model = copy.deepcopy(network).to("meta").train()
    state = torch.empty((_COUNTED, STATE_SIZE), dtype=torch.uint8, device="meta")
    mask_bits = torch.empty((_COUNTED, MASK_BYTES), dtype=torch.uint8, device="meta")
    actions = torch.empty(_COUNTED, dtype=torch.int64, device="meta")
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        model(state, mask_bits, actions)
    with FlopCounterMode(display=False) as both:
        log_probs, entropies, values = model(state, mask_bits, actions)
        (log_probs + entropies + values).sum().backward()
    learning = config.training.update_epochs * both.get_total_flops()
    return (forward.get_total_flops() + learning) / _COUNTED


def peak_flops(config: AppConfig, device: torch.device) -> float | None:
    """Operations a second that the device can do in the settings' precision; None if not known."""
    if device.type != "cuda" or config.training.precision != "bfloat16":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for known, peak in _PEAK_BF16.items() if known in name), None)


class GpuWatch:
    """Reads from nvidia-smi which share of the time a kernel runs on the GPU."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lines: IO[str] | None = None

    def start(self) -> None:
        """Begin to read; without nvidia-smi nothing will be read."""
        self._lines = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (closed in stop)
        query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        try:
            self._process = subprocess.Popen(
                ["nvidia-smi", *query, f"--loop-ms={_SAMPLE_MS}"], stdout=self._lines, text=True
            )
        except OSError:
            self._process = None

    def stop(self) -> float | None:
        """The mean since ``start`` in [0, 1]; None when nothing could be read."""
        if self._lines is None:
            return None
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        with self._lines as lines:
            lines.seek(0)
            # Where it is not supported, the answer is a word in brackets.
            samples = [int(line) for line in lines if line.strip().isdigit()]
        return sum(samples) / len(samples) / 100 if samples else None
