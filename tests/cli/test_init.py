"""Runs that begin with the weights of a policy."""

from pathlib import Path

import pytest
import torch
from typer.testing import Result

from keisei.training.model_manager import load_policy
from tests.cli.command_line import SMALL_RUN, assert_mistake, run

ONE_UPDATE = (*SMALL_RUN, "--set", "evaluation.every_updates=0", "--total-timesteps", "16")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    result = run("train", *ONE_UPDATE, "--seed", "3", "--run-dir", str(folder), "--quiet")
    assert result.exit_code == 0
    return folder


def first_weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_policy(folder / "checkpoints/checkpoint-000000000000.pt").state_dict()


def policy_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_policy(folder / "checkpoints/policy.safetensors").state_dict()


@pytest.mark.parametrize(
    "place", ["", "checkpoints/policy.safetensors", "checkpoints/checkpoint-000000000016.pt"]
)
def test_a_run_begins_with_the_weights_to_the_bit(
    trained: Path, place: str, tmp_path: Path
) -> None:
    options = ("--init", str(trained / place), "--seed", "5", "--run-dir", str(tmp_path / "b"))
    assert run("train", *ONE_UPDATE, *options, "--quiet").exit_code == 0
    learned = policy_of(trained)
    begun = first_weights(tmp_path / "b")
    assert begun.keys() == learned.keys()
    assert all(torch.equal(value, learned[name]) for name, value in begun.items())
    assert str(trained) in (tmp_path / "b/config.toml").read_text()


def test_a_run_that_is_resumed_does_not_begin_again(trained: Path, tmp_path: Path) -> None:
    source = tmp_path / "policy.safetensors"
    source.write_bytes((trained / "checkpoints/policy.safetensors").read_bytes())
    folder = ("--run-dir", str(tmp_path / "b"), "--quiet")
    assert run("train", *ONE_UPDATE, "--init", str(source), *folder).exit_code == 0
    source.unlink()
    went_on = run("train", *folder, "--resume", "latest", "--total-timesteps", "32")
    assert went_on.exit_code == 0
    assert (tmp_path / "b/checkpoints/checkpoint-000000000032.pt").exists()


def test_a_wider_network_begins_with_them(trained: Path, tmp_path: Path) -> None:
    wider = ("--set", "model.options.width=128", "--init", str(trained))
    result = run("train", *ONE_UPDATE, *wider, "--run-dir", str(tmp_path / "b"), "--quiet")
    assert result.exit_code == 0
    begun, learned = first_weights(tmp_path / "b"), policy_of(trained)
    assert torch.equal(begun["input_table"][:, :64], learned["input_table"])


def test_mistakes_are_one_sentence(trained: Path, tmp_path: Path) -> None:
    def refused(*options: str) -> Result:
        return run("train", *ONE_UPDATE, "--run-dir", str(tmp_path / "b"), *options)

    other = ("--set", "model.network=resnet", "--set", "model.options={blocks=1,channels=8}")
    for options, words in (
        (("--init", str(tmp_path / "none")), ("does not exist",)),
        (("--init", str(trained), *other), ("'embedding'", "'resnet'", "model.network=embedding")),
        (
            ("--init", str(trained), "--set", "model.options.width=128", "--resume", "latest"),
            ("does not go with --resume latest",),
        ),
    ):
        assert_mistake(refused(*options), *words)
    assert not (tmp_path / "b").exists()


def test_a_narrower_network_and_a_file_of_other_things_are_refused(tmp_path: Path) -> None:
    wide = tmp_path / "wide"
    wider = ("--set", "model.options.width=128", "--run-dir", str(wide))
    assert run("train", *ONE_UPDATE, *wider, "--quiet").exit_code == 0
    folder = ("--run-dir", str(tmp_path / "b"))
    narrower = run("train", *ONE_UPDATE, "--init", str(wide), *folder)
    assert_mistake(narrower, "does not fit exactly", "'width': 64", "it only grows")
    foreign = tmp_path / "policy.safetensors"
    foreign.write_bytes(b"no policy at all")
    assert_mistake(run("train", *ONE_UPDATE, "--init", str(foreign), *folder), "damaged")
