"""Checkpoint files: written whole or not at all, checked before they are believed.

A checkpoint is one ``torch.save`` archive of tensors and plain Python values, so that it loads
with ``weights_only=True`` and can run nobody's code. The newest intact one is found from the
files themselves; there is no pointer that could go stale.
"""

import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from keisei.files import TEMPORARY_SUFFIX, write_whole, writing
from keisei.shogi.moves import shown
from keisei.training.form import Form, FormError, check

MAGIC = "keisei-checkpoint"
SCHEMA_VERSION = 1
"""Grows when a checkpoint's contents change so that older readers would go wrong."""

_PREFIX = "checkpoint-"
_DIGITS = 12
"""So many in a name, so that the order of names is the order of timesteps."""
_SUFFIX = ".pt"
_PATTERN = f"{_PREFIX}{_DIGITS * '[0-9]'}{_SUFFIX}"


_TORCHS_COMPLAINTS = (
    *(RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError, AssertionError),
    *(ArithmeticError, struct.error),
)
"""What its reader of pickles, written in Python, makes of bytes that are none."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message is one sentence."""


class DamagedCheckpointError(CheckpointError):
    """A file that is not, or no longer, a readable archive."""


def write_checkpoint(path: Path, contents: Mapping[str, Any]) -> None:
    """Write tensors and plain Python values as a checkpoint file.

    Raises:
        UnwritableError: The file cannot be written.
    """
    archive = {"magic": MAGIC, "schema_version": SCHEMA_VERSION, "contents": dict(contents)}
    write_whole(path, lambda file: _save(archive, file))


def _save(archive: Mapping[str, Any], file: BinaryIO) -> None:
    try:
        torch.save(archive, file)
    except RuntimeError as error:
        # torch ends its archive even after a write has failed, and that this fails too hides why.
        if isinstance(error.__context__, OSError | KeyboardInterrupt):
            raise error.__context__ from None
        raise


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Contents of a checkpoint file, tensors on the CPU.

    Raises:
        DamagedCheckpointError: The file is no archive, or a part fails its checksum.
        CheckpointError: It cannot be read, was written by another program or by another version,
            or holds more than tensors and plain values.
    """
    _check_archive(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # about pickles that torch does not write
            archive: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{str(path)!r} is not a Keisei checkpoint: it holds more than tensors and plain "
            "values, and loading those could run foreign code"
        ) from None
    except _TORCHS_COMPLAINTS as error:
        reason = shown(str(error).partition("\n")[0], 300)
        raise CheckpointError(f"{str(path)!r} is not a Keisei checkpoint: {reason}") from None
    found = cast(dict[str, Any], archive) if isinstance(archive, dict) else {}
    magic, version = found.get("magic"), found.get("schema_version")
    if not isinstance(magic, str) or magic != MAGIC or not isinstance(version, int):
        raise CheckpointError(f"{str(path)!r} is not a Keisei checkpoint")
    if version != SCHEMA_VERSION:
        raise CheckpointError(
            f"{str(path)!r} has checkpoint version {version!r} and this Keisei reads version "
            f"{SCHEMA_VERSION}; resume it with the Keisei that wrote it"
        )
    require(path, found, {"contents": {str: None}})
    return found["contents"]


def require(path: Path, contents: Mapping[str, Any], form: Form, **sizes: int) -> None:
    """Check that what a file holds has a form.

    Args:
        path: Of the file.
        contents: What was read.
        form: What it has to be like.
        sizes: Those that are known beforehand.

    Raises:
        CheckpointError: It is not; the message names the part.
    """
    try:
        check(form, contents, "", sizes)
    except FormError as error:
        raise CheckpointError(
            f"{str(path)!r} does not hold what it should: {error}; take another file or delete it"
        ) from None


def _check_archive(path: Path) -> None:
    """Read the whole file once and compare all checksums, which torch itself does not.

    Nor does it look whether a part unpacks to more than there is room for; checkpoints are not
    packed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            is_packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
            size = sum(part.file_size for part in parts)
            broken = None if is_packed else archive.testzip()
    except OSError as error:
        raise CheckpointError(f"cannot read checkpoint {str(path)!r}: {error.strerror}") from None
    except (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, struct.error):
        raise DamagedCheckpointError(
            f"{str(path)!r} is damaged or not a Keisei checkpoint"
        ) from None
    if is_packed or size > path.stat().st_size:
        raise DamagedCheckpointError(
            f"{str(path)!r} is damaged or not a Keisei checkpoint: its parts are packed"
        )
    if broken is not None:
        raise DamagedCheckpointError(
            f"{str(path)!r} is damaged: {shown(broken)} fails its checksum"
        )


def _timestep(path: Path) -> int:
    """The timestep that the name of a checkpoint tells."""
    return int(path.stem.removeprefix(_PREFIX))


class CheckpointFolder:
    """The checkpoints of one run: names, order, and how many are kept."""

    def __init__(
        self, folder: Path, keep: int, needs_before: Callable[[int], int | None] | None = None
    ) -> None:
        """Look after a folder, which need not exist yet.

        Args:
            folder: Where the files are.
            keep: So many of the newest are kept.
            needs_before: Given a timestep that is saved, names one before which another checkpoint
                is needed, and the newest such is kept, too; None when none is.
        """
        self.folder = folder
        self._keep = keep
        self._needs_before = needs_before

    @staticmethod
    def is_name(name: str) -> bool:
        """Whether a finished checkpoint has such a name."""
        return fnmatchcase(name, _PATTERN)

    def paths(self) -> list[Path]:
        """Finished checkpoints, oldest first; temporary files are not among them."""
        return sorted(self.folder.glob(_PATTERN))

    def path(self, global_timestep: int) -> Path:
        """Where the checkpoint of a timestep is, or would be."""
        return self.folder / f"{_PREFIX}{global_timestep:0{_DIGITS}d}{_SUFFIX}"

    def save(self, global_timestep: int, contents: Mapping[str, Any]) -> Path:
        """Write the checkpoint of one timestep, then delete those past the number to keep.

        Args:
            global_timestep: Of the checkpoint.
            contents: Tensors and plain Python values.

        Raises:
            UnwritableError: The folder cannot be written; the checkpoints in it are as before.
        """
        path = self.path(global_timestep)
        write_checkpoint(path, contents)
        before = None if self._needs_before is None else self._needs_before(global_timestep)
        paths = self.paths()
        needed = [each for each in paths if before is not None and _timestep(each) < before]
        for each in paths[: -self._keep]:
            if each not in needed[-1:]:
                _delete(each)
        return path

    def latest(self, warn: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
        """The newest intact checkpoint and its contents; ``warn`` hears of damaged newer ones.

        Raises:
            CheckpointError: There is no intact checkpoint, or the newest one is of another version.
        """
        for path in reversed(self.paths()):
            try:
                return path, read_checkpoint(path)
            except DamagedCheckpointError as error:
                warn(f"{error}; trying the one before")
        raise CheckpointError(f"no intact checkpoint in {str(self.folder)!r}; nothing to resume")

    def before(
        self, timestep: int, warn: Callable[[str], None]
    ) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Intact checkpoints of before a timestep, newest first; ``warn`` hears of damaged ones."""
        for path in reversed(self.paths()):
            if _timestep(path) < timestep:
                try:
                    contents = read_checkpoint(path)
                except DamagedCheckpointError as error:
                    warn(f"{error}; trying the one before")
                else:
                    yield path, contents

    def drop_after(self, timestep: int) -> None:
        """Delete checkpoints past a timestep and what killed processes left half written.

        A run that goes on from an earlier checkpoint makes the later ones anew.

        Raises:
            UnwritableError: The folder cannot be written.
        """
        for path in self.paths():
            if _timestep(path) > timestep:
                _delete(path)
        for path in self.folder.glob(f"*{TEMPORARY_SUFFIX}"):
            _delete(path)


def _delete(path: Path) -> None:
    with writing(path):
        path.unlink(missing_ok=True)
