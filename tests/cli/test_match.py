import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from keisei.cli import progress
from keisei.cli.progress import Progress
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


def test_how_far_it_is_comes_now_and_then_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ("match", "greedy", "random", "--games", "4", "--num-envs", "1", "--json")
    assert run(*words).stderr == ""
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    result = run(*words)
    assert json.loads(result.stdout)["wins"] == 4
    lines = list(dict.fromkeys(result.stderr.splitlines()))
    assert lines == ["0 of 4 games", *(f"{ended} of 4 games, score 100.0%" for ended in (1, 2, 3))]


def test_a_match_outlives_who_reads_how_far_it_is(tmp_path: Path) -> None:
    code = (
        "import sys; from keisei.cli import progress; from keisei.cli.main import main; "
        "progress.EVERY_SECONDS = 0.0; sys.exit(main())"
    )
    words = ("match", "greedy", "random", *SHORT, "--save", str(tmp_path))
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=gone, check=False, text=True)
    assert (done.returncode, done.stdout.splitlines()[0][-8:]) == (0, " 4 games")
    assert (tmp_path / "games.usi").exists()


def test_on_a_terminal_one_line_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as shown, os.fdopen(screen, "rb") as seen:
        monkeypatch.setattr(sys, "stderr", shown)
        with Progress(3) as told:
            for far in ((0, 0.0), (0, 0.0), (1, 0.5), (2, 1.5)):
                told(*far)
        text = seen.readline().decode()
    assert text.endswith("\r\n")
    begin, *lines = text.removesuffix("\r\n").split("\r")
    assert begin == ""
    assert [line.rstrip() for line in lines] == [
        "0 of 3 games",
        "1 of 3 games, score 50.0%",
        "2 of 3 games, score 75.0%",
    ]


def test_games_are_saved(tmp_path: Path) -> None:
    run("match", "greedy", "random", *SHORT, "--save", str(tmp_path / "new" / "folder"))
    folder = tmp_path / "new" / "folder"
    lines = (folder / "games.usi").read_text().splitlines()
    assert len(lines) == 4
    assert all(line.startswith("position startpos moves ") for line in lines)
    csa = (folder / "games.csa").read_text()
    assert csa.count("N+greedy\nN-random\n") == csa.count("N+random\nN-greedy\n") == 2
    assert json.loads((folder / "result.json").read_text())["games"] == 4


@pytest.mark.parametrize("name", ["games.usi", "games.csa", "result.json"])
def test_an_earlier_match_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("of old\n")
    result = run("match", "greedy", "random", *SHORT, "--save", str(tmp_path))
    assert_mistake(result, f"'{tmp_path}' already holds a match; give another folder")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "of old\n"}


def test_an_engine_plays_and_goes(tmp_path: Path) -> None:
    result = run("match", engine(tmp_path, "good"), "random", *SHORT)
    assert result.exit_code == 0
    assert_no_process(tmp_path)


def test_a_match_against_the_clock_is_told_with_its_losses_on_time(tmp_path: Path) -> None:
    words = ("match", f"usi:{settings(tmp_path, 'late').command}", "random", *SHORT)
    words = (*words, "--byoyomi", "100", "--time-margin", "50", "--save", str(tmp_path / "kept"))
    result = run(*words)
    assert result.exit_code == 0
    assert "\n  ends     out of time 4\n" in result.stdout
    assert result.stderr.count(" lost on time, after ") == 4
    data = json.loads((tmp_path / "kept" / "result.json").read_text())
    assert data["ends"] == {"out_of_time": 4}
    assert data["rules"]["clock"] == {"main": 0, "increment": 0, "byoyomi": 100, "margin": 50}
    csa = (tmp_path / "kept" / "games.csa").read_text()
    assert csa.count("'out_of_time\n") == csa.count("%TIME_UP\n") == 4
    assert_no_process(tmp_path)


def test_openings_come_from_a_file(tmp_path: Path) -> None:
    start = "lnsgkgsnl/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"
    book = tmp_path / "book"
    book.write_text(f"startpos moves 7g7f 3c3d\n{start}\n")
    words = ("match", "greedy", "random", *SHORT, "--openings", str(book), "--save")
    assert run(*words, str(tmp_path / "kept")).exit_code == 0
    lines = (tmp_path / "kept" / "games.usi").read_text().splitlines()
    assert {lines[0].split(" moves ")[0], lines[2].split(" moves ")[0]} == {
        "position startpos",
        f"position sfen {start}",
    }
    assert sum(line.startswith("position startpos moves 7g7f 3c3d ") for line in lines) == 2
    data = json.loads((tmp_path / "kept" / "result.json").read_text())
    assert data["rules"]["opening_plies"] == 0
    assert data["openings"] == str(book)
    book.write_text("startpos\nstartpos moves 7g7e\n")
    mistake = run(*words, str(tmp_path / "other"))
    assert_mistake(mistake, f"openings '{book}', line 2: 7g7e is not legal")


def test_a_sequential_test_stops_the_match_and_tells_its_verdict() -> None:
    words = ("match", "greedy", "random", "--games", "200", "--sprt", "-50.5,200")
    result = run(*words, "--alpha", "0.1", "--num-envs", "8")
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("  SPRT ")]
    assert " of -2.89 to +2.25: Elo 200, not -50.5 (H1 after " in line
    games = int(result.stdout.splitlines()[0].split()[-2])
    assert games < 200
    assert line.endswith(f" after {games // 2} pairs)")


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


def test_ctrl_c_leaves_no_engine_behind(tmp_path: Path) -> None:
    is_over = threading.Event()

    def interrupt() -> None:
        while not is_over.wait(0.01):
            if (tmp_path / "limits").exists():
                os.kill(os.getpid(), signal.SIGINT)
                return

    watching = threading.Thread(target=interrupt)
    watching.start()
    try:
        assert run("match", engine(tmp_path, "hang"), "random").exit_code != 0
    finally:
        is_over.set()
        watching.join()
    assert_no_process(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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
        (["greedy", "random", "--sprt", "0"], ["--sprt '0' is no pair of Elo differences"]),
        (["greedy", "random", "--sprt", "5,0"], ["the lower one first", "not 5 and 0"]),
        (["greedy", "random", "--sprt", "0,5", "--alpha", "0.7"], ["alpha", "not 0.7"]),
        (["greedy", "random", "--sprt", "0,5", "--games", "5"], ["an even number of games, not 5"]),
        (["greedy", "random", "--time", "10s"], ["--time '10s' is no time", "2000+100"]),
        (["greedy", "random", "--time", "0+0"], ["--time 0+0 gives nobody any time"]),
        (["greedy", "random", "--time", "9+1", "--byoyomi", "1"], ["does not go with an incr"]),
        (["greedy", "random", "--byoyomi", "1"], ["no player of this match plays by a clock"]),
        (["greedy", "usi:cat", "--byoyomi", "1", "--num-envs", "2"], ["1 process(es)", "2 games"]),
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
