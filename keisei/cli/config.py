"""``keisei-vec config``: the effective settings."""

import typer

from keisei.cli.settings import ConfigOption, SetOption, read_settings


def config(file: ConfigOption = None, assignments: SetOption = None) -> None:
    """Print the effective settings as TOML.

    They are what a run with the same options would use; what is unset is left out.
    """
    typer.echo(read_settings(file, assignments, {}).to_toml(), nl=False)
