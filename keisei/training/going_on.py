"""What a command that is repeated goes on with: ``--resume auto``."""

import time
from collections.abc import Callable
from pathlib import Path

from keisei.training.checkpoint import CheckpointFolder
from keisei.training.mirror import fetch
from keisei.training.remote import RemoteError
from keisei.training.run_lock import LOCK_FILE, HeldFolderError, RunFolderError, RunLock

PATIENCE_SECONDS = 120.0
"""How long a process that ends may still hold the folder: it saves a last checkpoint."""
_PAUSE_SECONDS = 0.2


def find_resume(run_dir: Path, mirror: str | None, tell: Callable[[str], None]) -> str | None:
    """What "auto" stands for: "latest" where a folder holds a run to go on with, None elsewhere.

    A run whose first save never happened is begun anew. A process that writes the folder is waited
    for. What a mirror holds of the run is fetched if it is newer.

    Args:
        run_dir: Folder of the run, which need not exist.
        mirror: URL of its mirror, if it has one.
        tell: Hears whom it waits for, and what it fetches.

    Raises:
        RunFolderError: The folder cannot be written, or a process writes it and does not end.
        RemoteError: There is nothing in the folder, and the mirror does not answer.
        UnwritableError: What the mirror holds cannot be written.
        CheckpointError: It is from another version of Keisei.
    """
    files = CheckpointFolder(run_dir / "checkpoints", 1)
    if mirror is not None:
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError.unwritable(run_dir, error) from error
    if mirror is not None or (run_dir / LOCK_FILE).exists():
        lock = await_lock(run_dir, PATIENCE_SECONDS, tell)
        try:
            if mirror is not None:
                fetch(run_dir, mirror, tell)
        except RemoteError as error:
            if not files.paths():
                raise
            tell(f"Going on with what {str(run_dir)!r} holds: {error}")
        except OSError as error:
            raise RunFolderError.unwritable(run_dir, error) from error
        finally:
            lock.release()
    return "latest" if files.paths() else None


def await_lock(run_dir: Path, patience: float, tell: Callable[[str], None]) -> RunLock:
    """The lock of a run folder, taken as soon as nobody has it.

    Args:
        run_dir: Folder of the run.
        patience: Seconds to wait at most.
        tell: Hears once whom it waits for.

    Raises:
        RunFolderError: The folder cannot be written, or somebody has the lock for all that time.
    """
    lock = RunLock(run_dir)
    begin, is_told = time.monotonic(), False
    while True:
        try:
            lock.take()
        except HeldFolderError as error:
            if time.monotonic() - begin >= patience:
                raise
            if not is_told:
                tell(f"Waiting for at most {patience:g} s: {error}")
                is_told = True
        except OSError as error:
            raise RunFolderError.unwritable(run_dir, error) from error
        else:
            return lock
        time.sleep(_PAUSE_SECONDS)
