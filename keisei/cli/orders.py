"""What a ``train`` command asks for: the settings of its run, and what the run goes on from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from keisei.cli.errors import fail, mistakes, training_extra
from keisei.cli.settings import read_settings
from keisei.files import UnwritableError

if TYPE_CHECKING:
    from keisei.config_schema import AppConfig


@dataclass(frozen=True)
class Order:
    """A command line of ``train``.

    Attributes:
        file: Settings to start from, taken before a resumed run's own.
        assignments: ``section.key=value`` texts.
        flags: Values by ``section.key``; None means that the flag was not given.
        resume: "latest", "auto", the path of a checkpoint, or None for a new run.
    """

    file: Path | None
    assignments: list[str] | None
    flags: Mapping[str, Any]
    resume: str | None

    def settle(self, launched: int | None) -> "tuple[AppConfig, str | None]":
        """Settings of the run, and what it goes on from: "latest", a path, or None for a new run.

        Only the process that writes the run folder may ask, for the answer depends on the folder.

        Args:
            launched: How many processes a launcher has started; None without one.
        """
        run_dir: Path | None = self.flags["session.run_dir"]
        resume = self._found(run_dir) if self.resume == "auto" else self.resume
        file, own_dir = _settings_of_resumed(self.file, run_dir, resume)
        config = self._settings(file, {"session.run_dir": run_dir or own_dir})
        if launched is not None:
            _check_launched(config.session.processes, launched)
            config = self._settings(
                file, {"session.run_dir": run_dir or own_dir, "session.processes": launched}
            )
        return config, resume

    def _settings(self, file: Path | None, others: Mapping[str, Any]) -> "AppConfig":
        return read_settings(file, self.assignments, {**self.flags, **others})

    def _found(self, run_dir: Path | None) -> str | None:
        """What "auto" stands for."""
        with training_extra():
            from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
            from keisei.training.going_on import find_resume  # noqa: PLC0415
            from keisei.training.remote import RemoteError  # noqa: PLC0415
            from keisei.training.run_lock import RunFolderError  # noqa: PLC0415

        if run_dir is None:
            fail("--resume auto needs --run-dir, the folder to begin a run in or to go on with")
        own_file = run_dir / "config.toml"
        file = self.file or (own_file if own_file.is_file() else None)
        mirror = self._settings(file, {}).session.mirror
        with mistakes(RunFolderError, RemoteError, UnwritableError, CheckpointError):
            return find_resume(run_dir, mirror, lambda text: typer.echo(text, err=True))


def _check_launched(wanted: int, launched: int) -> None:
    """Refuse another number of processes than a launcher has started."""
    if wanted not in (1, launched):
        fail(
            f"session.processes = {wanted}, but {launched} processes were launched; leave the "
            f"setting out or add --set session.processes={launched}"
        )


def _settings_of_resumed(
    file: Path | None, run_dir: Path | None, resume: str | None
) -> tuple[Path | None, Path | None]:
    """Settings file and run folder that a resumed run has of its own.

    Args:
        file: The file given on the command line; it is taken before the run's own.
        run_dir: The run folder given on the command line.
        resume: "latest", the path of a checkpoint, or None for a new run.
    """
    if resume is None:
        return file, None
    if resume == "latest":
        if run_dir is None:
            fail("--resume latest needs --run-dir, the folder of the run to go on with")
        folder = run_dir
    elif Path(resume).is_file():
        folder = Path(resume).resolve().parent.parent
    else:
        fail(f"--resume {resume!r} is no file; give latest, auto or the path of a checkpoint")
    own_file = folder / "config.toml"
    if not own_file.is_file():
        return file, None
    return file or own_file, folder
