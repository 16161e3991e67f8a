"""``keisei-vec distil``."""

from pathlib import Path

import pytest

from keisei.players.descriptions import SHIPPED_POLICY
from keisei.training.policy_file import read_policy, write_policy
from tests.cli.command_line import SMALL_RUN, assert_mistake, run

DEEP = ("--nodes", "999999", "--set", "env.num_envs=256")
SMALL = (
    *("--rounds", "1", "--positions", "100", "--nodes", "4", "--passes", "1"),
    *("--batch-size", "64", "--held-out", "0.2", "--device", "cpu"),
    *("--set", "env.num_envs=4", "--set", "env.max_plies=20"),
)


def test_a_run_is_distilled_into_a_policy_that_plays(tmp_path: Path) -> None:
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    words = (*SMALL_RUN, "--total-timesteps", "16", "--run-dir", first, "--quiet")
    assert run("train", *words).exit_code == 0
    result = run("distil", first, "--run-dir", second, *SMALL)
    assert result.exit_code == 0
    assert "Round 1 of 1: " in result.stdout
    assert "held-out moves" in result.stdout
    played = run("match", f"{second}?nodes=2", f"{first}?nodes=2", "--games", "2")
    assert played.exit_code == 0
    assert_mistake(run("distil", first, "--run-dir", second, *SMALL), "already holds a run")


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    folder = ("--run-dir", str(tmp_path / "a"), *SMALL)
    assert_mistake(run("distil", str(tmp_path / "none"), *folder), "none")
    (tmp_path / "text").write_text("no policy")
    assert_mistake(run("distil", str(tmp_path / "text"), *folder), "text")
    assert_mistake(run("distil", "keisei", *folder, "--c-scale", "0"), "c_scale")
    assert_mistake(run("distil", "keisei", *folder, "--set", "model.network=resnet"), "model.")
    assert_mistake(run("distil", "keisei", *folder, "--set", "session.mirror=x"), "mirror")
    plies = ("--set", "env.random_opening_plies=20")
    assert_mistake(run("distil", "keisei", *folder, *plies), "random_opening_plies = 20")
    much = ("--set", "env.max_plies=99999", "--set", "env.num_envs=100000")
    assert_mistake(run("distil", "keisei", *folder, *much), " GB")
    assert not (tmp_path / "a").exists()
    deep = run("distil", "keisei", *folder, "--quiet", *DEEP)
    assert_mistake(deep, "nodes=999999")


def test_weights_that_overflow_are_refused(tmp_path: Path) -> None:
    facts, weights = read_policy(SHIPPED_POLICY)
    huge = {name: 1e30 * tensor.float() for name, tensor in weights.items()}
    write_policy(tmp_path / "huge.safetensors", facts, huge)
    words = ("--run-dir", str(tmp_path / "a"), *SMALL, "--quiet")
    assert_mistake(run("distil", str(tmp_path / "huge.safetensors"), *words), "not finite")


def test_the_network_is_that_of_the_policy(tmp_path: Path) -> None:
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    words = (*SMALL_RUN, "--total-timesteps", "16", "--run-dir", first, "--quiet")
    assert run("train", *words).exit_code == 0
    assert run("distil", first, "--run-dir", second, *SMALL, "--quiet").exit_code == 0
    facts = [
        read_policy(Path(each, "checkpoints/policy.safetensors"))[0] for each in (first, second)
    ]
    assert facts[1]["options"] == facts[0]["options"] == {"width": 64}


def test_a_folder_of_the_same_name_is_meant_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("keisei").mkdir()
    words = ("--run-dir", "a", *SMALL)
    assert_mistake(run("distil", "./keisei", *words), "holds no checkpoint")
    begun = ("--init", "./keisei", "--run-dir", "b")
    assert_mistake(run("train", *SMALL_RUN, *begun), "holds no checkpoint")
    assert run("distil", "keisei", *words, "--quiet").exit_code == 0
