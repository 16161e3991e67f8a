import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keisei.players.usi_client import EngineError, EngineSettings, UsiEngine
from tests.players.engines import assert_no_process, best_move, pids, settings


def test_an_engine_answers_with_its_move_and_goes_in_peace(tmp_path: Path) -> None:
    with UsiEngine(settings(tmp_path, "good")) as engine:
        engine.new_game()
        engine.think("position startpos")
        assert best_move(engine) == "1g1f"
        engine.think("position startpos moves 7g7f")
        assert best_move(engine) == "1a1b"
    assert_no_process(tmp_path)
    engine.close()


@pytest.mark.parametrize("limit", ["nodes 100", "depth 1", "byoyomi 20"])
def test_the_limit_follows_go(tmp_path: Path, limit: str) -> None:
    with UsiEngine(settings(tmp_path, "good", limit=limit)) as engine:
        engine.think("position startpos")
        best_move(engine)
    assert (tmp_path / "limits").read_text() == f"0 {limit}\n"


def test_the_wait_for_a_move_begins_after_the_byoyomi() -> None:
    assert EngineSettings("a", "byoyomi 2500", move_seconds=1.0).answer_seconds == 3.5
    assert EngineSettings("a", "nodes 2500", move_seconds=1.0).answer_seconds == 1.0


def test_a_missing_program_is_named() -> None:
    with pytest.raises(EngineError, match="'no-such-engine -x' is not installed"):
        UsiEngine(EngineSettings("no-such-engine -x", "nodes 1"))
    with pytest.raises(EngineError, match="No closing quotation"):
        UsiEngine(EngineSettings("'half", "nodes 1"))
    with pytest.raises(EngineError, match="engine '' is not installed"):
        UsiEngine(EngineSettings("", "nodes 1"))


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    program = tmp_path / "engine"
    program.write_bytes(b"\x00\x01")
    program.chmod(0o755)
    with pytest.raises(EngineError, match=r"cannot start engine .*Exec format error"):
        UsiEngine(EngineSettings(str(program), "nodes 1"))


def test_an_option_that_the_engine_lacks_is_named_with_those_it_has(tmp_path: Path) -> None:
    with UsiEngine(settings(tmp_path, "good", options={"Skill Level": "3", "USI_Hash": "1"})):
        pass
    with pytest.raises(EngineError, match="no option 'Skil'; it has Skill Level, USI_Hash"):
        UsiEngine(settings(tmp_path, "good", options={"Skil": "3"}))
    assert_no_process(tmp_path)


def test_a_program_that_speaks_no_usi_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="said no 'usiok' in time"):
        UsiEngine(settings(tmp_path, "mute", start_seconds=1.0))
    assert_no_process(tmp_path)
    with pytest.raises(EngineError, match="died with exit code 0"):
        UsiEngine(EngineSettings("true", "nodes 1"))


def test_a_program_that_talks_but_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="said no 'usiok' in time"):
        UsiEngine(settings(tmp_path, "slow", start_seconds=1.0))
    assert_no_process(tmp_path)


def test_endless_options_are_given_up(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="names more than 10000 options"):
        UsiEngine(settings(tmp_path, "options", start_seconds=60.0))
    assert_no_process(tmp_path)


def test_a_line_without_an_end_takes_little_memory(tmp_path: Path) -> None:
    with UsiEngine(settings(tmp_path, "line", move_seconds=60.0)) as engine:
        engine.think("position startpos")
        with pytest.raises(EngineError, match="says more than 1048576 bytes at once"):
            best_move(engine)
    assert_no_process(tmp_path)


def test_an_old_answer_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    with UsiEngine(settings(tmp_path, "twice", move_seconds=20.0)) as engine:
        for _ in range(3):
            engine.think("position startpos")
            assert best_move(engine) == "1g1f"


def test_a_death_is_reported_while_a_child_holds_standard_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="died with exit code 0"):
        UsiEngine(settings(tmp_path, "orphan"))
    assert_no_process(tmp_path)


def test_a_wait_of_weeks_can_be_asked_for(tmp_path: Path) -> None:
    with UsiEngine(settings(tmp_path, "good", limit="byoyomi 9999999999")) as engine:
        engine.think("position startpos")
        assert best_move(engine) == "1g1f"


@pytest.mark.parametrize("behaviour", ["hang", "flood"])
def test_a_move_that_does_not_come_is_given_up(tmp_path: Path, behaviour: str) -> None:
    with UsiEngine(settings(tmp_path, behaviour)) as engine:
        engine.think("position startpos")
        with pytest.raises(EngineError, match="said no 'bestmove' in time"):
            best_move(engine)
    assert_no_process(tmp_path)


def test_a_death_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with UsiEngine(settings(tmp_path, "die")) as engine:
        engine.think("position startpos")
        with pytest.raises(EngineError, match="exit code 1; it said 'out of cheese'"):
            best_move(engine)
        with pytest.raises(EngineError, match="died with exit code 1"):
            engine.think("position startpos")
    assert_no_process(tmp_path)


def test_a_full_standard_error_blocks_nobody(tmp_path: Path) -> None:
    with UsiEngine(settings(tmp_path, "noisy", move_seconds=20.0)) as engine:
        for _ in range(3):
            engine.think("position startpos")
            assert best_move(engine) == "1g1f"
    assert_no_process(tmp_path)


def test_what_the_engine_has_started_ends_too(tmp_path: Path) -> None:
    with UsiEngine(settings(tmp_path, "parent")):
        pass
    assert len(pids(tmp_path)) == 2
    assert_no_process(tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ArithmeticError])
def test_the_process_ends_whatever_happens(tmp_path: Path, error: type[BaseException]) -> None:
    def play() -> None:
        with UsiEngine(settings(tmp_path, "hang")) as engine:
            engine.think("position startpos")
            raise error

    with pytest.raises(error):
        play()
    assert_no_process(tmp_path)


def test_ctrl_c_during_a_search_leaves_no_process(tmp_path: Path) -> None:
    script = (
        "from keisei.players.usi_client import EngineSettings, UsiEngine, await_moves\n"
        f"with UsiEngine({settings(tmp_path, 'hang', move_seconds=100.0)!r}) as engine:\n"
        "    engine.think('position startpos')\n"
        "    await_moves([engine])\n"
    )
    program = [sys.executable, "-c", script]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (tmp_path / "limits").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert_no_process(tmp_path)
