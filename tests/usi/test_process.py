"""The engine as the process that a shogi program starts."""

import json
import subprocess
import sys

import pytest

from tests.cli.command_line import assert_mistake, run

COMMAND = [sys.executable, "-m", "keisei.cli", "usi"]
HEAVY = {"torch", "numba", "tensordict", "pydantic", "safetensors", "rich", "keisei.games.pool"}

WATCHED = """
import json, sys
from keisei.cli.main import main
class Lines(list):
    def readline(self, _):
        return self.pop(0) if self else self.end()
    def end(self):
        sys.stderr.write(json.dumps(sorted(sys.modules)))
        return b""
class Standard:
    buffer = Lines([b"usi\\n", b"setoption name USI_Hash value 64\\n", b"stop\\n"])
sys.stdin = Standard
main()
"""


def test_usi_is_answered_before_anything_heavy_is_imported() -> None:
    command = [sys.executable, "-c", WATCHED, "usi", "--player", "keisei?nodes=100"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "option name Nodes_Limit type spin default 100 " in done.stdout
    assert done.stdout.splitlines()[-1] == "usiok"
    assert set(json.loads(done.stderr)) & HEAVY == set()


def test_quit_does_not_wait_for_what_is_being_loaded() -> None:
    done = subprocess.run(
        COMMAND, input="isready\nquit\n", capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout in ("", "readyok\n")  # a very quick machine is ready by then


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_without_a_stream_the_engine_ends_with_a_sentence(closed: str) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: the engine needs standard input and output")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_player_that_cannot_be_loaded_ends_the_engine_with_a_sentence() -> None:
    text = "setoption name Player value /nowhere\ngo nodes 10\n"
    done = subprocess.run(COMMAND, input=text, capture_output=True, text=True, check=False)
    sentence = "Error: '/nowhere' does not exist; "
    info, answer = done.stdout.splitlines()
    assert info.startswith(f"info string {sentence}")
    assert answer == "bestmove resign"
    assert done.stderr.startswith(sentence)
    assert done.returncode == 2


@pytest.mark.slow
def test_a_program_that_has_died_takes_the_engine_with_it() -> None:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"setoption name PV_Interval value 10\ngo infinite\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"info depth")
        process.stdout.close()
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("text", "part"),
    [("", "is empty"), ("keisei?colour=red", "unknown option 'colour'"), ("keisei?nodes=0", "1")],
)
def test_a_description_of_no_player_is_a_mistake(text: str, part: str) -> None:
    assert_mistake(run("usi", "--player", text), part)
