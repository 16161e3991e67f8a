"""How games end: no move, repetition, perpetual check, declaration, the ply cap.

Repetition compares 64-bit hashes of board and hands at plies of the same parity. In shogi nothing
is irreversible (captured pieces are dropped again and captured back), so the whole game is looked
at; a filter of 2048 bits a game spares the look for most positions.
"""

import numpy as np

from keisei.shogi.attacks import pieces_of
from keisei.shogi.bitboard import ZERO, ZONE, both, count, either, without
from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    ROOK,
    Termination,
)
from keisei.shogi.jit import Int, inline_kernel
from keisei.shogi.position import (
    HAND_WORD,
    LANES,
    Games,
    game_base,
    mark_seen,
    turn_of,
)

NO_WINNER = -1

# Kernels know plain integers better than members of an enum.
_NONE = int(Termination.NONE)
_CHECKMATE = int(Termination.CHECKMATE)
_STALEMATE = int(Termination.STALEMATE)
_SENNICHITE = int(Termination.SENNICHITE)
_PERPETUAL_CHECK = int(Termination.PERPETUAL_CHECK)
_DECLARATION = int(Termination.DECLARATION)
_MAX_PLIES = int(Termination.MAX_PLIES)

_SHORTEST_CYCLE = 2  # in moves of each player
_PIECES_NEEDED = 10
_POINTS_BLACK = 28
_POINTS_WHITE = 27
_BIG_PIECE_POINTS = 5

_BYTE = np.uint64(0xFF)
_EVERY_BYTE = np.uint64(0x0101010101010101)
_LAST_BYTE = np.uint64(56)
_BISHOP_BYTE = np.uint64(8 * (BISHOP - 1))
_ROOK_BYTE = np.uint64(8 * (ROOK - 1))


@inline_kernel
def remember(games: Games, game: Int) -> None:
    """Enter the position after a move into its game's history.

    Sets ``history``, ``seen``, and ``repeats`` to 0 if the position is certainly new, else to 1
    until ``record_move`` counts. Apart from it, so that a loop over many games does little else
    than wait for their histories to come from memory, and waits for several at once.
    """
    ply = games.plies[game]
    games.history[game, ply & 1, ply >> 1] = games.hashes[game]
    games.repeats[game] = mark_seen(games, game)


@inline_kernel
def record_move(games: Games, game: Int, gives_check: bool) -> None:  # noqa: FBT001
    """Set ``in_check``, ``check_runs`` and ``repeats`` after a move that is remembered."""
    mover = 1 - turn_of(games, game)
    games.in_check[game] = gives_check
    if gives_check:
        games.check_runs[game, mover] += 1
    else:
        games.check_runs[game, mover] = 0
    if games.repeats[game] != 0:
        parity, last = games.plies[game] & 1, games.plies[game] >> 1
        position = games.hashes[game]
        repeats = 0
        for earlier in range(last - _SHORTEST_CYCLE + 1):
            repeats += np.int32(games.history[game, parity, earlier] == position)
        games.repeats[game] = repeats


@inline_kernel
def _repetition_winner(games: Games, game: Int) -> Int:
    """Who wins by the other's perpetual check at the fourth occurrence, or NO_WINNER.

    A side loses if all its moves since the first occurrence gave check; should both have done
    so, neither does.
    """
    parity, last = games.plies[game] & 1, games.plies[game] >> 1
    first = 0
    while games.history[game, parity, first] != games.hashes[game]:
        first += 1
    moves_each = last - first
    black_checks = games.check_runs[game, 0] >= moves_each
    white_checks = games.check_runs[game, 1] >= moves_each
    if black_checks == white_checks:
        return NO_WINNER
    return 1 if black_checks else 0


@inline_kernel
def can_declare(games: Games, game: Int) -> bool:
    """Whether the player to move may win by declaration (the CSA's 27-point rule)."""
    side = turn_of(games, game)
    base = game_base(game)
    bit_0, bit_1, bit_2, bit_3, own = pieces_of(games.words, base, ZERO - np.uint64(side))
    camp = both(own, ZONE)
    others = count(camp) - 1
    if others < _PIECES_NEEDED or games.in_check[game] != 0:
        return False
    king = without(without(without(both(camp, bit_3), bit_2), bit_1), bit_0)
    one_low_bit = either(without(bit_0, bit_1), without(bit_1, bit_0))
    big = count(both(both(camp, bit_2), one_low_bit))  # bishops and rooks, promoted or not
    hand = games.words[base + np.uint64((HAND_WORD + side) * LANES)]
    held = np.int64((hand * _EVERY_BYTE) >> _LAST_BYTE)
    held_big = np.int64((hand >> _BISHOP_BYTE) & _BYTE) + np.int64((hand >> _ROOK_BYTE) & _BYTE)
    points = others + held + (_BIG_PIECE_POINTS - 1) * (big + held_big)
    needed = _POINTS_BLACK if side == BLACK else _POINTS_WHITE
    return bool(((king[0] | king[1]) != ZERO) & (points >= needed))


@inline_kernel
def judge(
    games: Games,
    game: Int,
    can_move: bool,  # noqa: FBT001
    max_plies: Int,
    declaration: bool,  # noqa: FBT001
) -> tuple[Int, Int]:
    """How a game stands: (Termination, winner), the winner 0, 1 or NO_WINNER.

    Args:
        games: the games, the last move recorded.
        game: which one.
        can_move: whether the player to move has a legal move.
        max_plies: the cap; any other end at that ply takes precedence.
        declaration: whether a player who may declare a win does.
    """
    side = turn_of(games, game)
    if not can_move:
        return (_CHECKMATE if games.in_check[game] else _STALEMATE), 1 - side
    if games.repeats[game] >= 3:
        winner = _repetition_winner(games, game)
        return (_SENNICHITE if winner == NO_WINNER else _PERPETUAL_CHECK), winner
    if declaration and can_declare(games, game):
        return _DECLARATION, side
    if games.plies[game] >= max_plies:
        return _MAX_PLIES, NO_WINNER
    return _NONE, NO_WINNER
