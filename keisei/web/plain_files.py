"""Reading files that strangers may have made: plain files only, and never more than a limit."""

import os
import stat
from pathlib import Path
from typing import BinaryIO


def is_there(path: Path) -> bool:
    """Whether something of that name can be seen; what lies behind a link is not asked."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading that is neither a link nor a device nor a pipe.

    Raises:
        OSError: It cannot be read, or is not such a file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path.name} is no plain file")
    return os.fdopen(descriptor, "rb")


def read_start(path: Path, limit: int) -> bytes:
    """The first bytes of a plain file.

    Raises:
        OSError: It cannot be read.
    """
    with open_plain(path) as file:
        return file.read(limit)


def read_end(path: Path, limit: int) -> bytes:
    """The last bytes of a plain file.

    Raises:
        OSError: It cannot be read.
    """
    with open_plain(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
        return file.read(limit)
