"""Where compiled kernels are kept, and when they are compiled anew.

A package of two small modules stands in for the real one, whose kernels take half a minute.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from keisei.shogi import jit
from tests.disks import read_only, small_disk

INNER = """
from keisei.shogi.jit import inline_kernel

@inline_kernel
def summand():
    return {summand}
"""
OUTER = """
from keisei.shogi.inner import summand
from keisei.shogi.jit import kernel

@kernel
def total(x):
    return x + summand()
"""
RUN = """
from keisei.shogi.outer import total
print(total(40), sum(total.stats.cache_hits.values()))
"""
FORKING = """
import json, os, sys, traceback
import numba
from numba.core import config

numba.njit(lambda x: x + 1)(1)
for line in sys.stdin:
    code, folder, environment = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ.clear()
        os.environ.update(environment)
        config.reload_config()
        os.chdir(folder)
        sys.path.insert(0, environment["PYTHONPATH"])
        for stream, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        try:
            exec(code, {})
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        sys.stdout.flush()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Has loaded Numba, which takes a second, and nothing of Keisei; forks a process for each line."""


class _Ready:
    process: "subprocess.Popen[str]"


@pytest.fixture(scope="module", autouse=True)
def _ready() -> Generator[None]:
    command = [sys.executable, "-B", "-c", FORKING]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as _Ready.process:
        yield


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a package of the same name, in which one kernel calls another file's."""
    folder = tmp_path / "code" / "keisei" / "shogi"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "__init__.py").touch()
    shutil.copy(jit.__file__, folder / "jit.py")
    (folder / "inner.py").write_text(INNER.format(summand=2))
    (folder / "outer.py").write_text(OUTER)
    return folder


def environment_of(package: Path) -> dict[str, str]:
    """Of its processes, without a folder for kernels and with a home of their own."""
    home = package.parents[2] / "home"
    home.mkdir(exist_ok=True)
    kept = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    kept |= {"PYTHONPATH": str(package.parents[1]), "HOME": str(home)}
    return kept | {"XDG_CACHE_HOME": str(home / ".cache")}


def run(package: Path, code: str = RUN, **environment: str) -> tuple[str, str]:
    """What a process prints: total(40) with the cache's hits, and its standard error."""
    folder, process = package.parents[2], _Ready.process
    assert process.stdin is not None
    assert process.stdout is not None
    order = (code, str(folder), environment_of(package) | environment)
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    status = int(process.stdout.readline())
    printed, errors = ((folder / name).read_text() for name in ("stdout", "stderr"))
    assert status == 0, errors
    return printed.strip(), errors


def run_from_scratch(package: Path) -> tuple[str, str]:
    """The same of a process that loads everything itself."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", RUN],
        env=environment_of(package),
        cwd=package.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


def test_a_second_process_takes_the_code_from_the_cache_and_is_quiet(package: Path) -> None:
    assert run_from_scratch(package)[0] == "42 0"
    assert list(package.glob("__pycache__/*.nbc"))
    assert run_from_scratch(package) == ("42 1", "")
    assert run(package) == ("42 1", "")


def test_compiling_is_announced_once(package: Path) -> None:
    text = run(package)[1]
    assert text.splitlines() == [
        "Compiling kernels: a minute or two, this once; then they are cached"
    ]


def test_an_edit_in_another_file_of_kernels_is_noticed(package: Path) -> None:
    assert run(package)[0] == "42 0"
    (package / "inner.py").write_text(INNER.format(summand=3))
    assert run(package)[0] == "43 0"
    assert run(package)[0] == "43 1"


MIDDLE = """
from keisei.games import constants
from keisei.shogi.jit import inline_kernel

@inline_kernel
def summand():
    return constants.SUMMAND
"""


def test_an_edit_in_a_file_of_another_folder_is_noticed(package: Path) -> None:
    """Also where it holds no kernel, but a number that is frozen into one of another file."""
    games = package.parent / "games"
    games.mkdir()
    (games / "__init__.py").touch()
    (games / "constants.py").write_text("SUMMAND = 2\n")
    (games / "middle.py").write_text(MIDDLE)
    outer = (package / "outer.py").read_text()
    (package / "outer.py").write_text(outer.replace("keisei.shogi.inner", "keisei.games.middle"))
    assert run(package)[0] == "42 0"
    (games / "constants.py").write_text("SUMMAND = 4\n")
    assert run(package)[0] == "44 0"
    (games / "middle.py").write_text(MIDDLE.replace("SUMMAND\n", "SUMMAND + 1\n"))
    assert run(package)[0] == "45 0"
    assert run(package)[0] == "45 1"


def test_an_edit_in_a_file_that_no_kernel_rests_on_compiles_nothing(package: Path) -> None:
    assert run(package)[0] == "42 0"
    (package / "drawing.py").write_text("LINES = 10\n")
    assert run(package)[0] == "42 1"


def test_a_folder_of_the_users_is_taken_beside_a_package_that_cannot_be_written(
    package: Path,
) -> None:
    (package / "__pycache__").touch()  # a file in its place, which stops even root
    assert run(package)[0] == "42 0"
    assert list((package.parents[2] / "home").rglob("*.nbc"))
    assert run(package) == ("42 1", "")


def test_a_named_folder_comes_first(package: Path, tmp_path: Path) -> None:
    named = str(tmp_path / "named")
    assert run(package, NUMBA_CACHE_DIR=named)[0] == "42 0"
    assert list(Path(named).rglob("*.nbc"))
    assert not (package / "__pycache__").exists()


@pytest.mark.slow
def test_a_folder_that_can_only_be_read_is_used(package: Path, tmp_path: Path) -> None:
    """As in an image, or in a folder of a cluster that one machine has filled."""
    other = """
from keisei.shogi.outer import total
print(total(40.0), sum(total.stats.cache_hits.values()))
"""
    with small_disk(tmp_path / "shared", 2000) as shared:
        assert run(package, NUMBA_CACHE_DIR=str(shared))[0] == "42 0"
        with read_only(shared):
            assert run(package, NUMBA_CACHE_DIR=str(shared)) == ("42 1", "")
            # What is not there is compiled, and kept in the next folder.
            assert run(package, other, NUMBA_CACHE_DIR=str(shared))[0] == "42.0 0"
            assert run(package, other, NUMBA_CACHE_DIR=str(shared)) == ("42.0 1", "")
    assert list(package.glob("__pycache__/*.nbc"))


def test_without_any_folder_kernels_still_run(package: Path) -> None:
    (package / "__pycache__").touch()
    nowhere = package.parents[2] / "file"
    nowhere.touch()
    places = {"HOME": str(nowhere), "XDG_CACHE_HOME": str(nowhere)}
    assert run(package, **places)[0] == "42 0"
    assert run(package, **places)[0] == "42 0"


def test_without_room_on_the_disk_kernels_still_run(package: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    assert run(package, limit + RUN)[0] == "42 0"
    assert run(package)[0] == "42 0"
    assert run(package)[0] == "42 1"


RECORDS = """
from typing import NamedTuple
from keisei.shogi.jit import kernel

class {record}(NamedTuple):
    value: int

@kernel
def value_of(record):
    return record.value
"""
RUN_RECORDS = """
from keisei.shogi.records import {record}, value_of
print(value_of({record}(42)))
"""


def test_types_that_are_gone_do_not_spoil_the_cache(package: Path) -> None:
    for record in ("Pair", "Couple"):
        (package / "records.py").write_text(RECORDS.format(record=record))
        assert run(package, RUN_RECORDS.format(record=record))[0] == "42"


GENERAL = """
from keisei.shogi.jit import kernel

@kernel
def value_of(record):
    return record.value
"""
RECORDS_APART = """
from typing import NamedTuple

class {record}(NamedTuple):
    value: int
"""
RUN_GENERAL = """
from keisei.shogi.general import value_of
from keisei.shogi.records import {record}
print(value_of({record}(42)))
"""


def test_types_of_other_files_may_be_gone(package: Path) -> None:
    # The text of a kernel for anybody's tuples says nothing of their types.
    (package / "general.py").write_text(GENERAL)
    for record in ("Pair", "Couple"):
        (package / "records.py").write_text(RECORDS_APART.format(record=record))
        assert run(package, RUN_GENERAL.format(record=record))[0] == "42"
