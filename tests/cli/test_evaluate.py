import json
from pathlib import Path

import pytest

from tests.cli.command_line import SMALL_RUN, assert_mistake, run

MATCH = ("--games", "3", "--max-plies", "10")


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "a"
    run("train", *SMALL_RUN, "--total-timesteps", "16", "--run-dir", str(folder), "--quiet")
    return folder


@pytest.mark.parametrize(
    "place", [".", "checkpoints/policy.safetensors", "checkpoints/checkpoint-000000000016.pt"]
)
def test_a_run_folder_a_checkpoint_and_a_shared_policy_are_the_same_player(
    run_dir: Path, place: str
) -> None:
    result = run("eval", str(run_dir / place), *MATCH, "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    reference = json.loads(run("eval", str(run_dir), *MATCH, "--json").stdout)
    assert {**data, "player": ""} == {**reference, "player": ""}
    assert data["games"] == data["wins"] + data["draws"] + data["losses"] == 3
    assert data["opponent"] == "random"
    assert data["argmax"] is False


def test_the_report_names_both_players_and_the_score(run_dir: Path) -> None:
    result = run("eval", str(run_dir), *MATCH, "--argmax")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{run_dir} against random: 3 games"
    assert lines[1].startswith("  score ")
    assert "95% interval" in lines[1]


def test_another_policy_can_be_the_opponent(run_dir: Path) -> None:
    other = str(run_dir / "checkpoints" / "checkpoint-000000000000.pt")
    result = run("eval", str(run_dir), "--opponent", other, *MATCH, "--json")
    data = json.loads(result.stdout)
    assert data["opponent"] == other
    assert data["games"] == 3


def test_an_opponent_that_does_not_exist_is_named(run_dir: Path) -> None:
    assert_mistake(run("eval", str(run_dir), "--opponent", "greedy"), "'greedy'", "'random'")


def test_what_holds_no_policy_is_refused_in_one_sentence(tmp_path: Path) -> None:
    assert_mistake(run("eval", str(tmp_path / "none.pt")), "none.pt", "does not exist")
    assert_mistake(run("eval", str(tmp_path)), "holds no checkpoint")
    foreign = tmp_path / "foreign.pt"
    foreign.write_text("hello", encoding="utf-8")
    assert_mistake(run("eval", str(foreign)), "foreign.pt", "not a Keisei checkpoint")
    policy = tmp_path / "foreign.safetensors"
    policy.write_text("hello", encoding="utf-8")
    assert_mistake(run("eval", str(policy)), "foreign.safetensors")
