"""Looking at one game of a batch: its position, its last move, what is wrong with an action."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import Slots, placement_of, side_to_move
from keisei.pictures.raster import board_pixels
from keisei.pictures.text import format_board
from keisei.shogi.constants import (
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    NUM_ACTIONS,
    NUM_SQUARES,
    WHITE,
    Direction,
)
from keisei.shogi.moves import Move
from keisei.shogi.notation import format_sfen
from keisei.vec.batch import GameBatch


def last_move_of(batch: GameBatch, game: int) -> Move | None:
    """The move last played in a running game, None at its beginning."""
    action, origin = int(batch.last_actions[game]), int(batch.last_origins[game])
    if action < 0:
        return None
    move_class, to = divmod(action, NUM_SQUARES)
    white_moved = side_to_move(batch.slots, game) != WHITE
    if move_class >= FIRST_DROP_CLASS:
        return Move(None, _turned(to, white_moved), drop=move_class - FIRST_DROP_CLASS + 1)
    promotes = move_class >= FIRST_PROMOTION_CLASS
    return Move(_turned(origin, white_moved), _turned(to, white_moved), promotes)


def picture_of(batch: GameBatch, game: int, mode: str) -> str | NDArray[np.uint8]:
    """One running game as text (mode "ansi") or pixels, uint8 [480, 672, 3] ("rgb_array")."""
    draw = format_board if mode == "ansi" else board_pixels
    return draw(placement_of(batch.slots, game), last_move_of(batch, game))


def describe_illegal(slots: Slots, game: int, action: int) -> str:
    """The sentence that refuses an illegal action of one game."""
    text = f"Game {game}: action {action}"
    if not 0 <= action < NUM_ACTIONS:
        return f"{text} is not an action; actions are 0 to {NUM_ACTIONS - 1}."
    move_class, to = divmod(action, NUM_SQUARES)
    placement = placement_of(slots, game)
    square = _turned(to, placement.to_move == WHITE)
    if move_class >= FIRST_DROP_CLASS:
        move = Move(None, square, drop=move_class - FIRST_DROP_CLASS + 1).usi()
    else:
        promotion = "+" if move_class >= FIRST_PROMOTION_CLASS else ""
        direction = Direction(move_class % FIRST_PROMOTION_CLASS).name
        move = f"{direction} to {Move(square, square).usi()[2:]}{promotion}"
    return f"{text} ({move}) is not legal in {format_sfen(placement)}; choose among action_masks()."


def _turned(square: int, turned: bool) -> int:  # noqa: FBT001
    """A square of White's view in Black's, if so asked."""
    return NUM_SQUARES - 1 - square if turned else square
