"""One game of shogi, on the same kernels as the batched environment."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from keisei.games.endings import NO_WINNER, Rules
from keisei.games.history import new_history, write_course
from keisei.games.labels import moves_in_slots
from keisei.games.layout import Slots, placement_of, side_to_move
from keisei.games.masks import unpacked
from keisei.games.pool import Pool
from keisei.games.standing import Standing
from keisei.pictures.svg import board_svg
from keisei.pictures.text import format_board
from keisei.shogi.actions import board_action, drop_action
from keisei.shogi.bitboard import bitboard_squares
from keisei.shogi.constants import (
    BLACK,
    EMPTY,
    NUM_ACTIONS,
    NUM_SQUARES,
    START_SFEN,
    WHITE,
    Termination,
)
from keisei.shogi.moves import IllegalMoveError, Move
from keisei.shogi.notation import InvalidSfenError, Placement, format_sfen, parse_sfen

_FIRST_SIZE = 32
_NO_CAP = np.iinfo(np.int32).max
_NO_END = Rules(_NO_CAP, declaration=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a game ended.

    Attributes:
        termination: The kind of end.
        winner: BLACK, WHITE, or None for a draw or an unfinished game at the ply cap.
    """

    termination: Termination
    winner: int | None


class Board:
    """A game: its position, its moves so far, and what the rules say of both.

    Args:
        sfen: The first position, by default the usual start.

    Raises:
        InvalidSfenError: When the text is not SFEN or its position cannot occur.

    Examples:
        >>> board = Board()
        >>> board.push_usi("7g7f")
        >>> board.sfen()
        'lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL w - 2'
    """

    def __init__(self, sfen: str | None = None) -> None:
        start = parse_sfen(START_SFEN if sfen is None else sfen)
        self._first_number = start.move_number
        # The game is a line of nodes, one a ply.
        self._pool = Pool(_FIRST_SIZE)
        self._slot = 0
        if self._pool.set_up(0, start.view()[None], np.array([start.to_move])).any():
            raise InvalidSfenError(
                f"SFEN {sfen!r}: {'Black' if start.to_move else 'White'} is in check although "
                f"{'White' if start.to_move else 'Black'} is to move; "
                "the side that has just moved cannot have left its king in check."
            )

    @classmethod
    def of_game(cls, standing: Standing) -> Self:
        """The board of one game, with its history; moves from before cannot be taken back.

        Args:
            standing: Where the game stands, of which alone it speaks.
        """
        board = cls.__new__(cls)
        pool = Pool.of_games(standing, _FIRST_SIZE - 1)
        vars(board).update(_first_number=1, _pool=pool, _slot=0)
        return board

    def standing(self, rules: Rules) -> Standing:
        """Where the game stands, with its course, for searches; it goes on changing with the board.

        Args:
            rules: What it is played by.
        """
        slot, before = self._slot, self._pool.nodes.history
        history = new_history(slot + 1, self.ply)  # of which the last row alone is touched
        if len(before.seen):
            width = min(before.hashes.shape[2], history.hashes.shape[2])
            history.hashes[slot, :, :width] = before.hashes[0, :, :width]
            history.seen[slot] = before.seen[0]
        write_course(self._slots, slot, history)
        return Standing(self._slots, history, np.array([slot]), rules)

    def copy(self) -> "Board":
        """The same game on another board, history included."""
        return copy.deepcopy(self)

    @property
    def turn(self) -> int:
        """The player to move, BLACK or WHITE."""
        return side_to_move(self._slots, self._slot)

    @property
    def ply(self) -> int:
        """Moves played since the first position."""
        return int(self._slots.plies[self._slot])

    @property
    def last_move(self) -> Move | None:
        """The move last played and not taken back, None at the first position."""
        if self._slot == 0:
            return None
        return self._move(self._slot - 1, int(self._pool.nodes.actions[self._slot]))

    @property
    def legal_moves(self) -> Sequence[Move]:
        """All legal moves, in the order of their actions."""
        return self._moves(self._slot, self.legal_actions())

    def is_legal_action(self, action: int) -> bool:
        """True when an action (0..2186, mover's view) is legal."""
        return 0 <= action < NUM_ACTIONS and bool(self._legal()[action])

    def legal_actions(self) -> NDArray[np.int64]:
        """All legal actions in ascending order, int64 [number of moves]."""
        return np.flatnonzero(self._legal())

    def push(self, move: Move) -> None:
        """Play a move.

        Raises:
            IllegalMoveError: When the move is not legal; the board is then unchanged.
        """
        self.push_action(action_from_move(self, move))

    def push_usi(self, text: str) -> None:
        """Play the move that a USI text names.

        Raises:
            InvalidUsiError: When the text is not a move.
            IllegalMoveError: When the move is not legal; the board is then unchanged.
        """
        self.push(Move.from_usi(text))

    def push_action(self, action: int) -> None:
        """Play a move given as an action in the mover's view.

        Raises:
            IllegalMoveError: When the action is not legal; the board is then unchanged.
        """
        if not self.is_legal_action(action):
            raise IllegalMoveError(f"Action {action} is not legal in {self.sfen()}.")
        child = self._slot + 1
        if child == len(self._slots.hashes):
            self._pool.grow(2 * child)
        self._pool.advance(np.array([self._slot]), np.array([action], np.int64), child)
        self._pool.generate(child, child + 1)
        self._pool.judge(child, child + 1, _NO_END)
        self._slot = child

    def pop(self) -> Move:
        """Take the last move back and return it.

        Raises:
            IndexError: When no move has been played.
        """
        move = self.last_move
        if move is None:
            raise IndexError("No move to take back: the board shows its first position.")
        self._slot -= 1
        return move

    def is_check(self) -> bool:
        """True when the player to move is in check."""
        return bool(self._slots.in_check[self._slot])

    def checkers(self) -> list[int]:
        """Squares (absolute, ascending) of the pieces that give check."""
        squares = bitboard_squares(self._pool.checkers(self._slot))
        return squares if self.turn == BLACK else [80 - square for square in reversed(squares)]

    def is_checkmate(self) -> bool:
        """True when the player to move is in check and has no legal move."""
        return self.is_check() and not self._legal().any()

    def repetition_count(self) -> int:
        """How often the position has occurred in this game: 1 at its first occurrence."""
        return int(self._slots.repeats[self._slot]) + 1

    def can_declare_win(self) -> bool:
        """True when the player to move may win by declaration (27-point rule)."""
        return self._pool.can_declare(self._slot)

    def outcome(self, *, max_plies: int | None = None, declaration: bool = False) -> Outcome | None:
        """How the game ended, or None while it goes on.

        Args:
            max_plies: The ply cap; None for none. Any other end at that ply takes precedence.
            declaration: Count a win by declaration that is open to the player to move.
        """
        rules = Rules(_NO_CAP if max_plies is None else int(max_plies), declaration)
        end, winner = self._pool.end_of(self._slot, rules)
        if end == Termination.NONE:
            return None
        return Outcome(Termination(end), None if winner == NO_WINNER else int(winner))

    def piece_at(self, square: int) -> int:
        """The absolute piece code on a square: 0 empty, 1..14 Black's, 17..30 White's."""
        return int(self._slots.boards[self._slot, BLACK, square])

    def hand(self, colour: int) -> tuple[int, ...]:
        """Counts of a colour's pieces in hand, PAWN to GOLD."""
        return tuple(self.placement().hands[colour].tolist())

    def placement(self) -> Placement:
        """The position as pieces on squares and in hands."""
        return placement_of(self._slots, self._slot, self._first_number)

    def sfen(self) -> str:
        """The position in SFEN."""
        return format_sfen(self.placement())

    def __str__(self) -> str:
        return format_board(self.placement(), self.last_move)

    def _repr_svg_(self) -> str:
        """The picture that a notebook shows."""
        return board_svg(self, self.last_move)

    def __repr__(self) -> str:
        return f"Board({self.sfen()!r})"

    @property
    def _slots(self) -> Slots:
        return self._pool.nodes.slots

    def _legal(self) -> NDArray[np.bool_]:
        """The mask of legal actions, bool [2187]."""
        return unpacked(self._pool.nodes.legal[self._slot : self._slot + 1])[0]

    def _move(self, slot: int, action: int) -> Move:
        """The move of an action that is legal in a slot."""
        return self._moves(slot, np.array([action], np.int64))[0]

    def _moves(self, slot: int, actions: NDArray[np.int64]) -> list[Move]:
        """The moves of actions that are legal in a slot."""
        chosen = np.full(len(actions), slot)
        turned = np.full(len(actions), side_to_move(self._slots, slot) == WHITE)
        return moves_in_slots(self._slots, chosen, actions, turned)


def action_from_move(board: Board, move: Move) -> int:
    """The action (0..2186, mover's view) of a legal move.

    Raises:
        IllegalMoveError: When the move is not legal on this board.
    """
    turned = board.turn == WHITE
    to = NUM_SQUARES - 1 - move.to_square if turned else move.to_square
    if move.from_square is None:
        action = drop_action(move.drop or EMPTY, to)
    else:
        origin = NUM_SQUARES - 1 - move.from_square if turned else move.from_square
        action = board_action(origin, to, move.promote)
    if action is None or not board.is_legal_action(action):
        raise IllegalMoveError(f"{move.usi()} is not legal in {board.sfen()}.")
    if move_from_action(board, action) != move:
        raise IllegalMoveError(
            f"{move.usi()} is not legal in {board.sfen()}: another piece stands in the way."
        )
    return action


def move_from_action(board: Board, action: int) -> Move:
    """The move that a legal action (mover's view) stands for.

    Raises:
        IllegalMoveError: When the action is not legal on this board.
    """
    if not board.is_legal_action(action):
        raise IllegalMoveError(f"Action {action} is not legal in {board.sfen()}.")
    return board._move(board._slot, action)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
