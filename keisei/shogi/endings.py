"""How games end: no move, repetition, perpetual check, declaration, the ply cap.

Repetition compares 64-bit hashes of board and hands at plies of the same parity. In shogi nothing
is irreversible (captured pieces are dropped again and captured back), so the whole game is looked
at; a filter of 2048 bits a game spares the look for most positions.
"""

import numpy as np

from keisei.shogi.bitboard import ZERO, ZONE, both, without
from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    EMPTY,
    KING,
    NUM_HAND_TYPES,
    OTHER_SIDE,
    PROMOTED,
    ROOK,
    Termination,
)
from keisei.shogi.jit import Int, inline_kernel
from keisei.shogi.position import (
    HAND_WORD,
    LANES,
    OWN_WORD,
    VIEW_WORDS,
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

_SHORTEST_CYCLE = 4
_PIECES_NEEDED = 10
_POINTS_BLACK = 28
_POINTS_WHITE = 27
_BIG_PIECE_POINTS = 5


@inline_kernel
def record_move(games: Games, game: Int, gives_check: bool) -> None:  # noqa: FBT001
    """Enter the position after a move into its game's history.

    Sets ``in_check``, ``check_runs``, ``history``, ``seen`` and ``repeats``.
    """
    mover = 1 - turn_of(games, game)
    games.in_check[game] = gives_check
    if gives_check:
        games.check_runs[game, mover] += 1
    else:
        games.check_runs[game, mover] = 0
    ply = games.plies[game]
    games.history[game, ply] = games.hashes[game]
    repeats = 0
    if mark_seen(games, game):
        for earlier in range(ply - _SHORTEST_CYCLE, -1, -2):
            if games.history[game, earlier] == games.hashes[game]:
                repeats += 1
    games.repeats[game] = repeats


@inline_kernel
def _repetition_winner(games: Games, game: Int) -> Int:
    """Who wins by the other's perpetual check at the fourth occurrence, or NO_WINNER.

    A side loses if all its moves since the first occurrence gave check; should both have done
    so, neither does.
    """
    ply = games.plies[game]
    first = ply
    for earlier in range(ply - _SHORTEST_CYCLE, -1, -2):
        if games.history[game, earlier] == games.hashes[game]:
            first = earlier
    moves_each = (ply - first) // 2
    black_checks = games.check_runs[game, 0] >= moves_each
    white_checks = games.check_runs[game, 1] >= moves_each
    if black_checks == white_checks:
        return NO_WINNER
    return 1 if black_checks else 0


@inline_kernel
def _king_in_zone(games: Games, game: Int, side: Int) -> bool:
    """Whether a side's king stands on its last three ranks."""
    base = game_base(game) + np.uint64(side * VIEW_WORDS * LANES)
    step = np.uint64(LANES)
    own = base + np.uint64(OWN_WORD * LANES)
    king = both((games.words[own], games.words[own + step]), ZONE)
    marked = base + np.uint64(6 * LANES)
    king = both(king, (games.words[marked], games.words[marked + step]))
    for word in range(0, 6, 2):
        at = base + np.uint64(word * LANES)
        king = without(king, (games.words[at], games.words[at + step]))
    return (king[0] | king[1]) != ZERO


@inline_kernel
def can_declare(games: Games, game: Int) -> bool:
    """Whether the player to move may win by declaration (the CSA's 27-point rule)."""
    side = turn_of(games, game)
    if games.in_check[game] != 0 or not _king_in_zone(games, game, side):
        return False
    pieces = 0
    points = 0
    for file in range(9):
        for rank in range(3):
            code = games.boards[game, side, 9 * file + rank]
            if code not in (EMPTY, KING) and code < OTHER_SIDE:
                pieces += 1
                kind = code % PROMOTED
                points += _BIG_PIECE_POINTS if kind in (BISHOP, ROOK) else 1
    hand = games.words[game_base(game) + np.uint64((HAND_WORD + side) * LANES)]
    for hand_type in range(NUM_HAND_TYPES):
        count = np.int64((hand >> np.uint64(8 * hand_type)) & np.uint64(0xFF))
        big = hand_type in (BISHOP - 1, ROOK - 1)
        points += count * _BIG_PIECE_POINTS if big else count
    needed = _POINTS_BLACK if side == BLACK else _POINTS_WHITE
    return pieces >= _PIECES_NEEDED and bool(points >= needed)


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
