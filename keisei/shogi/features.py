"""The compact state: what the batched environment writes and what networks read.

One position is ``STATE_SIZE`` bytes, all from the view of the player to move (the board turned by
180 degrees for White). Offsets below index the last axis of a ``uint8 [..., STATE_SIZE]`` array.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.constants import NUM_ACTIONS, NUM_HAND_TYPES, NUM_SQUARES
from keisei.shogi.jit import Int, inline_kernel
from keisei.shogi.position import HAND_WORD, LANES, Games, game_base, turn_of

BOARD = slice(0, 81)
"""Piece codes by square: 0 empty, 1..14 own, 17..30 the opponent's."""
OWN_HAND = slice(81, 88)
"""Counts of PAWN, LANCE, KNIGHT, SILVER, BISHOP, ROOK, GOLD in the mover's hand."""
ENEMY_HAND = slice(88, 95)
"""The same for the opponent's hand."""
IN_CHECK = 95
"""1 when the player to move is in check, else 0."""
REPETITION = 96
"""How often this position occurred earlier in the game: 0, 1 or 2."""
TO_MOVE = 97
"""0 when Black is to move, 1 when White is."""
PROGRESS = 98
"""Plies played against the cap, ``255 * ply // max_plies``."""
PLIES_LEFT = 99
"""Plies left until the cap, at most 255."""
STATE_SIZE = 100

MASK_BYTES = (NUM_ACTIONS + 7) // 8
"""Bytes of a packed action mask: action i is legal iff ``bits[i // 8] >> (i % 8) & 1``."""

_MAX_BYTE = 255
_MAX_REPETITION = 2


@inline_kernel
def write_state(games: Games, game: Int, max_plies: Int, out: NDArray[np.uint8], row: Int) -> None:
    """Write one game's compact state.

    Args:
        games: the games.
        game: which one.
        max_plies: the ply cap.
        out: uint8 [rows, STATE_SIZE].
        row: where to write.
    """
    side = turn_of(games, game)
    for square in range(NUM_SQUARES):
        out[row, square] = games.boards[game, side, square]
    hands = game_base(game) + np.uint64(HAND_WORD * LANES)
    own = games.words[hands + np.uint64(side * LANES)]
    enemy = games.words[hands + np.uint64((1 - side) * LANES)]
    for hand_type in range(NUM_HAND_TYPES):
        shift = np.uint64(8 * hand_type)
        out[row, 81 + hand_type] = np.uint8((own >> shift) & np.uint64(_MAX_BYTE))
        out[row, 88 + hand_type] = np.uint8((enemy >> shift) & np.uint64(_MAX_BYTE))
    ply = games.plies[game]
    out[row, IN_CHECK] = games.in_check[game]
    out[row, REPETITION] = min(games.repeats[game], _MAX_REPETITION)
    out[row, TO_MOVE] = side
    out[row, PROGRESS] = min(_MAX_BYTE * ply // max_plies, _MAX_BYTE)
    out[row, PLIES_LEFT] = min(max(max_plies - ply, 0), _MAX_BYTE)
