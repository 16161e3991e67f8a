import subprocess
import sys

import pytest

import keisei
from keisei.cli.errors import mistakes
from tests.cli.command_line import run

COMMANDS = ("train", "eval", "match", "perft", "show", "config", "bench", "warmup")


@pytest.mark.parametrize("module", ["keisei", "keisei.cli.main"])
def test_the_package_runs_as_a_module(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"keisei-vec {keisei.__version__}\n")
    assert done.stderr == ""


def test_help_names_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: keisei-vec {command} ")


@pytest.mark.slow
def test_the_small_commands_do_without_the_training_libraries() -> None:
    script = (
        "import sys; from keisei.cli.main import app\n"
        "app(['show', 'startpos'], standalone_mode=False)\n"
        "app(['perft', 'startpos', '1'], standalone_mode=False)\n"
        "heavy = ('torch', 'tensordict', 'keisei.config_schema')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fly"], "No such command 'fly'."),
        (["train", "--bogus"], "No such option: --bogus"),
        (["perft", "startpos", "--set"], "No such option: --set"),
        (["show"], "Missing argument 'SFEN'."),
        (["train", "--num-envs", "many"], "Invalid value for '--num-envs'"),
        (["train", "--device", "tpu"], "Invalid value for '--device'"),
        (["eval", "x.pt", "--games", "0"], "Invalid value for '--games'"),
        (["perft", "startpos", "0"], "Invalid value for 'DEPTH'"),
    ],
)
def test_words_that_are_no_command_end_with_their_name_and_code_2(
    words: list[str], sentence: str
) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith(f"Error: {sentence}")


def test_an_exception_that_is_no_mistake_comes_through() -> None:
    with pytest.raises(ZeroDivisionError), mistakes(ValueError, OSError):
        _ = 1 // 0


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("typer", ["show"]),
        ("tomli_w", ["config"]),
        ("torch", ["train", "--run-dir", "a"]),
        pytest.param("tensordict", ["train", "--run-dir", "a"], marks=pytest.mark.slow),
        pytest.param("safetensors", ["eval", "a.pt"], marks=pytest.mark.slow),
    ],
)
def test_a_missing_library_names_the_extra_that_brings_it(library: str, words: list[str]) -> None:
    script = (
        f"import sys; sys.modules[{library!r}] = None; sys.argv[1:] = {words!r}\n"
        "from keisei.cli.main import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"Error: {library} is not installed; pip install 'keisei[train]' brings it\n"
    )


def test_the_version_is_told_without_any_extra() -> None:
    script = (
        "import sys; sys.modules['typer'] = None; sys.argv[1:] = ['--version']\n"
        "from keisei.cli.main import main"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = f"keisei-vec {keisei.__version__}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")


INTERRUPTED_AT_EXIT = """
import atexit, os, signal, sys, time
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)
atexit.register(interrupt)
sys.argv = ["keisei-vec", "--help"]
from keisei.cli.main import main
main()
"""


def test_ctrl_c_when_all_is_done_prints_nothing() -> None:
    command = [sys.executable, "-c", INTERRUPTED_AT_EXIT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
