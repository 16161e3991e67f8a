import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command_line import assert_mistake, run
from tests.players.engines import assert_no_process, settings

SHORT = ("--games", "4", "--max-plies", "20")


def engine(folder: Path, behaviour: str) -> str:
    return f"usi:{settings(folder, behaviour).command}?nodes=1"


def test_two_players_play_a_match() -> None:
    result = run("match", "greedy", "random", "--games", "6")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "greedy against random: 6 games"
    assert result.stdout.splitlines()[2].startswith("  Elo ")
    assert result.stderr == ""


def test_the_result_is_data_too_and_follows_from_the_seed() -> None:
    words = ("match", "greedy", "random", "--games", "4", "--opening-plies", "2")
    words = (*words, "--no-declaration", "--max-plies", "300")
    one, two, other = (run(*words, "--json", "--seed", seed).stdout for seed in ("1", "1", "2"))
    assert one == two != other
    data = json.loads(one)
    assert data["rules"] == {"opening_plies": 2, "max_plies": 300, "declaration": False}
    assert (data["player"], data["opponent"], data["games"]) == ("greedy", "random", 4)


def test_games_are_saved(tmp_path: Path) -> None:
    run("match", "greedy", "random", *SHORT, "--save", str(tmp_path / "new" / "folder"))
    folder = tmp_path / "new" / "folder"
    lines = (folder / "games.usi").read_text().splitlines()
    assert len(lines) == 4
    assert all(line.startswith("position startpos moves ") for line in lines)
    csa = (folder / "games.csa").read_text()
    assert csa.count("N+greedy\nN-random\n") == csa.count("N+random\nN-greedy\n") == 2
    assert json.loads((folder / "result.json").read_text())["games"] == 4


def test_an_engine_plays_and_goes(tmp_path: Path) -> None:
    result = run("match", engine(tmp_path, "good"), "random", *SHORT)
    assert result.exit_code == 0
    assert_no_process(tmp_path)


def test_an_engine_that_fails_is_told_of_and_ends_the_match(tmp_path: Path) -> None:
    result = run("match", engine(tmp_path, "die"), "random", "--games", "8", "--json")
    assert result.exit_code == 2
    data = json.loads(result.stdout)
    assert data["ends"] == {"engine_failure": 4}
    assert len(data["troubles"]) == 4
    lines = result.stderr.splitlines()
    assert lines[0].startswith("game 0: engine ")
    assert lines[-1].startswith("Error: the match ended after 4 of 8 games: engine ")
    assert_no_process(tmp_path)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_leaves_no_engine_behind(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "keisei", "match", engine(tmp_path, "hang"), "random"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not (tmp_path / "limits").exists():
            time.sleep(0.01)
        os.kill(process.pid, number)
        assert process.wait(30) != 0
    assert_no_process(tmp_path)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["greedy", "nobody"], ["'nobody' does not exist"]),
        (["greedy", "usi:nobody?nodes=1"], ["'nobody' is not installed"]),
        (["greedy", "usi:nobody"], ["'usi:nobody'", "nodes=N"]),
        (["greedy?argmax", "random"], ["'argmax'"]),
        (["greedy", "random", "--max-plies", "3"], ["openings of 4 plies", "3"]),
    ],
)
def test_mistakes_are_named(words: list[str], parts: list[str]) -> None:
    assert_mistake(run("match", *words), *parts)


def test_an_engine_without_the_option_is_named(tmp_path: Path) -> None:
    described = f"{engine(tmp_path, 'good')}&option.Depth=1"
    assert_mistake(run("match", described, "random"), "no option 'Depth'; it has Skill Level")
    assert_no_process(tmp_path)


def test_commands_of_engines_may_have_arguments(tmp_path: Path) -> None:
    assert len(shlex.split(settings(tmp_path, "good").command)) == 4
