"""``keisei-vec imitate``: learn from games that others have played."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from keisei.cli.errors import mistakes, training_extra
from keisei.cli.settings import (
    ConfigOption,
    DeviceOption,
    HeldOutOption,
    InitOption,
    QuietOption,
    RunDirOption,
    SeedOption,
    SetOption,
    read_settings,
)
from keisei.files import UnwritableError

_MOST = 999_999


def imitate(  # noqa: PLR0913 - one parameter an option
    games: Annotated[
        list[Path],
        typer.Argument(
            metavar="GAMES...",
            help="Files, or folders of them: CSA (.csa), KIF (.kif, .kifu), lines of USI (.usi, "
            ".sfen, .txt), PSV (.psv, .bin), HCPE (.hcpe).",
        ),
    ],
    *,
    passes: Annotated[
        int, typer.Option("--passes", min=1, max=_MOST, metavar="N", help="Over all files.")
    ] = 3,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, max=_MOST, metavar="N", help="Of one step.")
    ] = 1024,
    held_out: HeldOutOption = 0.05,
    file: ConfigOption = None,
    device: DeviceOption = None,
    seed: SeedOption = None,
    run_dir: RunDirOption = None,
    init: InitOption = None,
    assignments: SetOption = None,
    quiet: QuietOption = False,
) -> None:
    """Learn from games that others have played.

    The policy learns the moves, the value the results. Every move is checked by the rules; a game
    with one that is not legal is left out, and counted with its reason. The run folder holds a
    policy that eval, match, serve and train --init take.

    For example: keisei-vec imitate games/ --run-dir runs/imitated, then
    keisei-vec train --init runs/imitated --run-dir runs/a
    """
    flags = {
        "session.device": device.value if device else None,
        "session.seed": seed,
        "session.run_dir": run_dir,
        "model.init": init,
    }
    config = read_settings(file, assignments, flags)
    with training_extra():
        from keisei.config_schema import ConfigError  # noqa: PLC0415
        from keisei.imitation.imitating import Imitation, ImitationPlan  # noqa: PLC0415
        from keisei.imitation.sources import SourceError, find_files  # noqa: PLC0415
        from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
        from keisei.training.session_manager import RunFolderError  # noqa: PLC0415
        from keisei.training.writers import WriterError  # noqa: PLC0415

    with mistakes(SourceError, ConfigError, CheckpointError):
        plan = ImitationPlan(passes, batch_size, held_out)
        run = Imitation(config, plan, find_files(games), None if quiet else typer.echo)
    with mistakes(SourceError, RunFolderError, WriterError, UnwritableError, FloatingPointError):
        stopped_by = run.run()
    if stopped_by is not None:
        typer.echo(f"Stopped by {stopped_by}", err=True)
        raise typer.Exit(128 + signal.Signals[stopped_by])
