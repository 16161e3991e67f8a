"""The command ``keisei-vec``: dispatch to a file a command.

Commands import what is heavy when they run, so that help and the small commands stay quick.
"""

import signal
import sys
from typing import Annotated

import keisei

try:
    import typer
except ModuleNotFoundError:
    # The command is installed without extras too, but there is nothing to parse it with.
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"keisei-vec {keisei.__version__}\n")
        sys.exit(0)
    sys.stderr.write("Error: typer is not installed; pip install 'keisei[train]' brings it\n")
    sys.exit(2)

from keisei.cli.analyse import analyse
from keisei.cli.bench import bench
from keisei.cli.config import config
from keisei.cli.distil import distil
from keisei.cli.evaluate import evaluate
from keisei.cli.export import export
from keisei.cli.imitate import imitate
from keisei.cli.match import match
from keisei.cli.perft import perft
from keisei.cli.serve import serve
from keisei.cli.show import show
from keisei.cli.train import train
from keisei.cli.usi import usi, usi_at_once
from keisei.cli.warmup import warmup

app = typer.Typer(
    name="keisei-vec",
    no_args_is_help=True,
    add_completion=False,
    # Plain help and errors can be read by programs, and a bug shows the traceback as it is.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("train")(train)
app.command("imitate")(imitate)
app.command("distil")(distil)
app.command("eval")(evaluate)
app.command("match")(match)
app.command("analyse")(analyse)
app.command("serve")(serve)
app.command("export")(export)
app.command("perft")(perft)
app.command("show")(show)
app.command("config")(config)
app.command("bench")(bench)
app.command("usi")(usi)
app.command("warmup")(warmup)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer passes it so
    if wanted:
        typer.echo(f"keisei-vec {keisei.__version__}")
        raise typer.Exit


@app.callback()
def _options(  # pyright: ignore[reportUnusedFunction]  # Typer calls it
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Play many games of shogi at once and learn from them."""


def main() -> None:
    """Run the command line of this process."""
    try:
        if not usi_at_once(sys.argv[1:]):
            app(prog_name="keisei-vec")
    finally:
        # All is done; Ctrl-C while Python ends would only print what it broke off.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
