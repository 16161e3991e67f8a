"""Training on several machines: launches that share an address and nothing else."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from keisei.training.checkpoint import CheckpointFolder, read_checkpoint
from tests.cli.command_line import SMALL_RUN
from tests.training.runs import assert_same, rows_without_time

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PLIES = 40 * 16
TRAIN = (
    "train", *SMALL_RUN, "--quiet", "--set", "evaluation.every_updates=20",
    "--set", "session.checkpoint_every=10", "--total-timesteps", str(PLIES),
)  # fmt: skip


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def rendezvous(kind: str, machine: int, port: int) -> list[str]:
    if kind == "static":
        return ["--node-rank", str(machine), "--master-addr", "127.0.0.1",
                "--master-port", str(port)]  # fmt: skip
    return ["--rdzv-backend", "c10d", "--rdzv-id", "a", "--rdzv-endpoint", f"localhost:{port}"]


def launch(kind: str, machine: int, port: int, place: Path) -> "subprocess.Popen[str]":
    """One machine of two, in a working folder of its own."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1",
        *rendezvous(kind, machine, port), "-m", "keisei.cli", *TRAIN,
        "--config", "settings.toml", "--run-dir", "a",
        "--resume", "auto",
    ]  # fmt: skip
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True, env=env)


def both(kind: str, places: list[Path]) -> "list[subprocess.Popen[str]]":
    port = free_port()
    first = launch(kind, 0, port, places[0])
    # With c10d the ranks follow the numbers of the processes.
    return [first, launch(kind, 1, port, places[1])]


def wait_for(happened: Callable[[], bool], *processes: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 600
    while not happened():
        assert all(process.poll() is None for process in processes)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def worker_of(launcher: "subprocess.Popen[str]") -> int:
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    (worker,) = [
        int(child)
        for child in children
        if b"keisei.cli" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return worker


@pytest.fixture(scope="module")
def peaceful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run of two processes on one machine, which nobody disturbed."""
    folder = tmp_path_factory.mktemp("peaceful") / "a"
    command = [
        sys.executable, "-m", "keisei", *TRAIN, "--set", "session.processes=2",
        "--set", "training.gamma=0.9", "--run-dir", str(folder),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return folder


@pytest.mark.parametrize(("kind", "victim"), [("static", 1), ("c10d", 0)])
def test_a_machine_that_dies_ends_the_other_and_both_go_on_exactly(
    tmp_path: Path, peaceful: Path, kind: str, victim: int
) -> None:
    places = [tmp_path / "first", tmp_path / "second"]
    for place in places:
        place.mkdir()
    # Of the second machine neither is asked for.
    (places[0] / "settings.toml").write_text("[training]\ngamma = 0.9\n")
    folder = places[0] / "a"
    metrics = folder / "metrics.jsonl"

    launches = both(kind, places)
    wait_for(lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= 12, *launches)
    os.kill(worker_of(launches[victim]), signal.SIGKILL)
    begin = time.monotonic()
    told = [launch.communicate(timeout=300)[1] for launch in launches]
    assert time.monotonic() - begin < 200
    assert all(launch.returncode == 1 for launch in launches)
    survivor = told[1 - victim]
    sentence = "Error: another process of this run has ended or is silent; go on from"
    assert survivor.count(sentence) == 1
    assert list(places[1].iterdir()) == []

    launches = both(kind, places)
    told = [launch.communicate(timeout=600)[1] for launch in launches]
    assert [launch.returncode for launch in launches] == [0, 0], told
    assert list(places[1].iterdir()) == []
    mine, others = (
        read_checkpoint(CheckpointFolder(each / "checkpoints", 1).paths()[-1])
        for each in (folder, peaceful)
    )
    assert mine["global_timestep"] == PLIES
    del mine["config"], others["config"]
    assert_same(mine, others)
    assert rows_without_time(folder) == rows_without_time(peaceful)
