"""``keisei-vec show``: one position for people."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keisei.cli.errors import mistakes
from keisei.cli.positions import POSITION_HELP, read_position
from keisei.files import UnwritableError, writing

if TYPE_CHECKING:
    from keisei.shogi import Board


def show(
    position: Annotated[list[str], typer.Argument(metavar="SFEN", help=POSITION_HELP)],
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write a picture, too.")
    ] = None,
) -> None:
    """Show a position and its legal moves.

    Prints board, hands, the side to move, whether it is in check, its legal moves in USI, and how
    the game ended if it is over.
    """
    board = read_position(position)
    if svg is not None:
        _write_svg(board, svg)
    typer.echo(describe(board))


def describe(board: "Board") -> str:
    """The position as lines of text."""
    moves = sorted(move.usi() for move in board.legal_moves)
    facts = [
        ("sfen", board.sfen()),
        ("to move", _colour(board.turn)),
        ("in check", _yes_or_no(board.is_check())),
        ("occurrence", f"{board.repetition_count()} of 4"),
        ("may declare", _yes_or_no(board.can_declare_win())),
        ("outcome", _outcome(board)),
        ("legal moves", str(len(moves))),
    ]
    lines = [str(board), "", *(f"{name:<12} {value}" for name, value in facts)]
    lines += textwrap.wrap(" ".join(moves), width=78, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)


def _write_svg(board: "Board", file: Path) -> None:
    from keisei.shogi import board_svg  # noqa: PLC0415

    with mistakes(UnwritableError), writing(file):
        file.write_text(board_svg(board, board.last_move), encoding="utf-8")


def _outcome(board: "Board") -> str:
    outcome = board.outcome()
    if outcome is None:
        return "none, the game goes on"
    end = outcome.termination.name.lower().replace("_", " ")
    return f"{end}, " + ("a draw" if outcome.winner is None else f"{_colour(outcome.winner)} won")


def _colour(colour: int) -> str:
    return ("Black", "White")[colour]


def _yes_or_no(fact: bool) -> str:  # noqa: FBT001
    return "yes" if fact else "no"
