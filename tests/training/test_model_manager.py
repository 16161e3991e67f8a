"""The network of a run: device, seed, architecture, and the policy file for sharing."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import safetensors.torch
import torch
from torch import Tensor

from keisei.config_schema import ConfigError, ModelConfig
from keisei.files import UnwritableError
from keisei.training.checkpoint import CheckpointError, CheckpointFolder
from keisei.training.model_manager import (
    POLICY_FILE,
    ModelManager,
    export_policy,
    load_policy,
    resolve_device,
)

SMALL = ModelConfig(network="resnet", options={"blocks": 1, "channels": 8})
CPU = torch.device("cpu")


def manager(
    folder: Path, config: ModelConfig = SMALL, seed: int = 3, keep: int = 3
) -> ModelManager:
    return ModelManager(config, CPU, seed, CheckpointFolder(folder, keep))


def saved(folder: Path, **others: Any) -> tuple[ModelManager, Path]:
    models = manager(folder)
    agent = {"network": models.network.state_dict()}
    return models, models.save(64, {"agent": agent, "global_timestep": 64, **others})


def header(policy: Path) -> dict[str, Any]:
    raw = policy.read_bytes()
    metadata = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    return json.loads(metadata["keisei-policy-1"])


def assert_same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_an_absent_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"session\.device = 'cuda', but torch finds no CUDA"):
        resolve_device("cuda")
    assert resolve_device("auto") == resolve_device("cpu") == CPU


def test_a_present_device_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == resolve_device("cuda") == torch.device("cuda")
    assert resolve_device("cpu") == CPU


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ModelConfig(network="resent"), r"unknown network 'resent'; known are embedding, resnet"),
        (ModelConfig(network="resnet", options={"depth": 3}), r"no option 'depth'; its options"),
        (ModelConfig(network="embedding", options={"width": 7}), r"width must be .*, not 7"),
        (ModelConfig(network="embedding", options={"width": "wide"}), r"model\.network"),
    ],
)
def test_an_unusable_network_is_refused(tmp_path: Path, config: ModelConfig, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        manager(tmp_path, config)


def test_first_weights_follow_from_the_seed_and_leave_torchs_stream_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    one = manager(tmp_path).network.state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert_same_weights(one, manager(tmp_path).network.state_dict())
    other = manager(tmp_path, seed=4).network.state_dict()
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_checkpoint_and_policy_lie_side_by_side_and_hold_the_same_network(tmp_path: Path) -> None:
    models, path = saved(tmp_path)
    policy = path.with_name(POLICY_FILE)
    weights = models.network.state_dict()
    assert_same_weights(load_policy(path).state_dict(), weights)
    assert_same_weights(load_policy(policy).state_dict(), weights)
    assert not load_policy(policy).training


def test_the_policy_file_says_what_it_is(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    assert header(path.with_name(POLICY_FILE)) == {
        "network": "resnet",
        "options": {"blocks": 1, "channels": 8},
        "environment": "keisei/Shogi-v0",
        "state_size": 100,
        "num_actions": 2187,
        "global_timestep": 64,
    }


def test_an_exported_policy_is_half_as_large_and_nearly_the_same(tmp_path: Path) -> None:
    models, path = saved(tmp_path)
    policy = path.with_name(POLICY_FILE)
    weights = models.network.state_dict()
    for source in (path, policy):
        target = tmp_path / "exported.safetensors"
        export_policy(source, target)
        assert header(target) == header(policy)
        # The header is as large as ever.
        assert target.stat().st_size < 0.75 * policy.stat().st_size
        loaded = load_policy(target).state_dict()
        assert loaded.keys() == weights.keys()
        for name, value in weights.items():
            assert loaded[name].dtype == torch.float32
            assert torch.equal(loaded[name], value.half().float()), name


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    with pytest.raises(CheckpointError, match="cannot read checkpoint"):
        export_policy(tmp_path / "none.pt", tmp_path / "out.safetensors")
    with pytest.raises(UnwritableError, match=r"cannot write .*No such file"):
        export_policy(path, tmp_path / "no" / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_a_checkpoint_is_found_by_path_and_as_the_latest(tmp_path: Path) -> None:
    models, path = saved(tmp_path, number=5)
    assert models.load(path, pytest.fail)[1]["number"] == 5
    assert models.load(str(path), pytest.fail)[0] == path
    assert models.load("latest", pytest.fail)[0] == path


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    other = ModelConfig(network="resnet", options={"blocks": 2, "channels": 8})
    with pytest.raises(CheckpointError, match=r"holds network 'resnet' with .*'blocks': 1.*ask"):
        manager(tmp_path, other).load(path, pytest.fail)


def test_a_policy_that_is_damaged_foreign_or_absent_is_refused(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    policy = path.with_name(POLICY_FILE)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(policy.read_bytes()[:-10])
    foreign = tmp_path / "foreign.safetensors"
    cast(Any, safetensors.torch).save_file({"weight": torch.zeros(2)}, foreign)
    for wrong, words in (
        (damaged, "is damaged or no safetensors file"),
        (foreign, "is not a Keisei policy"),
        (tmp_path / "no.safetensors", "cannot read policy .*No such file"),
    ):
        with pytest.raises(CheckpointError, match=words):
            load_policy(wrong)


@pytest.mark.parametrize("shared", [True, False])
def test_a_policy_of_another_environment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    monkeypatch.setattr("keisei.training.model_manager.ENV_ID", "keisei/Shogi-v9")
    models, path = saved(tmp_path)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=r"'keisei/Shogi-v9', but this Keisei plays 'keisei"):
        load_policy(path.with_name(POLICY_FILE) if shared else path)
    with pytest.raises(CheckpointError, match=r"trained on 'keisei/Shogi-v9'"):
        models.load(path, lambda _: None)


def test_float32_products_on_a_gpu_are_no_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = True
        torch.set_float32_matmul_precision("high")
        resolve_device("cpu")
        assert torch.get_float32_matmul_precision() == "high"  # other devices concern nobody
        monkeypatch.setattr("torch.cuda.is_available", lambda: True)
        assert resolve_device("auto") == torch.device("cuda")
        assert torch.get_float32_matmul_precision() == "highest"
        assert not torch.backends.cudnn.allow_tf32
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
