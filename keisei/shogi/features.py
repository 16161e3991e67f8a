"""The compact state: what the batched environment writes and what networks read.

One position is ``STATE_SIZE`` bytes, all from the view of the player to move (the board turned by
180 degrees for White). Offsets below index the last axis of a ``uint8 [..., STATE_SIZE]`` array.
"""

from keisei.shogi.constants import NUM_ACTIONS

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
"""Bytes of one position."""

MASK_BYTES = (NUM_ACTIONS + 7) // 8
"""Bytes of a packed action mask: action i is legal iff ``bits[i // 8] >> (i % 8) & 1``."""
