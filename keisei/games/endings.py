"""How games end: no move, repetition, perpetual check, declaration, the ply cap."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.history import History, occurrences, plies_since_first
from keisei.games.layout import Slots, hand_of, pieces_of, slot_base, turn_of
from keisei.shogi.bitboard import ZERO, ZONE, and_, and_not, count, or_
from keisei.shogi.constants import BISHOP, BLACK, ROOK, Termination
from keisei.shogi.jit import Int, inline_kernel

NO_WINNER = -1

# Kernels know plain integers better than members of an enum.
_NONE = int(Termination.NONE)
_CHECKMATE = int(Termination.CHECKMATE)
_STALEMATE = int(Termination.STALEMATE)
_SENNICHITE = int(Termination.SENNICHITE)
_PERPETUAL_CHECK = int(Termination.PERPETUAL_CHECK)
_DECLARATION = int(Termination.DECLARATION)
_MAX_PLIES = int(Termination.MAX_PLIES)

_LAST_REPEAT = 3
"""Earlier occurrences with which repetition ends a game."""
_PIECES_NEEDED = 10
_POINTS_BLACK = 28
_POINTS_WHITE = 27
_BIG_PIECE_POINTS = 5

_BYTE = np.uint64(0xFF)
_EVERY_BYTE = np.uint64(0x0101010101010101)
_LAST_BYTE = np.uint64(56)
_BISHOP_BYTE = np.uint64(8 * (BISHOP - 1))
_ROOK_BYTE = np.uint64(8 * (ROOK - 1))


class Rules(NamedTuple):
    """What games are played by.

    Attributes:
        max_plies: The ply cap; any other end at that ply takes precedence.
        declaration: Whether a player who may declare a win does.
    """

    max_plies: int
    declaration: bool


@inline_kernel
def can_declare(slots: Slots, slot: Int) -> bool:
    """Whether the player to move may win by declaration (the CSA's 27-point rule)."""
    side = turn_of(slots, slot)
    base = slot_base(slot)
    bit_0, bit_1, bit_2, bit_3, own = pieces_of(slots.words, base, ZERO - np.uint64(side))
    camp = and_(own, ZONE)
    others = count(camp) - 1
    if others < _PIECES_NEEDED or slots.in_check[slot] != 0:
        return False
    king = and_not(and_not(and_not(and_(camp, bit_3), bit_2), bit_1), bit_0)
    one_low_bit = or_(and_not(bit_0, bit_1), and_not(bit_1, bit_0))
    big = count(and_(and_(camp, bit_2), one_low_bit))  # bishops and rooks, promoted or not
    hand = hand_of(slots, slot, side)
    held = np.int64((hand * _EVERY_BYTE) >> _LAST_BYTE)
    held_big = np.int64((hand >> _BISHOP_BYTE) & _BYTE) + np.int64((hand >> _ROOK_BYTE) & _BYTE)
    points = others + held + (_BIG_PIECE_POINTS - 1) * (big + held_big)
    needed = _POINTS_BLACK if side == BLACK else _POINTS_WHITE
    return bool(((king[0] | king[1]) != ZERO) & (points >= needed))


@inline_kernel
def _perpetual_winner(slots: Slots, slot: Int, plies: Int) -> Int:
    """Who wins by the other's perpetual check, so many plies after the first occurrence.

    A side loses if all its moves since then gave check; should both have done so, neither does,
    and NO_WINNER is returned.
    """
    black_checks = 2 * slots.check_runs[slot, 0] >= plies
    white_checks = 2 * slots.check_runs[slot, 1] >= plies
    if black_checks == white_checks:
        return NO_WINNER
    return 1 if black_checks else 0


@inline_kernel
def _judge(
    slots: Slots,
    slot: Int,
    can_move: bool,  # noqa: FBT001
    since: Int,
    rules: Rules,
) -> tuple[Int, Int]:
    """How a position stands; ``since`` are the plies since it occurred for the first time."""
    side = turn_of(slots, slot)
    if not can_move:
        return (_CHECKMATE if slots.in_check[slot] else _STALEMATE), 1 - side
    if slots.repeats[slot] >= _LAST_REPEAT:
        winner = _perpetual_winner(slots, slot, since)
        return (_SENNICHITE if winner == NO_WINNER else _PERPETUAL_CHECK), winner
    if rules.declaration and can_declare(slots, slot):
        return _DECLARATION, side
    if slots.plies[slot] >= rules.max_plies:
        return _MAX_PLIES, NO_WINNER
    return _NONE, NO_WINNER


@inline_kernel
def judge_game(
    slots: Slots,
    history: History,
    game: Int,
    can_move: bool,  # noqa: FBT001
    rules: Rules,
) -> tuple[Int, Int]:
    """How a game stands: (Termination, winner), the winner 0, 1 or NO_WINNER.

    Args:
        slots: the games, the last move recorded.
        history: their histories.
        game: which one.
        can_move: whether the player to move has a legal move.
        rules: what is played by.
    """
    since = plies_since_first(slots, history, game) if slots.repeats[game] >= _LAST_REPEAT else 0
    return _judge(slots, game, can_move, since, rules)


@inline_kernel
def judge_node(
    slots: Slots,
    parents: NDArray[np.int32],
    history: History,
    node: Int,
    can_move: bool,  # noqa: FBT001
    rules: Rules,
) -> tuple[Int, Int]:
    """Count a node's earlier occurrences in ``repeats`` and judge it as ``judge_game`` does.

    Arguments as for ``keisei.games.history.occurrences`` and ``judge_game``.
    """
    slots.repeats[node], since = occurrences(slots, parents, history, node)
    return _judge(slots, node, can_move, since, rules)
