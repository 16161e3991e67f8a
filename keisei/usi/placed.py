"""The game that a ``position`` sets up."""

from collections.abc import Sequence

import numpy as np

from keisei.games.board import Board
from keisei.games.endings import Rules
from keisei.shogi.moves import IllegalMoveError, InvalidUsiError, Move, shown
from keisei.shogi.notation import InvalidSfenError

_NO_CAP = np.iinfo(np.int32).max


class PositionError(ValueError):
    """A ``position`` that cannot be; the message is one sentence."""


class PlacedGame:
    """The game that is thought about; it follows the moves of one ``position`` after the other."""

    def __init__(self) -> None:
        """Begin with the usual start position."""
        self.board = Board()
        self._start = "startpos"
        self._moves: list[str] = []

    def place(self, words: Sequence[str]) -> None:
        """Set up what the words after ``position`` say; a game that goes on is only carried on.

        Raises:
            PositionError: They make no sense; the game is then as before.
        """
        place = words.index("moves") if "moves" in words else len(words)
        start, moves = " ".join(words[:place]), list(words[place + 1 :])
        if start != "startpos" and words[:1] != ["sfen"]:
            raise PositionError(f"position: startpos or sfen has to follow, not {shown(start)}")
        shared = 0
        if start == self._start:
            while shared < min(len(moves), len(self._moves)):
                if moves[shared] != self._moves[shared]:
                    break
                shared += 1
        try:
            if start == self._start and shared == len(self._moves):
                self._carry_on(moves[shared:])
            else:
                board = Board(None if start == "startpos" else start.removeprefix("sfen "))
                _play(board, moves)
                self.board = board
        except (InvalidSfenError, InvalidUsiError, IllegalMoveError) as error:
            raise PositionError(f"position: {error}") from None
        self._start, self._moves = start, moves

    def _carry_on(self, moves: Sequence[str]) -> None:
        """Play further moves, all of them or none."""
        ply = self.board.ply
        try:
            _play(self.board, moves)
        except (InvalidUsiError, IllegalMoveError):
            while self.board.ply > ply:
                self.board.pop()
            raise

    def rules(self, max_ply: int, *, declaration: bool) -> Rules:
        """What the game is played by.

        Args:
            max_ply: The cap, counted from move number 1, 0 for none; without effect once reached.
            declaration: Whether a win may be declared.
        """
        earlier = self.board.placement().move_number - 1 - self.board.ply
        cap = max_ply - earlier
        return Rules(cap if cap > self.board.ply else _NO_CAP, declaration)


def _play(board: Board, moves: Sequence[str]) -> None:
    for text in moves:
        board.push(Move.from_usi(text))
