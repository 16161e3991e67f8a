"""The rules of shogi: one game as a ``Board``, many games as kernels."""

from typing import TYPE_CHECKING

from keisei.shogi.board import Board, Outcome, action_from_move, move_from_action
from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.shogi.moves import IllegalMoveError, InvalidUsiError, Move
from keisei.shogi.notation import InvalidSfenError
from keisei.shogi.perft import perft, perft_divide

if TYPE_CHECKING:
    from keisei.pictures.svg import board_svg

__all__ = [
    "BLACK",
    "WHITE",
    "Board",
    "IllegalMoveError",
    "InvalidSfenError",
    "InvalidUsiError",
    "Move",
    "Outcome",
    "Termination",
    "action_from_move",
    "board_svg",
    "move_from_action",
    "perft",
    "perft_divide",
]


def __getattr__(name: str) -> object:
    """Pictures stand above the rules, so they are imported when they are asked for."""
    if name != "board_svg":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keisei.pictures.svg import board_svg  # noqa: PLC0415

    return board_svg
