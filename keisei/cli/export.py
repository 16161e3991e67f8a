"""``keisei-vec export``: a policy for others, in one small file."""

from pathlib import Path
from typing import Annotated

import typer

from keisei.cli.errors import fail, mistakes, training_extra
from keisei.cli.players import POLICY_HELP, policy_file
from keisei.files import UnwritableError


def export(
    source: Annotated[Path, typer.Argument(metavar="POLICY", help=f"{POLICY_HELP}.")],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A .safetensors file to write.")],
) -> None:
    """Write a policy as one file that others can play with.

    Weights are rounded to 16 bits, which halves the file; it holds no code and no trace of the run.

    For example: keisei-vec export runs/a strong.safetensors
    """
    with training_extra():
        from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
        from keisei.training.model_manager import export_policy  # noqa: PLC0415

    if target.suffix != ".safetensors":
        fail(f"{str(target)!r} must end in .safetensors, by which policies are recognised")
    with mistakes(CheckpointError, UnwritableError):
        export_policy(policy_file(source), target)
    typer.echo(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
