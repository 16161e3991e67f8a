"""Policies of strangers: what they say is checked before there is room for it."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import safetensors.torch
import torch
from torch import Tensor

from keisei import ENV_ID
from keisei.config_schema import ConfigError, ModelConfig
from keisei.rl.networks import build_network
from keisei.training.checkpoint import CheckpointError, CheckpointFolder
from keisei.training.model_manager import ModelManager, load_policy
from tests.fuzz.harness import guarded

SMALL = {"blocks": 1, "channels": 8}


def write(folder: Path, weights: dict[str, Tensor], **facts: Any) -> Path:
    path = folder / "odd.safetensors"
    said = {"environment": ENV_ID, "network": "resnet", "options": SMALL, **facts}
    header = {"keisei-policy-1": json.dumps(said)}
    cast(Any, safetensors.torch).save_file(weights, path, header)
    return path


def weights(**others: Tensor) -> dict[str, Tensor]:
    return {**build_network("resnet", **SMALL).state_dict(), **others}


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"x": torch.zeros(2)}, "'x' is no part of it"),
        ({"stem_norm.bias": torch.zeros(9)}, r"stem_norm.bias is torch.float32 \(9,\) and should"),
        ({"stem_norm.bias": torch.zeros(8, dtype=torch.int64)}, r"stem_norm.bias is torch.int64"),
        ({"stem_norm.bias": torch.full((8,), torch.nan)}, "not finite in stem_norm.bias"),
        ({"stem_norm.bias": torch.full((8,), torch.inf)}, "not finite in stem_norm.bias"),
    ],
)
def test_other_weights_than_the_networks_are_refused(
    tmp_path: Path, others: dict[str, Tensor], words: str
) -> None:
    assert load_policy(write(tmp_path, weights()))
    with pytest.raises(CheckpointError, match=words):
        load_policy(write(tmp_path, weights(**others)))


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"odd\.safetensors.*lacks policy_conv.bias"):
        load_policy(write(tmp_path, {"x": torch.zeros(2)}))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"options": {"channels": 8 * 10**6}}, "would have [0-9]+ weights, more than"),
        ({"options": {"channels": 8 * 10**18}}, "cannot build: model.network = 'resnet': "),
        ({"options": {"channels": "8"}}, "cannot build: model.network = 'resnet': "),
        ({"options": {"blocks": 10**12}}, "between 1 and 1000, not 10"),
        ({"network": "embedding", "options": {"width": 64 * 10**9}}, "cannot build"),
        ({"network": "embedding", "options": {"width": 1 << 12}}, "lacks hidden.bias"),
        ({"network": None}, "network is NoneType None and not a text"),
        ({"options": [1]}, "options is a list of 1 and not a dict"),
        ({"environment": {}}, "environment is a dict of 0 and not a text"),
    ],
)
def test_odd_claims_cost_neither_memory_nor_time(
    tmp_path: Path, facts: dict[str, Any], words: str
) -> None:
    with guarded(megabytes=100, seconds=10), pytest.raises(CheckpointError, match=words) as refused:
        load_policy(write(tmp_path, {"x": torch.zeros(2)}, **facts))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[1]", "{", 5000 * "[", 5000 * "9"])
def test_a_claim_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.safetensors"
    cast(Any, safetensors.torch).save_file({"x": torch.zeros(2)}, path, {"keisei-policy-1": text})
    with pytest.raises(CheckpointError, match=r"odd\.safetensors.*damaged: keisei-policy-1 is no"):
        load_policy(path)


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(network="embedding", options={"width": 64 * 10**6}),
        ModelConfig(network="embedding", options={"width": 64 * 10**9}),
        ModelConfig(network="resnet", options={"blocks": 10**9}),
    ],
)
def test_a_network_too_large_for_any_machine_is_a_mistake_in_the_settings(
    tmp_path: Path, config: ModelConfig
) -> None:
    folder = CheckpointFolder(tmp_path, 1)
    with guarded(megabytes=100, seconds=10), pytest.raises(ConfigError, match=r"model.network = "):
        ModelManager(config, torch.device("cpu"), 0, folder)
