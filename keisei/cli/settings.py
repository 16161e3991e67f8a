"""Options that commands share to choose the settings of a run."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keisei.cli.errors import fail, mistakes, training_extra

if TYPE_CHECKING:
    from keisei.config_schema import AppConfig


class Device(StrEnum):
    """Where a network runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings to start from.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="SECTION.KEY=VALUE", help="Change one setting; may be given repeatedly."
    ),
]
NumEnvsOption = Annotated[
    int | None, typer.Option("--num-envs", metavar="N", help="Games played at once.")
]
DeviceOption = Annotated[
    Device | None, typer.Option("--device", help="Where the network runs; auto takes a GPU if any.")
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Fixes games and weights.")
]
RunDirOption = Annotated[
    Path | None, typer.Option("--run-dir", metavar="DIR", help="Folder of the run.")
]


def policy_path(text: str) -> Path:
    """A path, or that of the policy that comes with the package by its name."""
    from keisei.players.descriptions import SHIPPED, SHIPPED_POLICY  # noqa: PLC0415

    return SHIPPED_POLICY if text == SHIPPED else Path(text)


InitOption = Annotated[
    Path | None,
    typer.Option(
        "--init",
        parser=policy_path,
        metavar="POLICY",
        help="Begin with the weights of a checkpoint, a policy.safetensors or a run folder, or of "
        "the policy keisei; a larger network takes them where that is exact.",
    ),
]
HeldOutOption = Annotated[
    float,
    typer.Option(
        "--held-out",
        min=0.0,
        max=0.5,
        metavar="SHARE",
        help="Of the games, to judge by and not to learn from.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


def read_settings(
    file: Path | None, assignments: list[str] | None, flags: Mapping[str, Any]
) -> "AppConfig":
    """Effective settings: flags over ``--set`` over the file over defaults.

    Args:
        file: TOML file, or None for the defaults.
        assignments: ``section.key=value`` texts.
        flags: Values by ``section.key``; None means that the flag was not given.
    """
    with training_extra():
        from keisei.config_file import load_config  # noqa: PLC0415
        from keisei.config_schema import ConfigError  # noqa: PLC0415

    overrides: dict[str, Any] = {}
    for assignment in assignments or []:
        key, equals, value = assignment.partition("=")
        if not equals:
            fail(f"--set {assignment[:100]!r} has no '='; write it as section.key=value")
        overrides[key.strip()] = value.strip()
    overrides |= {key: value for key, value in flags.items() if value is not None}
    with mistakes(ConfigError):
        return load_config(file, overrides)
