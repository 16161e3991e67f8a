"""One game of shogi, on the same kernels as the batched environment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.actions import (
    MASK_WORDS,
    action_parts,
    board_action,
    drop_action,
    new_mask_scratch,
    pack_planes,
)
from keisei.shogi.bitboard import bitboard_squares
from keisei.shogi.constants import (
    BLACK,
    EMPTY,
    NUM_ACTIONS,
    NUM_HAND_TYPES,
    NUM_SQUARES,
    START_SFEN,
    WHITE,
    Termination,
)
from keisei.shogi.endings import NO_WINNER, can_declare, judge, record_move, remember
from keisei.shogi.jit import Int, kernel
from keisei.shogi.movegen import CHECKERS_WORD, generate_blocks, new_planes
from keisei.shogi.moves import IllegalMoveError, Move
from keisei.shogi.notation import InvalidSfenError, Placement, format_sfen, parse_sfen
from keisei.shogi.position import (
    HAND_WORD,
    LANES,
    TURN_WORD,
    Games,
    apply_action,
    new_games,
    place,
)

_FIRST_CAPACITY = 256
_NO_CAP = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a game ended.

    Attributes:
        termination: The kind of end.
        winner: BLACK, WHITE, or None for a draw or an unfinished game at the ply cap.
    """

    termination: Termination
    winner: int | None


@dataclass(frozen=True, slots=True)
class _Undo:
    """What a push changed and a pop puts back (the filter of seen positions may stay)."""

    move: Move
    words: NDArray[np.uint64]
    boards: NDArray[np.uint8]
    counters: tuple[np.uint64, NDArray[np.int32], int, int]


@kernel
def _play(games: Games, action: int) -> None:
    apply_action(games, 0, action)


@kernel
def _record(games: Games, gives_check: bool) -> None:  # noqa: FBT001
    remember(games, 0)
    record_move(games, 0, gives_check)


@kernel
def _judge(games: Games, can_move: bool, max_plies: int, declaration: bool) -> tuple[Int, Int]:  # noqa: FBT001
    return judge(games, 0, can_move, max_plies, declaration)


@kernel
def _can_declare(games: Games) -> bool:
    return can_declare(games, 0)


@kernel
def _pack(
    planes: NDArray[np.uint64], scratch: NDArray[np.uint64], legal: NDArray[np.uint64]
) -> None:
    pack_planes(planes, 0, scratch, legal, 0)


class Board:
    """A game: its position, its moves so far, and what the rules say of both.

    Args:
        sfen: The first position, by default the usual start.

    Raises:
        InvalidSfenError: When the text is not SFEN or its position cannot occur.

    Example:
        >>> board = Board()
        >>> board.push_usi("7g7f")
        >>> board.sfen()
        'lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL w - 2'
    """

    def __init__(self, sfen: str | None = None) -> None:
        start = parse_sfen(START_SFEN if sfen is None else sfen)
        self._first_number = start.move_number
        self._games = new_games(1, _FIRST_CAPACITY)
        self._planes = new_planes()
        self._scratch = new_mask_scratch()
        self._legal = np.zeros((LANES, MASK_WORDS), np.uint64)
        self._stack: list[_Undo] = []
        place(self._games, 0, start.board, start.hands, 1 - start.to_move)
        self._generate()
        if self._checkers():
            raise InvalidSfenError(
                f"SFEN {sfen!r}: {'Black' if start.to_move else 'White'} is in check although "
                f"{'White' if start.to_move else 'Black'} is to move; "
                "the side that has just moved cannot have left its king in check."
            )
        place(self._games, 0, start.board, start.hands, start.to_move)
        self._generate()
        self._games.in_check[0] = bool(self._checkers())

    @property
    def turn(self) -> int:
        """The player to move, BLACK or WHITE."""
        return int(self._games.words[TURN_WORD * LANES])

    @property
    def ply(self) -> int:
        """Moves played since the first position."""
        return int(self._games.plies[0])

    @property
    def last_move(self) -> Move | None:
        """The move last played and not taken back, None at the first position."""
        return self._stack[-1].move if self._stack else None

    @property
    def legal_moves(self) -> Sequence[Move]:
        """All legal moves, in the order of their actions."""
        return [self._move(int(action)) for action in self.legal_actions()]

    def is_legal_action(self, action: int) -> bool:
        """True when an action (0..2186, mover's view) is legal."""
        if not 0 <= action < NUM_ACTIONS:
            return False
        return bool(int(self._legal[0, action >> 6]) >> (action & 63) & 1)

    def legal_actions(self) -> NDArray[np.int64]:
        """All legal actions in ascending order, int64 [number of moves]."""
        bits = np.unpackbits(self._legal[0].view(np.uint8), bitorder="little")
        return np.flatnonzero(bits)

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
        move = move_from_action(self, action)
        games = self._games
        room = games.history.shape[2]
        if (self.ply + 1) // 2 >= room:
            longer = np.zeros((1, 2, 2 * room), np.uint64)
            longer[:, :, :room] = games.history
            games = self._games = games._replace(history=longer)
        self._stack.append(
            _Undo(
                move,
                games.words[::LANES].copy(),
                games.boards.copy(),
                (
                    games.hashes[0],
                    games.check_runs.copy(),
                    int(games.repeats[0]),
                    int(games.in_check[0]),
                ),
            )
        )
        _play(games, action)
        self._generate()
        _record(games, bool(self._checkers()))

    def pop(self) -> Move:
        """Take the last move back and return it.

        Raises:
            IndexError: When no move has been played.
        """
        if not self._stack:
            raise IndexError("No move to take back: the board shows its first position.")
        undo = self._stack.pop()
        games = self._games
        games.words[::LANES] = undo.words
        games.boards[:] = undo.boards
        games.hashes[0], games.check_runs[:], games.repeats[0], games.in_check[0] = undo.counters
        games.plies[0] -= 1
        self._generate()
        return undo.move

    def is_check(self) -> bool:
        """True when the player to move is in check."""
        return bool(self._games.in_check[0])

    def checkers(self) -> list[int]:
        """Squares (absolute, ascending) of the pieces that give check."""
        squares = self._checkers()
        return squares if self.turn == BLACK else [80 - square for square in reversed(squares)]

    def is_checkmate(self) -> bool:
        """True when the player to move is in check and has no legal move."""
        return self.is_check() and not self._legal[0].any()

    def repetition_count(self) -> int:
        """How often the position has occurred in this game: 1 at its first occurrence."""
        return int(self._games.repeats[0]) + 1

    def can_declare_win(self) -> bool:
        """True when the player to move may win by declaration (27-point rule)."""
        return bool(_can_declare(self._games))

    def outcome(self, *, max_plies: int | None = None, declaration: bool = False) -> Outcome | None:
        """How the game ended, or None while it goes on.

        Args:
            max_plies: The ply cap; None for none. Any other end at that ply takes precedence.
            declaration: Count a win by declaration that is open to the player to move.
        """
        cap = _NO_CAP if max_plies is None else max_plies
        code, winner = _judge(self._games, bool(self._legal[0].any()), cap, declaration)
        if code == Termination.NONE:
            return None
        return Outcome(Termination(code), None if winner == NO_WINNER else int(winner))

    def piece_at(self, square: int) -> int:
        """The absolute piece code on a square: 0 empty, 1..14 Black's, 17..30 White's."""
        return int(self._games.boards[0, BLACK, square])

    def hand(self, colour: int) -> tuple[int, ...]:
        """Counts of a colour's pieces in hand, PAWN to GOLD."""
        word = int(self._games.words[(HAND_WORD + colour) * LANES])
        return tuple(word >> (8 * hand_type) & 0xFF for hand_type in range(NUM_HAND_TYPES))

    def placement(self) -> Placement:
        """The position as pieces on squares and in hands."""
        return Placement(
            board=self._games.boards[0, BLACK, :NUM_SQUARES].copy(),
            hands=np.array([self.hand(BLACK), self.hand(WHITE)], np.uint8),
            to_move=self.turn,
            move_number=self._first_number + self.ply,
        )

    def sfen(self) -> str:
        """The position in SFEN."""
        return format_sfen(self.placement())

    def __str__(self) -> str:
        from keisei.pictures.text import format_board  # noqa: PLC0415

        return format_board(self.placement(), self.last_move)

    def _repr_svg_(self) -> str:
        """The picture that a notebook shows."""
        from keisei.pictures.svg import board_svg  # noqa: PLC0415

        return board_svg(self, self.last_move)

    def __repr__(self) -> str:
        return f"Board({self.sfen()!r})"

    def _move(self, action: int) -> Move:
        """The move of a legal action."""
        origin, to, promotes, dropped = action_parts(self._games, 0, action)
        turned = self.turn == WHITE
        to = int(NUM_SQUARES - 1 - to if turned else to)
        if dropped != EMPTY:
            return Move(None, to, drop=int(dropped))
        return Move(int(NUM_SQUARES - 1 - origin if turned else origin), to, bool(promotes))

    def _generate(self) -> None:
        generate_blocks(self._games.words, 0, 1, self._planes)
        _pack(self._planes, self._scratch, self._legal)

    def _checkers(self) -> list[int]:
        at = CHECKERS_WORD * LANES
        return bitboard_squares((self._planes[at], self._planes[at + LANES]))


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
    return board._move(action)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
