"""Which positions have a mate in one: in them a player shows whether it sees what is there."""

import numpy as np
from numpy.typing import NDArray

from keisei.players.positions import legal_words, place_state
from keisei.shogi.actions import MASK_WORDS
from keisei.shogi.bitboard import ONE, ZERO, lowest_bit
from keisei.shogi.constants import (
    BLACK,
    DRAGON,
    EMPTY,
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    KING,
    MAX_LEGAL_MOVES,
    NUM_FILES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
    PROMOTED,
)
from keisei.shogi.jit import kernel
from keisei.shogi.movegen import (
    ANY_MOVE_WORD,
    CHECKERS_WORD,
    PLANE_WORDS,
    generate_blocks,
    new_planes,
)
from keisei.shogi.piece_moves import SLIDES, STEPS, TRAVEL
from keisei.shogi.position import (
    LANES,
    Games,
    apply_action,
    copy_position,
    new_games,
    origin_square,
)

_ROOM = 2048
"""Positions after one move that are looked at together."""
_PARENT = _ROOM
"""Where the position before the move stands, behind those after it."""

_LINES = np.array([TRAVEL[direction] for direction in STEPS[KING]])


def _attacks() -> NDArray[np.bool_]:
    """Whether a piece on a square attacks another one on an empty board, bool [15, 81, 81]."""
    squares = np.arange(NUM_SQUARES)
    files = squares // NUM_RANKS - squares[:, None] // NUM_RANKS
    ranks = squares % NUM_RANKS - squares[:, None] % NUM_RANKS
    attacks = np.zeros((DRAGON + 1, NUM_SQUARES, NUM_SQUARES), np.bool_)
    for moves, reach in ((STEPS, 1), (SLIDES, NUM_FILES - 1)):
        for piece, directions in moves.items():
            for file_step, rank_step in (TRAVEL[direction] for direction in directions):
                for times in range(1, reach + 1):
                    attacks[piece] |= (files == times * file_step) & (ranks == times * rank_step)
    return attacks


_ATTACKS = _attacks()


@kernel
def _find_unmaskers(
    board: NDArray[np.uint8], king: int, attacks: NDArray[np.bool_], out: NDArray[np.bool_]
) -> None:
    """Mark the own pieces that stand alone between an own slider and the opponent's king.

    Args:
        board: uint8 [>= 81], codes in the mover's view.
        king: the opponent's, in the same view.
        attacks: bool [15, 81, 81].
        out: bool [81], True = a move of this piece may give check by the slider.
    """
    out[:] = False
    for line in range(len(_LINES)):
        file, rank = king // NUM_RANKS, king % NUM_RANKS
        between = -1
        while True:
            file += _LINES[line, 0]
            rank += _LINES[line, 1]
            if file < 0 or file >= NUM_FILES or rank < 0 or rank >= NUM_RANKS:
                break
            square = NUM_RANKS * file + rank
            if board[square] == EMPTY:
                continue
            if board[square] > OTHER_SIDE:
                break
            if between >= 0:
                out[between] = attacks[board[square], square, king]
                break
            between = square


@kernel
def _expand_checks(
    state: NDArray[np.uint8],
    legal: NDArray[np.uint64],
    first: int,
    attacks: NDArray[np.bool_],
    games: Games,
    parents: NDArray[np.int64],
) -> tuple[int, int]:
    """Write the positions after the moves that may give check, as long as there is room.

    Args:
        state: uint8 [n, 100].
        legal: uint64 [n, MASK_WORDS].
        first: the state to begin with.
        attacks: bool [15, 81, 81].
        games: room for _ROOM positions and one more.
        parents: int64 [_ROOM], filled with the state that each position comes from.

    Returns:
        How many positions were written, and the first state that had no room.
    """
    unmasks = np.empty(NUM_SQUARES, np.bool_)
    written = 0
    for row in range(first, len(state)):
        if written > _ROOM - MAX_LEGAL_MOVES:
            return written, row
        place_state(games, _PARENT, state, row)
        board = games.boards[_PARENT, BLACK]
        king = 0
        while king < NUM_SQUARES and board[king] != OTHER_SIDE + KING:
            king += 1
        if king == NUM_SQUARES:
            continue
        _find_unmaskers(board, king, attacks, unmasks)
        for word in range(MASK_WORDS):
            bits = legal[row, word]
            while bits != ZERO:
                action = word * 64 + lowest_bit(bits)
                bits &= bits - ONE
                move_class, to = action // NUM_SQUARES, action % NUM_SQUARES
                if move_class >= FIRST_DROP_CLASS:
                    may_check = attacks[move_class - FIRST_DROP_CLASS + 1, to, king]
                else:
                    direction = move_class % FIRST_PROMOTION_CLASS
                    origin = origin_square(games, _PARENT, BLACK, direction, to)
                    promotion = PROMOTED if move_class >= FIRST_PROMOTION_CLASS else 0
                    may_check = attacks[board[origin] + promotion, to, king] or unmasks[origin]
                if may_check:
                    copy_position(games, written, games, _PARENT)
                    apply_action(games, written, action)
                    parents[written] = row
                    written += 1
    return written, len(state)


@kernel
def _mark_mates(
    planes: NDArray[np.uint64], parents: NDArray[np.int64], written: int, out: NDArray[np.bool_]
) -> None:
    """Mark the states one of whose moves gives check and leaves no answer."""
    for child in range(written):
        at = (child // LANES) * PLANE_WORDS * LANES + child % LANES
        checkers = planes[at + CHECKERS_WORD * LANES] | planes[at + (CHECKERS_WORD + 1) * LANES]
        if checkers != ZERO and planes[at + ANY_MOVE_WORD * LANES] == ZERO:
            out[parents[child]] = True


class MateFinder:
    """Finds mates in one, in many positions at once."""

    def __init__(self) -> None:
        self._games = new_games(_ROOM + 1, 0)
        self._planes = new_planes(_ROOM // LANES)
        self._parents = np.zeros(_ROOM, np.int64)

    def has_mate(self, state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether the player to move can checkmate with one move.

        Args:
            state: uint8 [n, 100], compact states.
            mask_bits: uint8 [n, 274], their packed legal actions.

        Returns:
            bool [n]; a stalemate, though won, is no mate, and there is none without a king.
        """
        legal = legal_words(mask_bits)
        mates = np.zeros(len(state), np.bool_)
        row = 0
        while row < len(state):
            written, row = _expand_checks(state, legal, row, _ATTACKS, self._games, self._parents)
            generate_blocks(self._games.words, 0, -(-written // LANES), self._planes)
            _mark_mates(self._planes, self._parents, written, mates)
        return mates
