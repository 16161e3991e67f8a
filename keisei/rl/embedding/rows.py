"""Rows of the embedding network's tables for one position and its moves, as Numba functions.

The numbering is that of :mod:`keisei.rl.embedding.tables`; a position is one row uint8[100] of
compact states.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.rl.embedding.tables import (
    ATTACKED_PIECE_ROW,
    BUCKET_SHIFT,
    CHECK_ROW,
    CONTENTS,
    DANGER_ROW,
    DIRECTIONS,
    ENEMY_FLIGHTS_ROW,
    ENEMY_KIND,
    ENEMY_KING_ROW,
    ENEMY_WINDOW_ROW,
    ENEMY_ZONE_ROW,
    EXCHANGE_ROW,
    HAND_ROW,
    KING_OFFSETS,
    LABEL_ROW,
    MATING_ROW,
    MAX_ATTACKERS,
    MAX_FLIGHTS,
    MAX_HAND,
    MAX_STEPS,
    MENACES,
    MOVE_KINDS,
    NEAR_SLOTS,
    NUM_ATTACKS,
    NUM_CAPTURED,
    NUM_CONTENTS,
    NUM_DANGERS,
    NUM_DIRECTIONS_OF,
    NUM_GUARDS,
    NUM_KING_OFFSETS,
    NUM_MENACES,
    NUM_MOVE_KINDS,
    NUM_NEAR,
    NUM_SET_BITS,
    NUM_THREATS,
    OFF_BOARD,
    OWN_FLIGHTS_ROW,
    OWN_KIND,
    OWN_KING_ROW,
    OWN_WINDOW_ROW,
    OWN_ZONE_ROW,
    PIECE_INDEX,
    PIECE_SQUARE_ROW,
    PLIES_LEFT_ROW,
    PROGRESS_ROW,
    PROMOTION_KIND,
    REACHES,
    REPETITION_ROW,
    RINGS,
    SET_BITS,
    SQUARES_AHEAD,
    SQUARES_BEHIND,
    TARGET_RANKS,
    THREAT_ROW,
    TO_MOVE_ROW,
    WINDOW_SIZE,
    WINDOWS,
    ZONE_SIZE,
    ZONES,
)
from keisei.shogi.constants import (
    EMPTY,
    FIRST_DROP_CLASS,
    GOLD,
    KING,
    NUM_DIRECTIONS,
    NUM_HAND_TYPES,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
)
from keisei.shogi.features import (
    BOARD,
    IN_CHECK,
    OWN_HAND,
    PLIES_LEFT,
    PROGRESS,
    REPETITION,
    TO_MOVE,
)
from keisei.shogi.jit import inline_kernel, kernel_part

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int32]

_FIRST_SQUARE = BOARD.start
_FIRST_HAND = OWN_HAND.start


@inline_kernel
def _king_square(position: Bytes, code: int) -> int:
    for square in range(NUM_SQUARES):
        if position[_FIRST_SQUARE + square] == code:
            return square
    return OFF_BOARD


@inline_kernel
def _window_rows(position: Bytes, king: int, first_row: int, rows: Rows, count: int) -> int:
    """Append the rows of the pieces around a king; the new number of rows."""
    for slot in range(WINDOW_SIZE):
        square = WINDOWS[king, slot]
        if square != OFF_BOARD:
            piece = PIECE_INDEX[position[_FIRST_SQUARE + square]]
            if piece >= 0:
                rows[count] = first_row + piece * WINDOW_SIZE + slot
                count += 1
    return count


@kernel_part
def count_attackers(position: Bytes, attackers: Bytes) -> None:
    """Count the pieces that attack each square, and find each side's menace there.

    Args:
        position: uint8[100], mover's view.
        attackers: uint8[4, 81], written: numbers of own pieces and of the opponent's, own menace,
            the opponent's menace.
    """
    attackers[:] = 0
    for square in range(NUM_SQUARES):
        code = position[_FIRST_SQUARE + square]
        if code != EMPTY:
            side = CONTENTS[code] - 1
            for k in range(NUM_DIRECTIONS_OF[code]):
                direction = DIRECTIONS[code, k]
                for step in range(REACHES[code, direction]):
                    to = SQUARES_AHEAD[direction, square, step]
                    if to == OFF_BOARD:
                        break
                    attackers[side, to] += 1
                    attackers[2 + side, to] = max(attackers[2 + side, to], MENACES[code])
                    if position[_FIRST_SQUARE + to] != EMPTY:
                        break


@inline_kernel
def _attacks(own: int, enemy: int) -> int:
    """Number of a pair of counts of attackers."""
    return min(own, MAX_ATTACKERS) * (MAX_ATTACKERS + 1) + min(enemy, MAX_ATTACKERS)


@inline_kernel
def _flights(position: Bytes, attackers: Bytes, king: int, side: int) -> int:
    """Squares, up to MAX_FLIGHTS, that the king of a side could step to: 0 own, 1 opponent's."""
    count = 0
    for slot in range(ZONE_SIZE):
        square = ZONES[king, slot]
        if RINGS[slot] != 0 and square != OFF_BOARD and attackers[1 - side, square] == 0:
            count += CONTENTS[position[_FIRST_SQUARE + square]] != side + 1
    return min(count, MAX_FLIGHTS)


@inline_kernel
def _zone_rows(
    position: Bytes, attackers: Bytes, king: int, first_row: int, rows: Rows, count: int
) -> int:
    """Append the rows of the squares near a king; the new number of rows."""
    for slot in range(ZONE_SIZE):
        square = ZONES[king, slot]
        if square != OFF_BOARD:
            content = CONTENTS[position[_FIRST_SQUARE + square]]
            attacks = _attacks(attackers[0, square], attackers[1, square])
            rows[count] = first_row + (slot * NUM_CONTENTS + content) * NUM_ATTACKS + attacks
            count += 1
    return count


@kernel_part
def position_rows(position: Bytes, attackers: Bytes, rows: Rows) -> int:
    """Write the input rows of one position; their number.

    Args:
        position: uint8[100], mover's view.
        attackers: uint8[4, 81], from :func:`count_attackers`.
        rows: int32[MAX_INPUT_ROWS], written.
    """
    count = 0
    for square in range(NUM_SQUARES):
        piece = PIECE_INDEX[position[_FIRST_SQUARE + square]]
        if piece >= 0:
            menaces = attackers[2, square] * NUM_MENACES + attackers[3, square]
            rows[count] = PIECE_SQUARE_ROW + piece * NUM_SQUARES + square
            rows[count + 1] = ATTACKED_PIECE_ROW + piece * NUM_MENACES**2 + menaces
            count += 2
    for hand in range(2 * NUM_HAND_TYPES):
        held = min(position[_FIRST_HAND + hand], MAX_HAND)
        if held > 0:
            rows[count] = HAND_ROW + hand * MAX_HAND + held - 1
            count += 1
    if position[IN_CHECK] != 0:
        rows[count] = CHECK_ROW
        count += 1
    if position[REPETITION] != 0:
        rows[count] = REPETITION_ROW + min(position[REPETITION], 2) - 1
        count += 1
    if position[TO_MOVE] != 0:
        rows[count] = TO_MOVE_ROW
        count += 1
    rows[count] = PROGRESS_ROW + (position[PROGRESS] >> BUCKET_SHIFT)
    rows[count + 1] = PLIES_LEFT_ROW + (position[PLIES_LEFT] >> BUCKET_SHIFT)
    count += 2
    own_king = _king_square(position, KING)
    enemy_king = _king_square(position, KING + OTHER_SIDE)
    rows[count] = OWN_FLIGHTS_ROW + _flights(position, attackers, own_king, 0)
    rows[count + 1] = ENEMY_FLIGHTS_ROW + _flights(position, attackers, enemy_king, 1)
    count += 2
    count = _zone_rows(position, attackers, own_king, OWN_ZONE_ROW, rows, count)
    count = _zone_rows(position, attackers, enemy_king, ENEMY_ZONE_ROW, rows, count)
    count = _window_rows(position, own_king, OWN_WINDOW_ROW, rows, count)
    return _window_rows(position, enemy_king, ENEMY_WINDOW_ROW, rows, count)


@kernel_part
def _origin(position: Bytes, move_class: int, to: int) -> int:
    """Square that the piece comes from; OFF_BOARD for a drop."""
    if move_class < FIRST_DROP_CLASS:
        for step in range(MAX_STEPS):
            square = SQUARES_BEHIND[move_class % NUM_DIRECTIONS, to, step]
            if square == OFF_BOARD or position[_FIRST_SQUARE + square] != EMPTY:
                return square
    return OFF_BOARD


@kernel_part
def _threat(position: Bytes, attackers: Bytes, after: int, to: int) -> int:
    """Threat of a piece of code ``after`` on a square; what stands there now does not matter."""
    check, best, targets = 0, 0, 0
    for k in range(NUM_DIRECTIONS_OF[after]):
        direction = DIRECTIONS[after, k]
        for step in range(REACHES[after, direction]):
            square = SQUARES_AHEAD[direction, to, step]
            if square == OFF_BOARD:
                break
            code = position[_FIRST_SQUARE + square]
            if code == EMPTY:
                continue
            if code == KING + OTHER_SIDE:
                check = 1
            elif CONTENTS[code] == 2:
                rank = int(TARGET_RANKS[code])
                if attackers[1, square] == 0 or rank > TARGET_RANKS[after]:
                    best = max(best, rank)
                    targets += 1
            break
    return 8 * check + 2 * best + (targets > 1)


@kernel_part
def _move_rows(
    position: Bytes, attackers: Bytes, label: int, kings: tuple[int, int, int], rows: Rows
) -> None:
    """Write the ROWS_PER_MOVE move rows of one legal move.

    ``kings`` are the squares of the own and the opponent's king, and the latter's flights.
    """
    own_king, enemy_king, flights = kings
    move_class, to = label // NUM_SQUARES, label % NUM_SQUARES
    kind = MOVE_KINDS[move_class]
    supporters, defenders = attackers[0, to], attackers[1, to]
    origin = _origin(position, move_class, to)
    danger = 0
    if move_class >= FIRST_DROP_CLASS:
        piece = move_class - FIRST_DROP_CLASS + PAWN
    elif origin == OFF_BOARD:
        piece = PAWN
    else:
        piece = max(int(OWN_KIND[position[_FIRST_SQUARE + origin]]), PAWN)
        danger = 1 + 2 * attackers[3, origin] + (attackers[0, origin] != 0)
        supporters -= min(supporters, 1)
    after = piece
    if kind == PROMOTION_KIND and piece < GOLD:
        after = piece + PROMOTED
    offset = KING_OFFSETS[enemy_king, to]
    near = NEAR_SLOTS[offset]
    guards = 2 * (defenders > 0) + (supporters > 0)
    guards_but_king = 2 * (defenders > RINGS[near]) + (supporters > 0)
    exchange = ((piece - 1) * NUM_MOVE_KINDS + kind) * NUM_CAPTURED
    exchange += ENEMY_KIND[position[_FIRST_SQUARE + to]]
    attacks = _attacks(supporters, defenders)
    mating = ((after - 1) * NUM_NEAR + near) * NUM_GUARDS + guards_but_king
    rows[0] = LABEL_ROW + label
    rows[1] = EXCHANGE_ROW + (exchange * NUM_MENACES + attackers[3, to]) * 2 + (supporters > 0)
    rows[2] = ENEMY_KING_ROW + (after - 1) * NUM_KING_OFFSETS + offset
    rows[3] = OWN_KING_ROW + (after - 1) * NUM_KING_OFFSETS + KING_OFFSETS[own_king, to]
    rows[4] = DANGER_ROW + ((piece - 1) * NUM_DANGERS + danger) * NUM_ATTACKS + attacks
    rows[5] = MATING_ROW + mating * (MAX_FLIGHTS + 1) + flights
    threat = _threat(position, attackers, after, to)
    rows[6] = THREAT_ROW + ((after - 1) * NUM_THREATS + threat) * NUM_GUARDS + guards


@kernel_part
def legal_move_rows(position: Bytes, attackers: Bytes, mask_bits: Bytes, rows: Rows) -> None:
    """Write the move rows of all legal moves, in label order.

    Args:
        position: uint8[100], mover's view.
        attackers: uint8[4, 81], from :func:`count_attackers`.
        mask_bits: uint8[274], packed legal actions.
        rows: int32[m, ROWS_PER_MOVE], written.
    """
    enemy_king = _king_square(position, KING + OTHER_SIDE)
    flights = _flights(position, attackers, enemy_king, 1)
    kings = (_king_square(position, KING), enemy_king, flights)
    count = 0
    for byte in range(mask_bits.shape[0]):
        bits = mask_bits[byte]
        # A loop of known length is predicted better than a test of each bit.
        for k in range(NUM_SET_BITS[bits]):
            label = 8 * byte + SET_BITS[bits, k]
            _move_rows(position, attackers, label, kings, rows[count])
            count += 1
