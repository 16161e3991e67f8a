"""One run at a time in a run folder."""

import fcntl
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

LOCK_FILE = "run.lock"


class RunFolderError(ValueError):
    """A run folder that cannot be used; the message is one sentence."""

    @classmethod
    def unwritable(cls, folder: Path, error: OSError) -> Self:
        """What to say of a folder for what the system said of it."""
        return cls(
            f"run folder {str(folder)!r} cannot be written: {error.strerror}; "
            "choose another --run-dir"
        )


class HeldFolderError(RunFolderError):
    """A run folder that another process writes."""


class RunLock:
    """The right to write a run folder, which one process of the machine or of the network has.

    The system takes it back when the process ends, however that happens; the file stays. What it
    says is who took it last, which is worth something while it is held.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None

    def take(self) -> None:
        """Take the lock, and write down who has it.

        Raises:
            HeldFolderError: A process has it, which the message names.
            OSError: The folder cannot be written.
        """
        file = (self._folder / LOCK_FILE).open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            file.write(f"process {os.getpid()} on {socket.gethostname()} since {since}\n".encode())
            file.flush()
        except BlockingIOError:
            holder = self._holder(file)
            file.close()
            raise HeldFolderError(
                f"run folder {str(self._folder)!r} is in use by {holder}, which still writes it; "
                "wait for its end or choose another --run-dir"
            ) from None
        except OSError:
            file.close()
            raise
        self._file = file

    def release(self) -> None:
        """Let others have it; without effect when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @staticmethod
    def _holder(file: BinaryIO) -> str:
        file.seek(0)
        text = file.read(200).decode(errors="replace").strip()
        return text if text.isprintable() and text else "another process"
