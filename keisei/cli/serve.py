"""``keisei-vec serve``: a page on this machine for runs and games."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from keisei.cli.errors import fail, mistakes

_INTERRUPTED = 130


def serve(
    runs: Annotated[
        Path, typer.Argument(metavar="RUNS", help="A folder of run folders, or one run folder.")
    ] = Path("runs"),
    *,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="0 takes a free one.")
    ] = 8000,
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for other machines."
        ),
    ] = "127.0.0.1",
) -> None:
    """Show runs on a page, while they go on and after they ended, and play against their players.

    Prints the address and answers until Ctrl-C. It only reads the run folders, so that a run
    neither waits for it nor needs it. Whoever can reach the address can look and play; without
    --host only this machine can.
    """
    try:
        from keisei.web import serving  # noqa: PLC0415
        from keisei.web.app import build_app  # noqa: PLC0415
        from keisei.web.library import Library  # noqa: PLC0415
        from keisei.web.prepared import PreparedGames  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        fail(f"{error.name} is not installed; pip install 'keisei[web]' brings it")
    if find_spec("torch") is None:
        fail("torch is not installed; pip install 'keisei[web]' brings it")
    if not runs.is_dir():
        fail(f"{str(runs)!r} is no folder; give the folder of run folders, or one run folder")
    with mistakes(serving.AddressError):
        listener = serving.listen(host, port)
    place = f"[{host}]" if ":" in host else host
    library = Library(runs)
    games = PreparedGames(library)
    server = serving.server_of(build_app(library, games, host))
    typer.echo(f"http://{place}:{listener.getsockname()[1]}/")
    games.get_ready()
    try:
        serving.serve_until_told(server, listener)
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)  # what is being compiled would hold the process
