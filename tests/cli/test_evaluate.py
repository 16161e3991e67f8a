import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from keisei.cli import progress
from keisei.evaluation import ladder
from tests.cli.command_line import SMALL_RUN, assert_mistake, run

FAIRY_STOCKFISH = shutil.which("fairy-stockfish", path=f"{os.environ['PATH']}:/usr/games")
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


def test_a_policy_that_learned_without_declarations_can_be_measured_so(run_dir: Path) -> None:
    result = run("eval", str(run_dir), *MATCH, "--no-declaration", "--json")
    rules = {"opening_plies": 4, "max_plies": 10, "declaration": False}
    assert json.loads(result.stdout)["rules"] == rules
    assert_mistake(run("eval", "--ladder", "--no-declaration"), "does not go with --ladder")


def test_another_policy_can_be_the_opponent(run_dir: Path) -> None:
    other = str(run_dir / "checkpoints" / "checkpoint-000000000000.pt")
    result = run("eval", str(run_dir), "--opponent", other, *MATCH, "--json")
    data = json.loads(result.stdout)
    assert data["opponent"] == other
    assert data["games"] == 3


def test_an_opponent_that_does_not_exist_is_named(run_dir: Path) -> None:
    assert_mistake(run("eval", str(run_dir), "--opponent", "gready"), "'gready'", "'random'")
    assert_mistake(run("eval", str(run_dir), "--opponent", "usi:none?nodes=1"), "not installed")


def test_what_holds_no_policy_is_refused_in_one_sentence(tmp_path: Path) -> None:
    assert_mistake(run("eval", str(tmp_path / "none.pt")), "none.pt", "does not exist")
    assert_mistake(run("eval", str(tmp_path)), "holds no checkpoint")
    foreign = tmp_path / "foreign.pt"
    foreign.write_text("hello", encoding="utf-8")
    assert_mistake(run("eval", str(foreign)), "foreign.pt", "not a Keisei checkpoint")
    policy = tmp_path / "foreign.safetensors"
    policy.write_text("hello", encoding="utf-8")
    assert_mistake(run("eval", str(policy)), "foreign.safetensors")


def test_the_ladder_rates_a_policy_and_keeps_its_games(run_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--ladder", "--rungs", "random, greedy", "--games", "2", "--out", str(out))
    result = run("eval", str(run_dir), *words)
    assert result.exit_code == 0
    assert result.stdout == (out / "ladder.txt").read_text()
    assert f"\n{run_dir} " in result.stdout
    assert ["random", "0"] in [line.split()[:2] for line in result.stdout.splitlines()]
    assert f"{run_dir} against random: 2 games" in result.stderr
    data = json.loads((out / "ladder.json").read_text())
    assert data["matches"][0]["games"] == 2
    assert str(run_dir) in {rating["name"] for rating in data["ratings"]}
    picture = ET.parse(out / "ladder.svg").getroot()
    assert any(str(run_dir) in (text.text or "") for text in picture.iter())
    assert len((out / "policy-random.usi").read_text().splitlines()) == 2
    assert (out / "policy-random.csa").read_text().count("V2.2") == 2
    kept = {path: path.read_bytes() for path in out.iterdir()}
    assert_mistake(run("eval", "keisei", *words), f"'{out}' already holds a ladder")
    assert {path: path.read_bytes() for path in out.iterdir()} == kept


def test_how_far_matches_are_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    words = ("eval", "keisei", "--games", "2")
    for result in (run(*words, "--num-envs", "1"), run(*words, "--ladder", "--rungs", "random")):
        assert result.stderr.startswith("0 of 2 games\n")
    assert "keisei against random: 2 games" in result.stderr


def test_an_earlier_match_is_not_overwritten(run_dir: Path, tmp_path: Path) -> None:
    words = ("eval", str(run_dir), *MATCH, "--out", str(tmp_path))
    assert run(*words).exit_code == 0
    assert_mistake(run(*words), f"'{tmp_path}' already holds a match; give another folder")


@pytest.mark.slow
@pytest.mark.skipif(not FAIRY_STOCKFISH, reason="fairy-stockfish is not installed")
def test_the_ladder_can_be_measured_itself() -> None:
    result = run("eval", "--ladder", "--rungs", "random,greedy,nodes 1", "--games", "2", "--json")
    assert result.exit_code == 0
    matches = json.loads(result.stdout)["matches"]
    pairs = [(match["first"], match["second"]) for match in matches]
    assert pairs == [("nodes 1", "random"), ("nodes 1", "greedy")]


def test_rungs_whose_engine_is_missing_are_skipped_with_a_word(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ladder.RUNGS, "nodes 1", "usi:no-such-engine?nodes=1")
    words = ("--ladder", "--games", "2", "--rungs")
    result = run("eval", str(run_dir), *words, "random,nodes 1")
    assert result.exit_code == 0
    assert (
        "skipped nodes 1: engine 'no-such-engine' is not installed: there is no such program"
        in result.stderr
    )
    result = run("eval", str(run_dir), *words, "nodes 1")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "Error: no match of the ladder could be played"


def test_mistakes_about_the_ladder_are_named(run_dir: Path) -> None:
    assert_mistake(run("eval"), "name a CHECKPOINT", "--ladder")
    assert_mistake(run("eval", str(run_dir), "--ladder", "--games", "3"), "--games 3 is odd")
    assert_mistake(run("eval", str(run_dir), "--ladder", "--rungs", "top"), "unknown rung 'top'")
