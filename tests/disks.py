"""Disks that are full and files that may not grow, for real."""

import resource
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

_SMALL = 1 << 30
"""Bytes; larger disks are never filled."""


@contextmanager
def largest_file(size: int) -> Generator[None]:
    """Within a ``with`` block, no file of this process grows past so many bytes (``ulimit -f``)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores the signal that would come with it, so writes fail with "File too large".
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Generator[Path]:
    """Within a ``with`` block, ``folder`` is a file system of its own of that size.

    Tests that ask for one are skipped where nobody may mount.
    """
    folder.mkdir()
    # Private, for what is mounted inside it must appear nowhere else.
    options = f"size={kilobytes}k"
    command = ["mount", "--make-private", "-t", "tmpfs", "-o", options, "keisei-test", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Generator[None]:
    """Within a ``with`` block nothing in a folder of a small disk can be changed."""
    with tempfile.TemporaryDirectory() as other, ExitStack() as mounts:

        def mount(source: Path | str, target: Path | str, options: str) -> None:
            subprocess.run(["mount", "-o", options, str(source), str(target)], check=True)

        def bind(source: Path | str, target: Path | str) -> None:
            mount(source, target, "bind")
            mounts.callback(subprocess.run, ["umount", "--lazy", str(target)], check=True)

        # Elsewhere first, for a file that is opened here before the second step would hinder it;
        # what is bound from there is read-only at once.
        bind(folder, other)
        mount(folder, other, "remount,bind,ro")
        bind(other, folder)
        yield


def fill(folder: Path) -> Path:
    """Leave no room on the small disk of a folder, and return the file that takes it."""
    assert shutil.disk_usage(folder).total <= _SMALL, f"{folder} is on a disk that others need"
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    return filler
