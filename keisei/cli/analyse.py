"""``keisei-vec analyse``: a game as a player sees it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from keisei.cli.errors import fail, mistakes, training_extra
from keisei.cli.players import load_network, read_player
from keisei.files import UnwritableError, write_text


def analyse(
    game: Annotated[
        str,
        typer.Argument(
            metavar="GAME", help="A file in KIF, CSA or USI; - reads it from standard input."
        ),
    ],
    *,
    player: Annotated[
        str,
        typer.Option(
            "--player",
            metavar="PLAYER",
            help="Who judges: keisei, a checkpoint or a run folder, with ?nodes=N a search.",
        ),
    ] = "keisei?nodes=400",
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw the values, too.")
    ] = None,
) -> None:
    """Judge each move of a game.

    Prints for each move the value after it for Black (-1 to 1), the probability with which the
    policy would have played it, and what the player would have chosen in its place. ? marks a move
    that lost 0.3 of the value, ?? one that lost 0.6.
    """
    description = read_player(player)
    if not description.is_policy:
        fail(f"player {player!r} has no opinion of positions; give keisei or a checkpoint")
    with training_extra():
        from keisei.evaluation.analysis import (  # noqa: PLC0415
            analyse as judge,
        )
        from keisei.evaluation.analysis import analysis_svg, analysis_table  # noqa: PLC0415
        from keisei.evaluation.kif import RecordError  # noqa: PLC0415
        from keisei.evaluation.reading import read_game  # noqa: PLC0415
        from keisei.players.opinion import Adviser  # noqa: PLC0415
        from keisei.players.policy import NetworkEvaluator  # noqa: PLC0415
        from keisei.search.settings import SearchSettingsError  # noqa: PLC0415

    with mistakes(RecordError):
        record, _ = read_game(_text(game))
    network = load_network(Path(description.place), description.device)
    with mistakes(SearchSettingsError):
        adviser = Adviser(NetworkEvaluator(network, description.device), description.search)
        judged = judge(record, adviser)
    typer.echo(analysis_table(judged))
    if svg is not None:
        with mistakes(UnwritableError):
            write_text(svg, analysis_svg(judged))


def _text(place: str) -> str:
    """The text of a file or of standard input; records are in UTF-8 or in Shift JIS."""
    try:
        data = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
    except OSError as error:
        fail(f"{place!r} cannot be read: {error.strerror}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp932", errors="replace")
