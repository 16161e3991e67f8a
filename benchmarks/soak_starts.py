"""Start positions for the soak: usual, handicap, middle of play, few pieces, entered kings."""

import random

import cshogi
import numpy as np

from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    DRAGON,
    GOLD,
    HAND_LIMITS,
    HORSE,
    KING,
    KNIGHT,
    LANCE,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    ROOK,
    SILVER,
    START_SFEN,
    WHITE,
)
from keisei.shogi.notation import Placement, format_sfen

_ARMY = "/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"
_HANDICAPS = tuple(
    back + _ARMY
    for back in (
        "lnsgkgsn1/1r5b1",
        "lnsgkgsnl/1r7",
        "lnsgkgsnl/7b1",
        "lnsgkgsnl/9",
        "1nsgkgsn1/9",
        "2sgkgs2/9",
        "3gkg3/9",
        "4k4/9",
    )
)
_STRONG = (ROOK, DRAGON, BISHOP, HORSE, GOLD, SILVER)
_SMALL = (PAWN, LANCE, KNIGHT, SILVER, GOLD)
_BIG = (BISHOP, ROOK)
_ZONE = tuple(square for square in range(81) if square % 9 < 3)
"""Black's promotion zone."""
_REST = tuple(square for square in range(81) if square % 9 >= 3)


def make_starts(rng: random.Random, count: int) -> list[str]:
    """So many start positions of all kinds by turns, in none of which the game is over."""
    kinds = (_usual, _middle, _few_pieces, _few_pieces, _entered_king, _entered_king)
    starts: list[str] = []
    while len(starts) < count:
        sfen = kinds[len(starts) % len(kinds)](rng)
        if _can_begin(sfen):
            starts.append(sfen)
    return starts


def _can_begin(sfen: str) -> bool:
    """Whether somebody may move, nobody may declare, and no king could be captured."""
    words = sfen.split(" ")
    words[1] = "w" if words[1] == "b" else "b"
    board = cshogi.Board(sfen)
    black, white = (divmod(board.pieces.index(king), 9) for king in (KING, KING + OTHER_SIDE))
    if max(abs(black[0] - white[0]), abs(black[1] - white[1])) == 1:
        return False
    left_in_check = cshogi.Board(" ".join(words)).is_check()
    return not left_in_check and len(board.legal_moves) > 0 and not board.is_nyugyoku()


def _usual(rng: random.Random) -> str:
    return rng.choice((START_SFEN, rng.choice(_HANDICAPS)))


def _middle(rng: random.Random) -> str:
    """A position that random moves lead to."""
    board = cshogi.Board()
    for _ in range(rng.randint(10, 200)):
        moves = list(board.legal_moves)
        if not moves:
            break
        board.push(rng.choice(moves))
    return board.sfen()


def _few_pieces(rng: random.Random) -> str:
    """Two kings, one to four strong pieces and some pawns in hand: checks and repetitions."""
    board, hands = np.zeros(81, np.uint8), np.zeros((2, 7), np.uint8)
    squares = rng.sample(range(81), 6)
    board[squares[0]], board[squares[1]] = KING, KING + OTHER_SIDE
    left = list(_STRONG)
    for square in squares[2 : 2 + rng.randint(1, 4)]:
        piece = left.pop(rng.randrange(len(left)))
        board[square] = piece + OTHER_SIDE * rng.choice((BLACK, WHITE))
    for side in (BLACK, WHITE):
        hands[side, rng.choice((PAWN, PAWN, GOLD, SILVER)) - 1] = rng.choice((0, 0, 1))
    return format_sfen(Placement(board, hands, rng.choice((BLACK, WHITE)), 1))


def _entered_king(rng: random.Random) -> str:
    """A king in the promotion zone with about as many pieces and points as a declaration needs."""
    board, hands = np.zeros(81, np.uint8), np.zeros((2, 7), np.uint8)
    squares = rng.sample(_ZONE, 12)
    board[squares.pop()] = KING
    small = [piece for piece in _SMALL for _ in range(HAND_LIMITS[piece - 1])]
    big = [*_BIG, *_BIG]
    rng.shuffle(small)
    rng.shuffle(big)
    own_big = rng.randint(2, 4)
    in_zone = [small.pop() for _ in range(rng.randint(8, 10))]
    for piece in big[:own_big]:
        if rng.random() < 0.3 and len(in_zone) < len(squares):
            in_zone.append(piece)
        else:
            hands[BLACK, piece - 1] += 1
    for piece, square in zip(in_zone, squares, strict=False):
        board[square] = piece if piece == GOLD else piece + PROMOTED
    points = sum(5 if piece in _BIG else 1 for piece in in_zone)
    points += 5 * (own_big - sum(piece in _BIG for piece in in_zone))
    for _ in range(max(0, rng.randint(25, 29) - points)):
        hands[BLACK, small.pop() - 1] += 1
    rest = rng.sample(_REST, 1 + len(small) // 2)
    board[rest.pop()] = KING + OTHER_SIDE
    for piece in small + big[own_big:]:
        if rest and rng.random() < 0.3:
            promoted = piece if piece == GOLD else piece + PROMOTED
            board[rest.pop()] = promoted + OTHER_SIDE
        else:
            hands[WHITE, piece - 1] += 1
    if rng.random() < 0.5:
        board = board[::-1].copy()
        board[board > 0] ^= OTHER_SIDE
        hands = hands[::-1].copy()
    return format_sfen(Placement(board, hands, rng.choice((BLACK, WHITE)), 1))
