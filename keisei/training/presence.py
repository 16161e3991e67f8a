"""Whether the process of a run is still there, for those who only read its folder.

Imports nothing heavy, so that a page on runs is there before torch is loaded.
"""

import os
import socket
from pathlib import Path
from typing import Any

LIVE_FILE = "live.json"


def this_process() -> dict[str, Any]:
    """What tells this process from one that gets its number later."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": process_start(os.getpid()),
    }


def process_start(pid: int) -> int | None:
    """When a process of this machine began, in the system's ticks; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name of the program, in brackets, may hold blanks.
    fields = text.rpartition(")")[2].split()
    return int(fields[19])
