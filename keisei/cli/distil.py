"""``keisei-vec distil``: a policy learns from its own searches."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from keisei.cli.errors import fail, mistakes, training_extra
from keisei.cli.settings import (
    ConfigOption,
    DeviceOption,
    HeldOutOption,
    QuietOption,
    RunDirOption,
    SeedOption,
    SetOption,
    policy_path,
    read_settings,
)
from keisei.files import UnwritableError

_MOST = 999_999
_MOST_POSITIONS = 100_000_000
_MOST_PASSES = 100


def distil(  # noqa: PLR0913 - one parameter an option
    policy: Annotated[
        Path,
        typer.Argument(
            parser=policy_path,
            metavar="POLICY",
            help="Whose searches are learned from: a checkpoint, a policy.safetensors, a run "
            "folder, or keisei.",
        ),
    ],
    *,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, max=_MOST, metavar="N", help="Of play and learning.")
    ] = 1,
    positions: Annotated[
        int,
        typer.Option(
            "--positions", min=1, max=_MOST_POSITIONS, metavar="N", help="Learned from in a round."
        ),
    ] = 500_000,
    nodes: Annotated[
        int, typer.Option("--nodes", min=1, max=_MOST, metavar="N", help="Searched a move.")
    ] = 32,
    c_scale: Annotated[
        float, typer.Option("--c-scale", min=0.0, help="How sure the policy learns to be.")
    ] = 0.45,
    root_share: Annotated[
        float,
        typer.Option(
            "--root-share", min=0.0, max=1.0, help="Of the search in what the value learns."
        ),
    ] = 0.5,
    passes: Annotated[
        int, typer.Option("--passes", min=1, max=_MOST_PASSES, metavar="N", help="Over a round.")
    ] = 3,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, max=_MOST, metavar="N", help="Of one step.")
    ] = 2048,
    held_out: HeldOutOption = 0.02,
    file: ConfigOption = None,
    device: DeviceOption = None,
    seed: SeedOption = None,
    run_dir: RunDirOption = None,
    assignments: SetOption = None,
    quiet: QuietOption = False,
) -> None:
    """Let a policy learn from its own searches.

    It plays against itself and searches each position; the policy learns what the search made of
    it, the value what the search and the result say. Such a policy is as sure as it may be: it
    needs no temperature in a search. It is not stronger.

    For example: keisei-vec distil runs/a --run-dir runs/b, then
    keisei-vec match "runs/b?nodes=128" "runs/a?nodes=128"
    """
    with training_extra():
        from keisei.config_schema import ConfigError  # noqa: PLC0415
        from keisei.imitation.distilling import Distillation, DistillationPlan  # noqa: PLC0415
        from keisei.imitation.searched import Teacher  # noqa: PLC0415
        from keisei.search.evaluators import EvaluatorError  # noqa: PLC0415
        from keisei.search.settings import SearchSettingsError  # noqa: PLC0415
        from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
        from keisei.training.model_manager import architecture_of  # noqa: PLC0415
        from keisei.training.session_manager import RunFolderError  # noqa: PLC0415
        from keisei.training.writers import WriterError  # noqa: PLC0415

    for assignment in assignments or []:
        if assignment.strip().startswith("model."):
            fail(f"--set {assignment[:100]!r}, but the network is that of POLICY; leave it out")
    with mistakes(CheckpointError):
        network = architecture_of(policy)
    own = {
        "session.device": device.value if device else None,
        "session.seed": seed,
        "session.run_dir": run_dir,
        "model.init": policy,
        "model.network": network["network"],
        "model.options": network["options"],
    }
    config = read_settings(file, assignments, own)
    with mistakes(ConfigError, CheckpointError, SearchSettingsError):
        plan = DistillationPlan(rounds, positions, passes, batch_size, held_out)
        teacher = Teacher(nodes, c_scale, root_share)
        run = Distillation(config, plan, teacher, None if quiet else typer.echo)
    with (
        mistakes(ConfigError, SearchSettingsError, EvaluatorError, FloatingPointError),
        mistakes(RunFolderError, WriterError, UnwritableError),
    ):
        stopped_by = run.run()
    if stopped_by is not None:
        typer.echo(f"Stopped by {stopped_by}", err=True)
        raise typer.Exit(128 + signal.Signals[stopped_by])
