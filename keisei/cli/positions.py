"""Positions as words of a command line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keisei.cli.errors import fail, mistakes

if TYPE_CHECKING:
    from keisei.shogi import Board

POSITION_HELP = (
    "startpos, or an SFEN (quotes are optional); the word moves and moves in USI may follow."
)


def read_position(words: Sequence[str]) -> "Board":
    """Set up the position that ``POSITION_HELP`` describes; a mistake ends the command.

    Args:
        words: Words of the command line; a word may hold several, with blanks between.
    """
    from keisei.shogi import (  # noqa: PLC0415
        Board,
        IllegalMoveError,
        InvalidSfenError,
        InvalidUsiError,
    )

    tokens = " ".join(words).split()
    if tokens[:1] == ["position"]:
        tokens = tokens[1:]
    place = tokens.index("moves") if "moves" in tokens else len(tokens)
    placement, moves = tokens[:place], tokens[place + 1 :]
    if not placement:
        fail("there is no position; give startpos or an SFEN")
    with mistakes(InvalidSfenError, InvalidUsiError, IllegalMoveError):
        if placement == ["startpos"]:
            board = Board()
        else:
            board = Board(" ".join(placement[1:] if placement[0] == "sfen" else placement))
        for move in moves:
            board.push_usi(move)
    return board
