from pathlib import Path

import torch

from keisei.config_schema import ModelConfig
from keisei.training.checkpoint import CheckpointFolder
from keisei.training.model_manager import ModelManager
from tests.cli.command_line import assert_mistake, run

SMALL = ModelConfig(network="resnet", options={"blocks": 1, "channels": 8})


def a_run(folder: Path) -> Path:
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir(parents=True)
    models = ModelManager(SMALL, torch.device("cpu"), 0, CheckpointFolder(checkpoints, 1))
    agent = {"network": models.network.state_dict()}
    models.save(64, {"agent": agent, "global_timestep": 64})
    return folder


def test_the_policy_of_a_run_becomes_a_file_that_plays(tmp_path: Path) -> None:
    target = tmp_path / "strong.safetensors"
    result = run("export", str(a_run(tmp_path / "run")), str(target))
    assert result.exit_code == 0
    assert result.stdout == f"{target}: {target.stat().st_size / 1e6:.1f} MB\n"
    match = run("match", str(target), "random", "--games", "2", "--max-plies", "10")
    assert match.exit_code == 0


def test_mistakes_are_said(tmp_path: Path) -> None:
    source = str(a_run(tmp_path / "run"))
    assert_mistake(run("export", source, str(tmp_path / "a.pt")), "must end in .safetensors")
    wrong = run("export", str(tmp_path / "none"), str(tmp_path / "a.safetensors"))
    assert_mistake(wrong, "does not exist")
    assert not (tmp_path / "a.safetensors").exists()
