"""``keisei-vec analyse``: a game as a player sees it."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keisei.cli.errors import fail, mistakes, training_extra
from keisei.cli.players import load_network, read_player
from keisei.files import UnwritableError, write_text

if TYPE_CHECKING:
    from keisei.evaluation.records import GameRecord


class Notation(StrEnum):
    """How moves are written."""

    JAPANESE = "japanese"
    USI = "usi"


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
    number: Annotated[
        int, typer.Option("--game", min=1, metavar="N", help="Which game of a file of several.")
    ] = 1,
    notation: Annotated[
        Notation, typer.Option("--notation", help="Of the moves: ▲７六歩(77), or 7g7f.")
    ] = Notation.JAPANESE,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw the values, too.")
    ] = None,
) -> None:
    """Judge each move of a game.

    Prints for each move the value after it for Black (-1 to 1), the probability with which the
    policy would have played it, and what the player would have chosen in its place. ? marks a move
    that lost 0.3 of the value, ?? one that lost 0.6; the three of these that lost most come last.
    """
    description = read_player(player)
    if not description.is_policy:
        fail(f"player {player!r} has no opinion of positions; give keisei or a checkpoint")
    with training_extra():
        from keisei.evaluation.analysis import (  # noqa: PLC0415
            analyse as judge,
        )
        from keisei.evaluation.analysis import (  # noqa: PLC0415
            analysis_svg,
            analysis_table,
            usi_names,
            worst_moves,
        )
        from keisei.evaluation.kif import move_names  # noqa: PLC0415
        from keisei.players.opinion import Adviser  # noqa: PLC0415
        from keisei.players.policy import NetworkEvaluator  # noqa: PLC0415
        from keisei.search.settings import SearchSettingsError  # noqa: PLC0415

    record = _chosen_game(game, number)
    network = load_network(Path(description.place), description.device)
    with mistakes(SearchSettingsError):
        adviser = Adviser(NetworkEvaluator(network, description.device), description.search)
        names = usi_names if notation is Notation.USI else move_names
        judged = judge(record, adviser, names)
    typer.echo(f"{analysis_table(judged)}\n\n{worst_moves(judged)}")
    if svg is not None:
        with mistakes(UnwritableError):
            write_text(svg, analysis_svg(judged))


def _chosen_game(place: str, number: int) -> "GameRecord":
    """A game of a file; which of how many is said on standard error if there are several."""
    from keisei.evaluation.kif import RecordError  # noqa: PLC0415
    from keisei.evaluation.reading import game_texts, read_game  # noqa: PLC0415

    texts = game_texts(_text(place))
    count = len(texts)
    if number > count:
        held = "1 game" if count == 1 else f"{count} games"
        fail(f"--game {number} is not there: {place!r} holds {held}; give a number up to {count}")
    try:
        record, _ = read_game(texts[number - 1])
    except RecordError as error:
        fail(str(error) if count == 1 else f"game {number} of {count}: {error}")
    if count > 1:
        typer.echo(f"game {number} of {count}; --game N takes another", err=True)
    return record


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
