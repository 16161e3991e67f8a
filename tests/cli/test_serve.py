"""keisei-vec serve as a process of its own."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cli.command_line import assert_mistake, run
from tests.web.folders import START


def begin(*words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "keisei.cli", "serve", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_answers_there_and_ends_in_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    with begin(str(tmp_path), "--port", "0") as process:
        assert process.stdout is not None
        address = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", process.stdout.readline())
        assert address is not None
        connection = HTTPConnection("127.0.0.1", int(address[1]), timeout=20)
        connection.request("GET", "/api/runs")
        assert connection.getresponse().read() == b"[]"
        connection.close()
        # It is there for this machine alone.
        with socket.socket() as other:
            assert other.connect_ex(("127.0.0.2", int(address[1]))) != 0
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors


@pytest.mark.slow
def test_the_page_is_there_while_kernels_are_compiled_and_ctrl_c_does_not_wait_for_them(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    with begin(str(tmp_path), "--port", "0", env=environment) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rstrip("/\n").rpartition(":")[2])
        player = HTTPConnection("127.0.0.1", port, timeout=200)
        with closing(player), closing(HTTPConnection("127.0.0.1", port, timeout=200)) as reader:
            body = json.dumps({"start": START, "moves": [], "player": {"name": "keisei"}})
            player.request("POST", "/api/move", body, {"content-type": "application/json"})
            for path in ("/play", "/api/players", "/api/runs"):
                reader.request("GET", path)
                with reader.getresponse() as answer:
                    assert answer.status == 200
                    answer.read()
            while not [*(tmp_path / "kernels").rglob("*.nbc")]:
                time.sleep(0.1)
            assert player.sock is not None
            assert select.select([player.sock], [], [], 0) == ([], [], [])
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
            assert select.select([player.sock], [], [], 0)[0]
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    assert_mistake(run("serve", str(tmp_path / "none")), "none", "is no folder")


def test_an_address_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_mistake(run("serve", str(tmp_path), "--port", port), port, "choose another --port")
    assert_mistake(run("serve", str(tmp_path), "--host", "no.such.name.invalid"), "--host")


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_a_sentence_says_what_to_install(tmp_path: Path, missing: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {missing!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Finder())\n",
        encoding="utf-8",
    )
    paths = [str(tmp_path), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    finished = subprocess.run(
        [sys.executable, "-m", "keisei.cli", "serve", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert finished.stderr == (
        f"Error: {missing} is not installed; pip install 'keisei[web]' brings it\n"
    )
