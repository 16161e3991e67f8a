"""Games with few pieces whose players repeat themselves and give check whenever they can.

Such games end by repetition and perpetual check far more often than random games do.
"""

import random

import numpy as np

from keisei.shogi.constants import BISHOP, BLACK, GOLD, KING, OTHER_SIDE, PROMOTED, ROOK, WHITE
from keisei.shogi.notation import Placement, format_sfen
from tests.shogi.mailbox_referee import MailboxGame, Position, other

STRONG = (ROOK, ROOK, BISHOP, GOLD, GOLD, ROOK + PROMOTED, BISHOP + PROMOTED)
REPEAT_SHARE = 0.75
CHECK_SHARE = 0.9


def start_sfen(rng: random.Random) -> str:
    """A position of two kings and one to four strong pieces, in which neither side is lost."""
    while True:
        board = np.zeros(81, np.uint8)
        hands = np.zeros((2, 7), np.uint8)
        squares = rng.sample(range(81), 6)
        board[squares[0]] = KING
        board[squares[1]] = KING + OTHER_SIDE
        for square in squares[2 : 2 + rng.randint(1, 4)]:
            board[square] = rng.choice(STRONG) + OTHER_SIDE * rng.choice((BLACK, WHITE))
        if any(int((board % OTHER_SIDE % PROMOTED == piece).sum()) > 2 for piece in (BISHOP, ROOK)):
            continue
        hands[rng.choice((BLACK, WHITE)), rng.randrange(4)] = rng.choice((0, 0, 1))
        text = format_sfen(Placement(board, hands, rng.choice((BLACK, WHITE)), 1))
        position = Position.from_sfen(text)
        if not position.checkers(other(position.to_move)) and position.legal_moves():
            return text


def choose_move(rng: random.Random, game: MailboxGame, attacker: str) -> str:
    """A legal move: the attacker's checks first, positions seen before rather than new ones."""
    side = game.position.to_move
    moves = game.position.legal_moves()
    if side == attacker and rng.random() < CHECK_SHARE:
        checks = [usi for usi in moves if game.position.after(usi).checkers(other(side))]
        moves = checks or moves
    if rng.random() < REPEAT_SHARE:
        seen = {position.key() for position in game.positions}
        again = [usi for usi in moves if game.position.after(usi).key() in seen]
        moves = again or moves
    return rng.choice(moves)
