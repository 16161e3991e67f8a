"""Looking at one game of a batch: its position, its last move, what is wrong with an action."""

import numpy as np
from numpy.typing import NDArray

from keisei.pictures.raster import board_pixels
from keisei.pictures.text import format_board
from keisei.shogi.constants import FIRST_DROP_CLASS, NUM_ACTIONS, NUM_SQUARES, WHITE
from keisei.shogi.moves import Move
from keisei.shogi.notation import Placement, format_sfen
from keisei.shogi.position import HAND_WORD, LANES, TURN_WORD, WORDS, Games
from keisei.vec.batch import GameBatch

_DIRECTIONS = (
    "UP",
    "UP_LEFT",
    "UP_RIGHT",
    "LEFT",
    "RIGHT",
    "DOWN",
    "DOWN_LEFT",
    "DOWN_RIGHT",
    "UP2_LEFT",
    "UP2_RIGHT",
)


def placement_of(games: Games, game: int) -> Placement:
    """The position of one game as pieces on squares and in hands."""
    at = (game // LANES) * WORDS * LANES + game % LANES
    hands = games.words[[at + HAND_WORD * LANES, at + (HAND_WORD + 1) * LANES]]
    return Placement(
        board=games.boards[game, 0, :NUM_SQUARES].copy(),
        hands=hands.view(np.uint8).reshape(2, 8)[:, :7].copy(),
        to_move=int(games.words[at + TURN_WORD * LANES]),
        move_number=int(games.plies[game]) + 1,
    )


def last_move_of(batch: GameBatch, game: int) -> Move | None:
    """The move last played in a running game, None at its beginning."""
    action, origin = int(batch.last_actions[game]), int(batch.last_origins[game])
    if action < 0:
        return None
    move_class, to = divmod(action, NUM_SQUARES)
    white_moved = placement_of(batch.games, game).to_move != WHITE
    if move_class >= FIRST_DROP_CLASS:
        return Move(None, _turned(to, white_moved), drop=move_class - FIRST_DROP_CLASS + 1)
    promotes = move_class >= len(_DIRECTIONS)
    return Move(_turned(origin, white_moved), _turned(to, white_moved), promotes)


def picture_of(batch: GameBatch, game: int, mode: str) -> str | NDArray[np.uint8]:
    """One running game as text (mode "ansi") or pixels, uint8 [480, 672, 3] ("rgb_array")."""
    draw = format_board if mode == "ansi" else board_pixels
    return draw(placement_of(batch.games, game), last_move_of(batch, game))


def describe_illegal(games: Games, game: int, action: int) -> str:
    """The sentence that refuses an illegal action of one game."""
    text = f"Game {game}: action {action}"
    if not 0 <= action < NUM_ACTIONS:
        return f"{text} is not an action; actions are 0 to {NUM_ACTIONS - 1}."
    move_class, to = divmod(action, NUM_SQUARES)
    placement = placement_of(games, game)
    square = _turned(to, placement.to_move == WHITE)
    if move_class >= FIRST_DROP_CLASS:
        move = Move(None, square, drop=move_class - FIRST_DROP_CLASS + 1).usi()
    else:
        promotion = "+" if move_class >= len(_DIRECTIONS) else ""
        direction = _DIRECTIONS[move_class % len(_DIRECTIONS)]
        move = f"{direction} to {Move(square, square).usi()[2:]}{promotion}"
    return f"{text} ({move}) is not legal in {format_sfen(placement)}; choose among action_masks()."


def _turned(square: int, turned: bool) -> int:  # noqa: FBT001
    """A square of White's view in Black's, if so asked."""
    return NUM_SQUARES - 1 - square if turned else square
