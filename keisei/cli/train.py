"""``keisei-vec train``: train a network by self-play."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keisei.cli.errors import fail, mistakes, training_extra
from keisei.cli.settings import (
    ConfigOption,
    DeviceOption,
    NumEnvsOption,
    SetOption,
    read_settings,
)
from keisei.files import UnwritableError

if TYPE_CHECKING:
    from keisei.config_schema import AppConfig
    from keisei.training.trainer import Trainer

_EXIT_CODES = {
    "SIGINT": 128 + signal.SIGINT,
    "KeyboardInterrupt": 128 + signal.SIGINT,
    "SIGTERM": 128 + signal.SIGTERM,
    "SIGHUP": 128 + signal.SIGHUP,
    "collapse": 1,
}


TimestepsOption = Annotated[
    int | None,
    typer.Option("--total-timesteps", metavar="N", help="Plies to play, all games together."),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Fixes games and weights.")
]
RunDirOption = Annotated[
    Path | None, typer.Option("--run-dir", metavar="DIR", help="Folder of the run.")
]
ResumeOption = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="latest|PATH",
        help="Go on from the newest checkpoint of --run-dir or from a checkpoint file, "
        "with the settings of that run unless --config is given.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


def train(  # noqa: PLR0913 - one parameter an option
    *,
    file: ConfigOption = None,
    num_envs: NumEnvsOption = None,
    total_timesteps: TimestepsOption = None,
    device: DeviceOption = None,
    seed: SeedOption = None,
    run_dir: RunDirOption = None,
    resume: ResumeOption = None,
    assignments: SetOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train a network by self-play.

    Flags go over --set, --set over the file, the file over the defaults; the effective settings
    are written into the run folder.

    Ctrl-C, SIGTERM or the end of the terminal (SIGHUP) ends the run in order: the running step is
    finished, a checkpoint is saved, and the exit code is 130, 143 or 129. A run that reaches
    --total-timesteps, or had reached them before it was resumed, ends with 0, one that the watch
    over collapses stopped (--set watch.action=stop) with 1, a mistake with 2. When a run ends past
    the limits of the watch, it says so at its end.
    """
    settings_file, settings_dir = _settings_of_resumed(file, run_dir, resume)
    flags = {
        "env.num_envs": num_envs,
        "training.total_timesteps": total_timesteps,
        "session.device": device.value if device else None,
        "session.seed": seed,
        "session.run_dir": run_dir or settings_dir,
        "display.mode": "quiet" if quiet else None,
    }
    config = read_settings(settings_file, assignments, flags)
    with training_extra():
        from keisei.rl.ranks import LostRankError  # noqa: PLC0415
        from keisei.training.processes import (  # noqa: PLC0415
            DeadProcessError,
            launched_size,
            run_processes,
        )

    launched, wanted = launched_size(), config.session.processes
    if launched is not None:
        _check_launched(wanted, launched)
        config = read_settings(settings_file, assignments, {**flags, "session.processes": launched})
    try:
        if launched is None and wanted > 1:
            code = run_processes(wanted, train_rank, config, resume)
        else:
            code = train_rank(config, resume)
    except (DeadProcessError, LostRankError) as error:
        typer.echo(f"Error: {error}", err=True)
        code = 1
    raise typer.Exit(code)


def train_rank(config: "AppConfig", resume: str | None) -> int:
    """Train in this process, alone or as one of those that a launcher has started.

    Args:
        config: Settings of the run.
        resume: "latest", the path of a checkpoint, or None for a new run.

    Returns:
        The exit code of the process.

    Raises:
        LostRankError: Another process has ended or is silent.
    """
    with training_extra():
        from keisei.config_schema import ConfigError  # noqa: PLC0415
        from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
        from keisei.training.display import DisplayError  # noqa: PLC0415
        from keisei.training.processes import open_ranks  # noqa: PLC0415
        from keisei.training.session_manager import RunFolderError  # noqa: PLC0415
        from keisei.training.trainer import Trainer  # noqa: PLC0415
        from keisei.training.writers import WriterError  # noqa: PLC0415

    unusable = (CheckpointError, UnwritableError, DisplayError)
    try:
        with open_ranks() as ranks:
            with mistakes(
                *unusable, ConfigError, RunFolderError, WriterError, silent=not ranks.is_first
            ):
                trainer = Trainer(config, resume=resume, ranks=ranks)
            # A file or a screen that cannot be written (a full disk) is no bug either, nor is a
            # learning rate that makes the numbers infinite.
            with mistakes(*unusable, FloatingPointError, silent=not ranks.is_first):
                stopped_by = trainer.run()
            if ranks.is_first:
                _tell_end(trainer, stopped_by)
    except typer.Exit as end:
        return end.exit_code
    return _EXIT_CODES.get(stopped_by or "", 0)


def _tell_end(trainer: "Trainer", stopped_by: str | None) -> None:
    """Say on standard error how the run ended, a quiet one only that it is not healthy."""
    if trainer.config.display.mode == "quiet":
        if trainer.watch.is_ill:
            typer.echo(trainer.watch.verdict(), err=True)
    elif stopped_by == "collapse":
        # The newest one is no place to go on from.
        place = trainer.session.checkpoint_dir
        typer.echo(
            f"Stopped by collapse; go on with --resume PATH, an earlier one in {place}", err=True
        )
    elif stopped_by is not None:
        typer.echo(
            f"Stopped by {stopped_by}; go on with --run-dir {trainer.run_dir} --resume latest",
            err=True,
        )


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
        fail(f"--resume {resume!r} is no file; give latest or the path of a checkpoint")
    own_file = folder / "config.toml"
    if not own_file.is_file():
        return file, None
    return file or own_file, folder
