"""A folder on any file system that fsspec knows: a bucket, another machine, another disk."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (fsspec is not typed.)

import importlib
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from keisei.files import TEMPORARY_SUFFIX, write_whole

_CHUNK = 1 << 20


class RemoteError(RuntimeError):
    """A remote folder that cannot be used; the message is one sentence."""


def without_secrets(url: str) -> str:
    """The URL without a name and a password, for messages."""
    return re.sub(r"://[^/@]*@", "://", url)


@contextmanager
def using(url: str) -> Generator[None]:
    """Within a ``with`` block, whatever a file system raises names the folder and the reason.

    Raises:
        RemoteError: Something in the block raised an exception.
    """
    try:
        yield
    except RemoteError:
        raise
    # Plug-ins raise what they like.
    except Exception as error:
        text = error.strerror if isinstance(error, OSError) else None
        reason = (text or str(error) or type(error).__name__).partition("\n")[0][:300]
        raise RemoteError(f"mirror {without_secrets(url)!r}: {reason}") from error


def check_protocol(url: str) -> None:
    """Look whether there is a file system for a URL; nothing is connected.

    Raises:
        RemoteError: There is none, or its library is not installed.
    """
    with using(url):
        _fsspec(url).get_filesystem_class(url.partition("://")[0] if "://" in url else "file")


def _fsspec(url: str) -> Any:
    try:
        return importlib.import_module("fsspec")  # an extra
    except ImportError as error:
        raise RemoteError(
            f"mirror {without_secrets(url)!r}: fsspec is not installed; pip install "
            "'keisei[remote]' brings it"
        ) from error


class RemoteFolder:
    """Files below a URL. Every method raises RemoteError when the file system does not answer."""

    def __init__(self, url: str) -> None:
        """Connect.

        Args:
            url: As fsspec reads it, or a plain path; credentials come from where its library looks
                for them.
        """
        self.url = url
        self._made: set[str] = set()
        with using(url):
            # Not one that was kept, whose connection may be lost.
            fs, root = _fsspec(url).core.url_to_fs(url, skip_instance_cache=True)
            self._fs: Any = fs
            self._root: str = root.rstrip("/")

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of the files in a folder by their names; empty where there is no such folder."""
        with using(self.url):
            self._fs.invalidate_cache()
            try:
                found = self._fs.ls(f"{self._root}/{folder}", detail=True)
            except FileNotFoundError:
                return {}
            return {
                str(each["name"]).rpartition("/")[2]: int(each["size"] or 0)
                for each in found
                if each["type"] == "file"
            }

    def put(self, source: Path, name: str) -> None:
        """Copy a file of this machine; it appears under its name when it is complete."""
        target = f"{self._root}/{name}"
        temporary = target + TEMPORARY_SUFFIX
        with using(self.url):
            self._make_folder(target.rpartition("/")[0])
            try:
                least = source.stat().st_size
                self._fs.put_file(str(source), temporary)
                self._fs.invalidate_cache()
                arrived = int(self._fs.info(temporary)["size"])
                # A file to which rows are added may have grown.
                if not least <= arrived <= source.stat().st_size:
                    raise OSError(f"{arrived} of {least} bytes of {name} arrived")
                self._rename(temporary, target)
            except BaseException:
                with suppress(Exception):
                    self._fs.rm_file(temporary)
                raise

    def read(self, name: str) -> bytes | None:
        """Contents of a small file; None when there is none."""
        with using(self.url):
            try:
                return self._fs.cat_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return None

    def fetch(self, name: str, target: Path) -> bool:
        """Copy a file to this machine, whole or not at all.

        Returns:
            Whether it exists.

        Raises:
            UnwritableError: The file of this machine cannot be written.
        """
        with using(self.url):
            try:
                source = self._fs.open(f"{self._root}/{name}", "rb")
            except FileNotFoundError:
                return False
        with source:
            write_whole(target, lambda file: self._pour(source, file))
        return True

    def delete(self, name: str) -> None:
        """Delete a file."""
        with using(self.url), suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{name}")

    def _pour(self, source: Any, target: BinaryIO) -> None:
        while True:
            # What this machine refuses is said in other words.
            with using(self.url):
                chunk = source.read(_CHUNK)
            if not chunk:
                return
            target.write(chunk)

    def _make_folder(self, folder: str) -> None:
        if folder not in self._made:
            self._fs.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    def _rename(self, temporary: str, target: str) -> None:
        try:
            self._fs.mv(temporary, target)
        except FileExistsError:
            # Where the new does not take the place of the old.
            self._fs.rm_file(target)
            self._fs.mv(temporary, target)
