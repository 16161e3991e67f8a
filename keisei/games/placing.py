"""Putting positions into slots, and what a move changes in them."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.hashing import hand_key, piece_key
from keisei.games.layout import (
    HAND_WORD,
    LANES,
    OWN_WORD,
    TURN_WORD,
    VIEW_WORDS,
    WORDS,
    Slots,
    slot_base,
    turn_of,
)
from keisei.shogi.bitboard import LO_BITS, ONE, ZERO
from keisei.shogi.constants import (
    EMPTY,
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    NUM_HAND_TYPES,
    NUM_SQUARES,
    OTHER_SIDE,
    PROMOTED,
)
from keisei.shogi.features import ENEMY_HAND, OWN_HAND
from keisei.shogi.jit import Int, inline_kernel, kernel
from keisei.shogi.piece_moves import TRAVEL

# Square of origin - destination for each direction of travel, plus 16, six bits each.
_ORIGIN_BIAS = 16
_ORIGIN_STEPS = np.uint64(
    sum(
        (_ORIGIN_BIAS - 9 * files - ranks) << (6 * direction)
        for direction, (files, ranks) in enumerate(TRAVEL)
    )
)
_U6, _U8, _U63 = np.uint64(6), np.uint64(8), np.uint64(63)
_LANES = np.uint64(LANES)
_OWN_HAND, _ENEMY_HAND = OWN_HAND.start, ENEMY_HAND.start


@inline_kernel
def toggle_piece(slots: Slots, slot: Int, square: Int, piece: Int, side: Int) -> None:
    """Put a piece (code 1..14) of a side on a square of that side's view, or take it away.

    Boards and hash are not touched.
    """
    base = slot_base(slot)
    code = np.uint64(piece)
    for view in range(2):
        seen_from = square if view == side else NUM_SQUARES - 1 - square
        half = np.uint64(seen_from >= 63)
        bit = ONE << (np.uint64(seen_from) - half * LO_BITS)
        at = base + (np.uint64(view * VIEW_WORDS) + half) * _LANES
        # Masks, not branches: which bits a code has is not to be guessed.
        for code_bit in range(4):
            chosen = ZERO - ((code >> np.uint64(code_bit)) & ONE)
            slots.words[at + np.uint64(2 * code_bit * LANES)] ^= bit & chosen
        slots.words[at + np.uint64(OWN_WORD * LANES)] ^= bit & (ZERO - np.uint64(view == side))


@inline_kernel
def _set_square(slots: Slots, slot: Int, square: Int, piece: Int, side: Int) -> None:
    """Write a piece (0 for none) of a side on a square of its view into both boards."""
    slots.boards[slot, side, square] = piece
    other = piece + OTHER_SIDE if piece != EMPTY else EMPTY
    slots.boards[slot, 1 - side, NUM_SQUARES - 1 - square] = other


@inline_kernel
def add_to_hand(slots: Slots, slot: Int, side: Int, hand_type: Int, sign: Int) -> None:
    """Add (sign 1) or take (sign -1) one piece of a hand type, in words, boards and hash."""
    at = slot_base(slot) + np.uint64((HAND_WORD + side) * LANES)
    held = np.int64(slots.boards[slot, side, _OWN_HAND + hand_type]) + sign
    slots.boards[slot, side, _OWN_HAND + hand_type] = held
    slots.boards[slot, 1 - side, _ENEMY_HAND + hand_type] = held
    one = ONE << (_U8 * np.uint64(hand_type))
    if sign > 0:
        slots.words[at] += one
        slots.hashes[slot] += hand_key(side, hand_type)
    else:
        slots.words[at] -= one
        slots.hashes[slot] -= hand_key(side, hand_type)


@inline_kernel
def origin_square(slots: Slots, slot: Int, side: Int, direction: Int, to: Int) -> Int:
    """The square from which a piece came: the first one with a piece on the way back.

    Args:
        slots: the positions.
        slot: which one.
        side: the mover.
        direction: 0..9, the direction of travel.
        to: destination in the mover's view. The move has to be legal.
    """
    field = (_ORIGIN_STEPS >> (_U6 * np.uint64(direction))) & _U63
    step = np.int64(field) - _ORIGIN_BIAS
    square = to + step
    while slots.boards[slot, side, square] == EMPTY:
        square += step
    return square


@inline_kernel
def apply_action(slots: Slots, slot: Int, action: Int) -> Int:
    """Play a legal action (see the action numbering in docs/spec.md) in one game.

    Changes words, boards, hash, ply and side to move; the caller records check and repetition.
    Returns the square of origin in the mover's view, -1 for a drop.
    """
    side = turn_of(slots, slot)
    move_class = action // NUM_SQUARES
    to = action % NUM_SQUARES
    origin = -1
    if move_class >= FIRST_DROP_CLASS:
        piece = move_class - FIRST_DROP_CLASS + 1
        add_to_hand(slots, slot, side, piece - 1, -1)
    else:
        direction = move_class % FIRST_PROMOTION_CLASS
        origin = origin_square(slots, slot, side, direction, to)
        moved = np.int64(slots.boards[slot, side, origin])
        piece = moved + PROMOTED if move_class >= FIRST_PROMOTION_CLASS else moved
        toggle_piece(slots, slot, origin, moved, side)
        _set_square(slots, slot, origin, EMPTY, side)
        slots.hashes[slot] -= piece_key(origin, moved, side)
        captured = np.int64(slots.boards[slot, side, to])
        if captured != EMPTY:
            captured -= OTHER_SIDE
            there = NUM_SQUARES - 1 - to
            toggle_piece(slots, slot, there, captured, 1 - side)
            slots.hashes[slot] -= piece_key(there, captured, 1 - side)
            add_to_hand(slots, slot, side, (captured - 1) % PROMOTED, 1)
    toggle_piece(slots, slot, to, piece, side)
    _set_square(slots, slot, to, piece, side)
    slots.hashes[slot] += piece_key(to, piece, side)
    slots.words[slot_base(slot) + np.uint64(TURN_WORD * LANES)] ^= ONE
    slots.plies[slot] += 1
    return origin


@inline_kernel
def place(slots: Slots, slot: Int, views: NDArray[np.uint8], row: Int, to_move: Int) -> None:
    """Set up a position as the first of its game.

    Args:
        slots: where to write.
        slot: which one.
        views: uint8 [rows, >= VIEW_SIZE], each what Black sees: codes by square, the opponent's +
            OTHER_SIDE, then counts of own hand and opponent's, PAWN to GOLD.
        row: which of them.
        to_move: BLACK or WHITE.
    """
    base = slot_base(slot)
    for word in range(WORDS):
        slots.words[base + np.uint64(word * LANES)] = ZERO
    slots.boards[slot] = 0
    slots.hashes[slot] = ZERO
    for square in range(NUM_SQUARES):
        code = np.int64(views[row, square])
        if code != EMPTY:
            side = 1 if code >= OTHER_SIDE else 0
            own_square = NUM_SQUARES - 1 - square if side == 1 else square
            piece = code - side * OTHER_SIDE
            toggle_piece(slots, slot, own_square, piece, side)
            _set_square(slots, slot, own_square, piece, side)
            slots.hashes[slot] += piece_key(own_square, piece, side)
    for side in range(2):
        for hand_type in range(NUM_HAND_TYPES):
            count = views[row, _OWN_HAND + side * NUM_HAND_TYPES + hand_type]
            for _ in range(count):
                add_to_hand(slots, slot, side, hand_type, 1)
    slots.words[base + np.uint64(TURN_WORD * LANES)] = np.uint64(to_move)
    begin_count(slots, slot)


@inline_kernel
def begin_count(slots: Slots, slot: Int) -> None:
    """Make the present position the first of its game."""
    slots.plies[slot] = 0
    slots.check_runs[slot, 0] = 0
    slots.check_runs[slot, 1] = 0
    slots.repeats[slot] = 0


@kernel
def read_actions(
    slots: Slots, chosen: NDArray[np.int64], actions: NDArray[np.int64], parts: NDArray[np.int64]
) -> None:
    """What legal actions do.

    Args:
        slots: the positions.
        chosen: int64 [n], slots.
        actions: int64 [n], a legal action in each.
        parts: int64 [n, 4], filled with the origin in the mover's view (-1 for a drop), the
            destination, whether it promotes, and the piece dropped (0 for a move on the board).
    """
    for n in range(len(chosen)):
        slot, move_class, to = chosen[n], actions[n] // NUM_SQUARES, actions[n] % NUM_SQUARES
        parts[n, 0], parts[n, 1], parts[n, 2], parts[n, 3] = -1, to, 0, 0
        if move_class >= FIRST_DROP_CLASS:
            parts[n, 3] = move_class - FIRST_DROP_CLASS + 1
        else:
            direction = move_class % FIRST_PROMOTION_CLASS
            parts[n, 0] = origin_square(slots, slot, turn_of(slots, slot), direction, to)
            parts[n, 2] = move_class >= FIRST_PROMOTION_CLASS
