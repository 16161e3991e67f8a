"""``keisei-vec train``: train a network by self-play."""

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from keisei.cli.errors import fail, mistakes, training_extra
from keisei.cli.orders import Order
from keisei.cli.settings import (
    ConfigOption,
    DeviceOption,
    InitOption,
    NumEnvsOption,
    QuietOption,
    RunDirOption,
    SeedOption,
    SetOption,
)
from keisei.files import UnwritableError

if TYPE_CHECKING:
    from keisei.config_schema import AppConfig
    from keisei.rl.ranks import Ranks
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
ResumeOption = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="latest|auto|PATH",
        help="Go on from the newest checkpoint of --run-dir or from a checkpoint file, "
        "with the settings of that run unless --config is given; auto begins a run where "
        "--run-dir holds none, so that the command can be repeated.",
    ),
]
MirrorOption = Annotated[
    str | None,
    typer.Option(
        "--mirror",
        metavar="URL",
        help="Copy what the run can go on from to s3://..., sftp://..., a path or the like.",
    ),
]


def train(  # noqa: PLR0913 - one parameter an option
    *,
    file: ConfigOption = None,
    num_envs: NumEnvsOption = None,
    total_timesteps: TimestepsOption = None,
    device: DeviceOption = None,
    seed: SeedOption = None,
    run_dir: RunDirOption = None,
    resume: ResumeOption = None,
    init: InitOption = None,
    mirror: MirrorOption = None,
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
    if init is not None and resume not in (None, "auto"):
        fail(f"--init does not go with --resume {resume}, whose run has weights of its own")
    flags = {
        "env.num_envs": num_envs,
        "training.total_timesteps": total_timesteps,
        "session.device": device.value if device else None,
        "session.seed": seed,
        "session.run_dir": run_dir,
        "session.mirror": mirror,
        "model.init": init,
        "display.mode": "quiet" if quiet else None,
    }
    order = Order(file, assignments, flags, resume)
    with training_extra():
        from keisei.rl.ranks import LostRankError  # noqa: PLC0415
        from keisei.training.processes import (  # noqa: PLC0415
            DeadProcessError,
            launched_size,
            open_ranks,
            run_processes,
        )

    try:
        launched = launched_size()
        if launched is not None:
            with open_ranks() as ranks:
                # Other machines need neither the file nor the folder.
                code = _train(*ranks.on_first(lambda: order.settle(launched)), ranks)
        else:
            config, goes_on_from = order.settle(None)
            if config.session.processes > 1:
                code = run_processes(config.session.processes, train_rank, config, goes_on_from)
            else:
                code = train_rank(config, goes_on_from)
    except (DeadProcessError, LostRankError) as error:
        typer.echo(f"Error: {error}", err=True)
        code = 1
    raise typer.Exit(code)


def train_rank(config: "AppConfig", resume: str | None) -> int:
    """Train in this process, alone or as one of those that ``run_processes`` has started.

    Args:
        config: Settings of the run.
        resume: "latest", the path of a checkpoint, or None for a new run.

    Returns:
        The exit code of the process.

    Raises:
        LostRankError: Another process has ended or is silent.
    """
    with training_extra():
        from keisei.training.processes import open_ranks  # noqa: PLC0415

    with open_ranks() as ranks:
        return _train(config, resume, ranks)


def _train(config: "AppConfig", resume: str | None, ranks: "Ranks") -> int:
    """Train as one of the ranks and return the exit code of the process."""
    with training_extra():
        from keisei.config_schema import ConfigError  # noqa: PLC0415
        from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
        from keisei.training.display import DisplayError  # noqa: PLC0415
        from keisei.training.remote import RemoteError  # noqa: PLC0415
        from keisei.training.session_manager import RunFolderError  # noqa: PLC0415
        from keisei.training.trainer import Trainer  # noqa: PLC0415
        from keisei.training.writers import WriterError  # noqa: PLC0415

    unusable = (CheckpointError, UnwritableError, DisplayError)
    silent = not ranks.is_first
    try:
        refused = (ConfigError, RemoteError, RunFolderError, WriterError)
        with mistakes(*unusable, *refused, silent=silent):
            trainer = Trainer(config, resume=resume, ranks=ranks)
        # A file or a screen that cannot be written (a full disk) is no bug either, nor is a
        # learning rate that makes the numbers infinite.
        with mistakes(*unusable, FloatingPointError, silent=silent):
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
