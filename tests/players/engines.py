"""What the tests of engines share: the fake engine's settings, and a look at its processes."""

import os
import shlex
import sys
import time
from pathlib import Path

from keisei.players.usi_client import EngineError, EngineSettings, UsiEngine, await_moves

_SCRIPT = Path(__file__).with_name("fake_engine.py")


def settings(folder: Path, behaviour: str, **others: object) -> EngineSettings:
    """The fake engine with short waits; its process ids go to ``folder``."""
    command = shlex.join([sys.executable, str(_SCRIPT), str(folder / "pids"), behaviour])
    values: dict[str, object] = {"limit": "nodes 1", "move_seconds": 0.5, **others}
    return EngineSettings(command, **values)  # pyright: ignore[reportArgumentType]


def best_move(engine: UsiEngine) -> str:
    """The answer of an engine that thinks, or the error with which it fails."""
    (answer,) = await_moves([engine])
    if isinstance(answer, EngineError):
        raise answer
    return answer.text


def pids(folder: Path) -> list[int]:
    """Process ids of all fake engines that were started with ``folder``."""
    return [int(line) for line in (folder / "pids").read_text().split()]


def assert_no_process(folder: Path) -> None:
    """Check that none of them is left; a killed grandchild may take a moment to be reaped."""
    started = pids(folder)
    assert started
    deadline = time.monotonic() + 5
    while any(map(_lives, started)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [pid for pid in started if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A zombie has ended; in a container nobody may collect orphaned ones.
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
