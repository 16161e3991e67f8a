"""The rules of shogi: one game as a ``Board``, many games as kernels."""

from keisei.shogi.board import Board, Outcome, action_from_move, move_from_action
from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.shogi.moves import IllegalMoveError, InvalidUsiError, Move
from keisei.shogi.notation import InvalidSfenError
from keisei.shogi.perft import perft, perft_divide
from keisei.shogi.svg import board_svg

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
