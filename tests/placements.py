"""Positions as hypothesis draws them."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from keisei.shogi.constants import BLACK, HAND_LIMITS, KING, OTHER_SIDE, PROMOTED, WHITE
from keisei.shogi.notation import MAX_MOVE_NUMBER, Placement


@st.composite
def placements(draw: st.DrawFn) -> Placement:
    """Placements with both kings apart, no dead-end piece, no nifu, no more than one set."""
    board = np.zeros(81, np.uint8)
    hands = np.zeros((2, 7), np.uint8)
    squares = draw(st.permutations(range(81)))
    files, ranks = np.divmod(squares[:2], 9)
    assume(max(abs(files[0] - files[1]), abs(ranks[0] - ranks[1])) > 1)
    board[squares[0]] = KING
    board[squares[1]] = KING + OTHER_SIDE
    used = [0] * 8
    for square in squares[2 : 2 + draw(st.integers(0, 38))]:
        piece = draw(st.integers(1, 7))
        if used[piece] == HAND_LIMITS[piece - 1]:
            continue
        colour = draw(st.sampled_from([BLACK, WHITE]))
        promoted = piece < 7 and draw(st.booleans())
        code = piece + PROMOTED * promoted + OTHER_SIDE * colour
        ranks_ahead = square % 9 if colour == BLACK else 8 - square % 9
        file = board[square - square % 9 : square - square % 9 + 9]
        if not promoted and ranks_ahead < {1: 1, 2: 1, 3: 2}.get(piece, 0):
            continue
        if code % OTHER_SIDE == 1 and code in file:
            continue
        board[square] = code
        used[piece] += 1
    for piece in range(1, 8):
        for colour in (BLACK, WHITE):
            count = draw(st.integers(0, HAND_LIMITS[piece - 1] - used[piece]))
            hands[colour, piece - 1] = count
            used[piece] += count
    to_move = draw(st.sampled_from([BLACK, WHITE]))
    return Placement(board, hands, to_move, draw(st.integers(1, MAX_MOVE_NUMBER)))
