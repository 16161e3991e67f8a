import os
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.results import MatchResult, Tally
from keisei.players.clocks import Clock, TimeControl
from keisei.players.descriptions import parse_player
from keisei.players.engine import EnginePlayer
from keisei.players.simple import RandomPlayer
from keisei.players.usi_client import Answer, UsiEngine, await_moves
from keisei.shogi.constants import BLACK, WHITE
from tests.players.engines import assert_no_process, best_move, pids, settings

AMPLE = TimeControl(main=60_000)


def play(folder: Path, behaviour: str, control: TimeControl, *, games: int = 2) -> MatchResult:
    rules = MatchRules(opening_plies=2, max_plies=8, clock=control)
    with EnginePlayer(settings(folder, behaviour, limit="", move_seconds=20.0)) as engine:
        result = play_match(engine, RandomPlayer(1), games, rules=rules, num_envs=1)
    assert_no_process(folder)
    return result


def test_main_time_runs_down_and_the_byoyomi_stands_in_for_it_at_each_move() -> None:
    clock = Clock(TimeControl(main=1000, byoyomi=300, margin=0))
    assert clock.usi() == "btime 1000 wtime 1000 byoyomi 300"
    assert clock.allowance(BLACK) == 1300
    assert clock.spend(BLACK, 400)
    assert clock.left == [600, 1000]
    assert clock.spend(BLACK, 900)
    assert clock.usi() == "btime 0 wtime 1000 byoyomi 300"
    assert clock.spend(BLACK, 300)
    assert clock.spend(BLACK, 300)
    assert not clock.spend(BLACK, 301)
    assert clock.left == [0, 1000]


def test_an_increment_is_there_before_the_move_and_is_kept() -> None:
    clock = Clock(TimeControl(main=500, increment=100, margin=0))
    assert clock.usi() == "btime 500 wtime 500 binc 100 winc 100"
    assert clock.spend(WHITE, 20)
    assert clock.left == [500, 580]
    assert clock.allowance(WHITE) == 680
    assert clock.spend(WHITE, 680)
    assert clock.left == [500, 0]
    assert clock.spend(WHITE, 99.5)
    assert clock.usi() == "btime 500 wtime 0 binc 100 winc 100"
    assert not clock.spend(WHITE, 101)


def test_the_margin_is_forgiven_and_not_given() -> None:
    clock = Clock(TimeControl(main=500, margin=50))
    assert clock.allowance(BLACK) == 500
    assert clock.spend(BLACK, 550)
    assert clock.left[BLACK] == 0
    assert clock.spend(BLACK, 50)
    assert not clock.spend(BLACK, 51)


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (TimeControl(byoyomi=5000), "btime 0 wtime 0 byoyomi 5000"),
        (AMPLE, "btime 60000 wtime 60000 byoyomi 0"),
        (TimeControl(9000, increment=90), "btime 9000 wtime 9000 binc 90 winc 90"),
    ],
)
def test_engines_are_told_the_clock_as_clients_do(
    tmp_path: Path, control: TimeControl, words: str
) -> None:
    play(tmp_path, "good", control)
    lines = (tmp_path / "limits").read_text().splitlines()
    # The engine has spent nothing before its first move of each of the two games.
    assert [line for line in lines if line.endswith(words)][:1] == [f"1 {words}"]
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    assert {line.split()[0] for line in lines} == {"1", "2"}


def test_the_time_left_goes_down_with_what_was_used(tmp_path: Path) -> None:
    play(tmp_path, "late", AMPLE, games=1)
    told = [line.split() for line in (tmp_path / "limits").read_text().splitlines()]
    black = [int(words[2]) for words in told]
    assert {int(words[4]) for words in told} == {60_000}
    assert black[0] == 60_000
    assert all(later <= earlier - 300 for earlier, later in pairwise(black))


def test_an_engine_that_mixes_up_the_sides_is_told_their_times_the_other_way_round(
    tmp_path: Path,
) -> None:
    clock = Clock(TimeControl(1000, increment=50))
    clock.spend(BLACK, 650)
    with UsiEngine(settings(tmp_path, "good", limit="", swapped_times=True)) as engine:
        engine.think("position startpos", clock)
        best_move(engine)
    told = (tmp_path / "limits").read_text().split(maxsplit=1)[1]
    assert told == "btime 1000 wtime 400 binc 50 winc 50\n"
    text = "usi:engine?swapped_times"
    assert parse_player(text, clocked=True).engine.swapped_times
    assert not parse_player("usi:engine", clocked=True).engine.swapped_times


def test_an_engine_gets_ready_before_each_game_but_the_first_that_it_has_not_just_been_for(
    tmp_path: Path,
) -> None:
    play(tmp_path, "good", AMPLE, games=3)
    assert (tmp_path / "ready").read_text().split() == ["0", "1", "2"]


def test_too_late_an_answer_loses_and_the_engine_plays_on(tmp_path: Path) -> None:
    rules = MatchRules(opening_plies=2, max_plies=8, clock=TimeControl(byoyomi=100, margin=50))
    with EnginePlayer(settings(tmp_path, "late", limit="", move_seconds=20.0)) as engine:
        result = play_match(engine, RandomPlayer(1), 2, rules=rules, num_envs=1)
        troubles = engine.troubles
    assert result.total == Tally(losses=2)
    assert result.ends == {"out_of_time": 2}
    assert not result.stopped
    assert len(pids(tmp_path)) == 1
    assert len(troubles) == 2
    assert troubles[0].startswith("game 0: engine ")
    assert " lost on time, after " in troubles[0]
    assert troubles[0].endswith(" of 100 ms for ply 3")


def test_within_the_margin_nobody_loses_on_time(tmp_path: Path) -> None:
    control = TimeControl(byoyomi=100, margin=10_000)
    assert play(tmp_path, "late", control, games=1).ends == {"max_plies": 1}


def test_the_clock_of_one_engine_does_not_run_while_another_one_is_awaited(tmp_path: Path) -> None:
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    for folder in (slow, quick):
        folder.mkdir()

    def gap() -> float:
        for engine in (first, second):
            engine.think("position startpos")
        late, early = await_moves([first, second])
        assert isinstance(late, Answer)
        assert isinstance(early, Answer)
        assert late.seconds >= 0.3
        return late.seconds - early.seconds

    with (
        UsiEngine(settings(slow, "late", move_seconds=20.0)) as first,
        UsiEngine(settings(quick, "good", move_seconds=20.0)) as second,
    ):
        # A busy machine may delay the quick one now and then.
        assert any(gap() > 0.1 for _ in range(8))


def test_a_silent_engine_is_no_hindrance_to_the_others(tmp_path: Path) -> None:
    rules = MatchRules(opening_plies=2, max_plies=4, clock=TimeControl(byoyomi=1000, margin=9000))
    with EnginePlayer(settings(tmp_path, "good", limit="", move_seconds=0.2), processes=2) as both:
        os.kill(pids(tmp_path)[0], signal.SIGSTOP)
        result = play_match(both, RandomPlayer(1), 2, rules=rules, num_envs=2)
    assert [game.end.name for game in result.games] == ["ENGINE_FAILURE", "MAX_PLIES"]
    assert_no_process(tmp_path)


def test_an_engine_without_limit_and_clock_is_refused(tmp_path: Path) -> None:
    unlimited = pytest.raises(ValueError, match="has neither a limit nor, in game 0, a clock")
    with EnginePlayer(settings(tmp_path, "good", limit="")) as engine, unlimited:
        play_match(engine, RandomPlayer(1), 1)
    assert_no_process(tmp_path)


def test_a_pipe_that_is_closed_costs_the_clocks_of_others_nothing(tmp_path: Path) -> None:
    with (
        UsiEngine(settings(tmp_path, "close")) as closing,
        UsiEngine(settings(tmp_path, "late")) as late,
    ):
        for engine in (closing, late):
            engine.think("position startpos")
        error, answer = await_moves([closing, late])
    assert "has closed its pipes" in str(error)
    assert isinstance(answer, Answer)
    assert answer.seconds < 0.9
