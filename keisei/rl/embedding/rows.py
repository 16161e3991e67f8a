"""Feature rows of one position and of its moves, as Numba functions.

A board is uint8[81], piece codes in the mover's view, from a compact state uint8[100].
"""

import numpy as np
from numpy.typing import NDArray

from keisei.rl.embedding import features, tables
from keisei.rl.embedding.features import Feature, Move, move_rows, row
from keisei.rl.embedding.tables import ENEMY, ENEMY_MENACE, OFF_BOARD, OWN, OWN_MENACE
from keisei.shogi.constants import (
    EMPTY,
    GOLD,
    KING,
    NUM_DIRECTIONS,
    NUM_SQUARES,
    OTHER_SIDE,
    PROMOTED,
)
from keisei.shogi.features import PLIES_LEFT, PROGRESS
from keisei.shogi.jit import inline_kernel, kernel_part

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int32]


@inline_kernel
def _king_square(board: Bytes, code: int) -> int:
    for square in range(NUM_SQUARES):
        if board[square] == code:
            return square
    return OFF_BOARD


@kernel_part
def count_attackers(board: Bytes, attackers: Bytes) -> None:
    """Count the pieces that attack each square, and find each side's menace there.

    Args:
        board: uint8[81].
        attackers: uint8[4, 81], written: its rows are OWN, ENEMY, OWN_MENACE, ENEMY_MENACE.
    """
    attackers[:] = 0
    for square in range(NUM_SQUARES):
        code = board[square]
        if code != EMPTY:
            side = tables.CONTENTS[code] - 1
            for k in range(tables.NUM_DIRECTIONS_OF[code]):
                direction = tables.DIRECTIONS[code, k]
                for step in range(tables.REACHES[code, direction]):
                    to = tables.SQUARES_AHEAD[direction, square, step]
                    if to == OFF_BOARD:
                        break
                    menace = max(attackers[OWN_MENACE + side, to], tables.MENACES[code])
                    attackers[OWN + side, to] += 1
                    attackers[OWN_MENACE + side, to] = menace
                    if board[to] != EMPTY:
                        break


@inline_kernel
def _flights(board: Bytes, attackers: Bytes, king: int, side: int) -> int:
    """Squares, up to MAX_FLIGHTS, that the king of a side (OWN or ENEMY) could step to."""
    count = 0
    for slot in range(features.NEIGHBOURHOOD_SIZE):
        square = tables.NEIGHBOURHOODS[king, slot]
        if (
            tables.BESIDE[slot] != 0
            and square != OFF_BOARD
            and attackers[ENEMY - side, square] == 0
        ):
            count += tables.CONTENTS[board[square]] != side + 1
    return min(count, features.MAX_FLIGHTS)


@inline_kernel
def _window_rows(board: Bytes, king: int, feature: Feature, rows: Rows, count: int) -> int:
    """Append the rows of the pieces around a king; the new number of rows."""
    for slot in range(features.WINDOW_SIZE):
        square = tables.WINDOWS[king, slot]
        if square != OFF_BOARD:
            piece = tables.PIECE_INDEX[board[square]]
            if piece >= 0:
                rows[count] = row(feature, slot, piece)
                count += 1
    return count


@inline_kernel
def _neighbourhood_rows(
    board: Bytes, attackers: Bytes, king: int, feature: Feature, rows: Rows, count: int
) -> int:
    """Append the rows of the squares near a king; the new number of rows."""
    for slot in range(features.NEIGHBOURHOOD_SIZE):
        square = tables.NEIGHBOURHOODS[king, slot]
        if square != OFF_BOARD:
            own = min(attackers[OWN, square], features.MAX_ATTACKERS)
            enemy = min(attackers[ENEMY, square], features.MAX_ATTACKERS)
            rows[count] = row(feature, enemy, own, tables.CONTENTS[board[square]], slot)
            count += 1
    return count


@kernel_part
def position_rows(state: Bytes, attackers: Bytes, rows: Rows) -> int:
    """Write the input rows of one position; their number.

    Args:
        state: uint8[100], mover's view.
        attackers: uint8[4, 81], from :func:`count_attackers`.
        rows: int32[MAX_INPUT_ROWS], written.
    """
    board = state[:NUM_SQUARES]
    count = 0
    for square in range(NUM_SQUARES):
        piece = tables.PIECE_INDEX[board[square]]
        if piece >= 0:
            own, enemy = attackers[OWN_MENACE, square], attackers[ENEMY_MENACE, square]
            rows[count] = row(features.PIECE_SQUARE, square, piece)
            rows[count + 1] = row(features.ATTACKED_PIECE, enemy, own, piece)
            count += 2
    for k in range(tables.COUNT_BYTES.shape[0]):
        number = min(state[tables.COUNT_BYTES[k]], tables.COUNT_LIMITS[k])
        if number > 0:
            rows[count] = tables.COUNT_ROWS[k] + number - 1
            count += 1
    own_king = _king_square(board, KING)
    enemy_king = _king_square(board, KING + OTHER_SIDE)
    own_flights = _flights(board, attackers, own_king, OWN)
    enemy_flights = _flights(board, attackers, enemy_king, ENEMY)
    rows[count] = row(features.PROGRESS, state[PROGRESS] >> features.BUCKET_SHIFT)
    rows[count + 1] = row(features.PLIES_LEFT, state[PLIES_LEFT] >> features.BUCKET_SHIFT)
    rows[count + 2] = row(features.OWN_FLIGHTS, own_flights)
    rows[count + 3] = row(features.ENEMY_FLIGHTS, enemy_flights)
    count += 4
    count = _neighbourhood_rows(board, attackers, own_king, features.OWN_NEIGHBOURHOOD, rows, count)
    count = _neighbourhood_rows(
        board, attackers, enemy_king, features.ENEMY_NEIGHBOURHOOD, rows, count
    )
    count = _window_rows(board, own_king, features.OWN_WINDOW, rows, count)
    return _window_rows(board, enemy_king, features.ENEMY_WINDOW, rows, count)


@kernel_part
def _origin(board: Bytes, move_class: int, to: int) -> int:
    """Square that the piece comes from; OFF_BOARD for a drop."""
    if tables.MOVE_KINDS[move_class] != features.DROP_KIND:
        for step in range(tables.MAX_STEPS):
            square = tables.SQUARES_BEHIND[move_class % NUM_DIRECTIONS, to, step]
            if square == OFF_BOARD or board[square] != EMPTY:
                return square
    return OFF_BOARD


@kernel_part
def _threat(board: Bytes, attackers: Bytes, after: int, to: int) -> int:
    """Threat of a piece of code ``after`` on a square; what stands there now does not matter."""
    check, best, targets = 0, 0, 0
    for k in range(tables.NUM_DIRECTIONS_OF[after]):
        direction = tables.DIRECTIONS[after, k]
        for step in range(tables.REACHES[after, direction]):
            square = tables.SQUARES_AHEAD[direction, to, step]
            if square == OFF_BOARD:
                break
            code = board[square]
            if code == EMPTY:
                continue
            if code == KING + OTHER_SIDE:
                check = 1
            elif tables.CONTENTS[code] == ENEMY + 1:
                rank = int(tables.TARGET_RANKS[code])
                if attackers[ENEMY, square] == 0 or rank > tables.TARGET_RANKS[after]:
                    best = max(best, rank)
                    targets += 1
            break
    return 8 * check + 2 * best + (targets > 1)


@kernel_part
def _move(board: Bytes, attackers: Bytes, label: int, kings: tuple[int, int, int]) -> Move:
    """What the rows of one legal move derive from; ``kings`` from :func:`_kings`."""
    own_king, enemy_king, flights = kings
    move_class, to = label // NUM_SQUARES, label % NUM_SQUARES
    kind = tables.MOVE_KINDS[move_class]
    origin = _origin(board, move_class, to)
    supporters = attackers[OWN, to]
    piece, danger = int(tables.DROPPED[move_class]), 0
    if origin != OFF_BOARD:
        piece = max(int(tables.OWN_KIND[board[origin]]), piece)
        danger = 1 + 2 * attackers[ENEMY_MENACE, origin] + (attackers[OWN, origin] != 0)
        supporters -= min(supporters, 1)
    after = piece
    if kind == features.PROMOTION_KIND and piece < GOLD:
        after = piece + PROMOTED
    from_enemy_king = tables.KING_OFFSETS[enemy_king, to]
    near = tables.NEAR_SLOTS[from_enemy_king]
    return Move(
        piece=piece - 1,
        after=after - 1,
        kind=kind,
        captured=tables.ENEMY_KIND[board[to]],
        menace=attackers[ENEMY_MENACE, to],
        danger=danger,
        supporters=min(supporters, features.MAX_ATTACKERS),
        defenders=min(attackers[ENEMY, to], features.MAX_ATTACKERS),
        from_enemy_king=from_enemy_king,
        from_own_king=tables.KING_OFFSETS[own_king, to],
        near=near,
        beside=tables.BESIDE[near],
        flights=flights,
        threat=_threat(board, attackers, after, to),
    )


@inline_kernel
def _kings(board: Bytes, attackers: Bytes) -> tuple[int, int, int]:
    """Squares of the own and the opponent's king, and the latter's flights."""
    enemy_king = _king_square(board, KING + OTHER_SIDE)
    flights = _flights(board, attackers, enemy_king, ENEMY)
    return _king_square(board, KING), enemy_king, flights


@kernel_part
def _write_move(
    board: Bytes, attackers: Bytes, label: int, kings: tuple[int, int, int], move: Rows
) -> None:
    """Write the rows int32[ROWS_PER_MOVE] of one legal move; ``kings`` from :func:`_kings`."""
    move[0] = label
    move[1], move[2], move[3], move[4], move[5], move[6] = move_rows(
        _move(board, attackers, label, kings)
    )


@kernel_part
def legal_move_rows(state: Bytes, attackers: Bytes, mask_bits: Bytes, rows: Rows) -> None:
    """Write the move rows of all legal moves, in label order.

    Args:
        state: uint8[100], mover's view.
        attackers: uint8[4, 81], from :func:`count_attackers`.
        mask_bits: uint8[274], packed legal actions.
        rows: int32[m, ROWS_PER_MOVE], written.
    """
    board = state[:NUM_SQUARES]
    kings = _kings(board, attackers)
    count = 0
    for byte in range(mask_bits.shape[0]):
        bits = mask_bits[byte]
        # A loop of known length is predicted better than a test of each bit.
        for k in range(tables.NUM_SET_BITS[bits]):
            label = 8 * byte + tables.SET_BITS[bits, k]
            _write_move(board, attackers, label, kings, rows[count])
            count += 1


@kernel_part
def listed_move_rows(state: Bytes, attackers: Bytes, labels: NDArray[np.int64], rows: Rows) -> None:
    """Write the move rows of legal moves that are listed.

    Arguments as for :func:`legal_move_rows`, with the labels int64[m] of the moves.
    """
    board = state[:NUM_SQUARES]
    kings = _kings(board, attackers)
    for m in range(labels.shape[0]):
        _write_move(board, attackers, labels[m], kings, rows[m])


@kernel_part
def all_rows(state: Bytes, mask_bits: Bytes, attackers: Bytes, rows: Rows, of_moves: Rows) -> int:
    """Write the rows of one position and of its legal moves; the number of the position's.

    Arguments as for :func:`position_rows` and :func:`legal_move_rows`, but that attackers
    uint8[4, 81] is written as well.
    """
    count_attackers(state[:NUM_SQUARES], attackers)
    legal_move_rows(state, attackers, mask_bits, of_moves)
    return position_rows(state, attackers, rows)
