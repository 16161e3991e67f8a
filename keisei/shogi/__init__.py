"""The rules of shogi: one game as a ``Board``, and what it is made of."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.shogi.moves import IllegalMoveError, InvalidUsiError, Move
from keisei.shogi.notation import InvalidSfenError

if TYPE_CHECKING:
    from keisei.games.board import Board, Outcome, action_from_move, move_from_action
    from keisei.games.perft import perft, perft_divide
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

# A board is a pool of positions, which stands on the rules: it is found above when it is asked for.
_ABOVE = {
    **dict.fromkeys(("Board", "Outcome", "action_from_move", "move_from_action"), "games.board"),
    **dict.fromkeys(("perft", "perft_divide"), "games.perft"),
    "board_svg": "pictures.svg",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *_ABOVE})


if not TYPE_CHECKING:  # which would take any other name for one of these

    def __getattr__(name: str) -> Any:
        if name not in _ABOVE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"keisei.{_ABOVE[name]}"), name)
