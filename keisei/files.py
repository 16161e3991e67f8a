"""Files that appear whole or not at all, and failures to write told in one sentence."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

TEMPORARY_SUFFIX = ".tmp"
"""Ends the names of files that are being written; one that is left behind was never finished."""


class UnwritableError(RuntimeError):
    """A file that cannot be written; the message is one sentence."""


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Within a ``with`` block, a refusal of the operating system names the path and the reason.

    Raises:
        UnwritableError: Something in the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnwritableError(f"cannot write {str(path)!r}: {reason}") from error


def write_whole(path: Path, write: Callable[[BinaryIO], object], *, lasting: bool = True) -> None:
    """Let ``write`` fill a file that appears under ``path`` only when it is complete and on disk.

    However the writing is broken off, Ctrl-C included, no temporary file is left. What is there and
    no file, a device or a pipe, is not replaced.

    Args:
        path: The file.
        write: Fills it.
        lasting: Whether to wait until a power cut would not undo it.

    Raises:
        UnwritableError: The file cannot be written; nothing at ``path`` has changed.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    with writing(path):
        if path.exists() and not path.is_file():
            raise OSError("it is no file")
        try:
            with temporary.open("wb") as file:
                write(file)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            temporary.replace(path)
            if lasting:
                _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, lasting: bool = True) -> None:
    """Write a text as UTF-8, whole or not at all; ``lasting`` as in ``write_whole``.

    Raises:
        UnwritableError: The file cannot be written; nothing at ``path`` has changed.
    """
    write_whole(path, lambda file: file.write(text.encode()), lasting=lasting)


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
