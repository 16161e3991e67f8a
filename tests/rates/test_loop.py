import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from keisei.config_schema import AppConfig, TrainingConfig
from keisei.rates.device import GpuWatch, flops_per_ply, peak_flops
from keisei.rates.loop import LoopRates
from keisei.rl.network_base import PolicyValueNet
from keisei.rl.networks import build_network
from keisei.shogi.constants import NUM_ACTIONS, NUM_SQUARES
from keisei.shogi.features import STATE_SIZE


class Linear(PolicyValueNet):
    """Two layers whose products can be counted by hand."""

    def __init__(self) -> None:
        super().__init__(STATE_SIZE, NUM_ACTIONS)
        self.hidden = nn.Linear(STATE_SIZE, 10, bias=False)
        self.out = nn.Linear(10, NUM_ACTIONS, bias=False)

    def logits_and_value(self, state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.hidden(state.float())
        return self.out(hidden), hidden[:, 0]


def test_operations_are_those_counted_by_hand() -> None:
    config = AppConfig(training=TrainingConfig(update_epochs=3))
    first, second = 2 * STATE_SIZE * 10, 2 * 10 * NUM_ACTIONS
    # Backward the weights' gradients cost as much again, and the second layer's input's, too.
    learned = (first + second) + (first + 2 * second)
    assert flops_per_ply(Linear(), config) == first + second + 3 * learned


def test_both_networks_can_be_counted_and_stay_where_they_are() -> None:
    config = AppConfig()
    counts = {name: flops_per_ply(build_network(name), config) for name in ("embedding", "resnet")}
    network = build_network("resnet", blocks=1, channels=8)
    flops_per_ply(network, config)
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}
    # The tower's twelve convolutions of 96 x 96 x 9 alone.
    tower = 2 * 12 * 96 * 96 * 9 * NUM_SQUARES
    assert 7 * tower < counts["resnet"] < 1.3 * 7 * tower
    assert 0 < counts["embedding"] < counts["resnet"] / 10


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        ("NVIDIA H200", "bfloat16", 989e12),
        ("NVIDIA A100-SXM4-80GB", "bfloat16", 312e12),
        ("NVIDIA H200", "float32", None),
        ("Some other card", "bfloat16", None),
    ],
)
def test_peaks_are_known_of_some_cards(
    monkeypatch: pytest.MonkeyPatch, name: str, precision: str, peak: float | None
) -> None:
    def name_of(_: torch.device) -> str:
        return name

    monkeypatch.setattr(torch.cuda, "get_device_name", name_of)
    config = AppConfig.model_validate({"training": {"precision": precision}})
    assert peak_flops(config, torch.device("cuda")) == peak
    assert peak_flops(config, torch.device("cpu")) is None


def test_utilisation_is_operations_over_peak() -> None:
    rates = LoopRates(2000, {"act": 1.0, "learn": 1.0}, 1e9, 1e13, None, None)
    assert rates.flop_utilisation == pytest.approx(0.1)


def test_efficiency_is_the_networks_share_of_the_time_or_of_its_rate_alone() -> None:
    seconds = {"env": 1.0, "act": 2.0, "learn": 5.0}
    assert LoopRates(800, seconds, 1.0, None, None, None).efficiency == pytest.approx(7 / 8)
    assert LoopRates(800, seconds, 1.0, None, None, 125.0).efficiency == pytest.approx(0.8)


def test_the_gpu_is_watched_with_nvidia_smi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 90\necho 70\necho '[N/A]'\necho done > $MARK\nsleep 60\n")
    program.chmod(0o755)
    mark = tmp_path / "mark"
    monkeypatch.setenv("MARK", str(mark))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    watch = GpuWatch()
    watch.start()
    while not mark.exists():
        pass
    assert watch.stop() == pytest.approx(0.8)


def test_without_nvidia_smi_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    watch = GpuWatch()
    watch.start()
    assert watch.stop() is None
