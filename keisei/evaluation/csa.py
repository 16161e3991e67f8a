"""Reading games in CSA, which ``records`` writes."""

import re
from dataclasses import dataclass, field

import numpy as np

from keisei.evaluation.kif import RecordError
from keisei.evaluation.records import CSA_PIECES, GameRecord
from keisei.players.player import Forfeit
from keisei.shogi.constants import (
    BLACK,
    EMPTY,
    GOLD,
    HAND_LIMITS,
    NUM_FILES,
    NUM_HAND_TYPES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    START_SFEN,
    WHITE,
    Termination,
)
from keisei.shogi.moves import Move
from keisei.shogi.notation import InvalidSfenError, Placement, format_sfen, parse_sfen

_CODES = {name: code for code, name in enumerate(CSA_PIECES) if name}
_SIGNS = "+-"
_MOVE = re.compile(r"([+-])([0-9]{2})([1-9]{2})([A-Z]{2})")
_SET = re.compile(r"([0-9]{2})([A-Z]{2})")
_ENDS: dict[str, Termination | Forfeit] = {
    "%TORYO": Forfeit.RESIGNATION,
    "%TSUMI": Termination.CHECKMATE,
    "%SENNICHITE": Termination.SENNICHITE,
    "%KACHI": Termination.DECLARATION,
    "%JISHOGI": Termination.MAX_PLIES,
    "%TIME_UP": Forfeit.OUT_OF_TIME,
    "%ILLEGAL_MOVE": Forfeit.ILLEGAL_MOVE,
}


@dataclass
class _Reader:
    """What has been read so far."""

    board: list[int] = field(default_factory=lambda: [EMPTY] * NUM_SQUARES)
    hands: list[list[int]] = field(default_factory=lambda: [[0] * NUM_HAND_TYPES, [0] * 7])
    start: str | None = None
    moves: list[Move] = field(default_factory=list[Move])
    names: list[str] = field(default_factory=lambda: ["", ""])
    end: Termination | Forfeit = Termination.NONE

    def take(self, line: str) -> bool:
        """Read a line; False when it ends the game."""
        move = _MOVE.fullmatch(line)
        if move is not None:
            self._move(move)
        elif line[:2] in ("N+", "N-"):
            self.names[_SIGNS.index(line[1])] = line[2:]
        elif line in ("+", "-"):
            self._begin(_SIGNS.index(line))
        elif line.startswith("P"):
            self._set_up(line)
        elif line.startswith("%"):
            self.end = _ENDS.get(line, Termination.NONE)
            return False
        elif line[:1] not in ("", "'", "V", "$", "T"):
            raise RecordError(f"CSA: the line {line[:40]!r} is none of a game")
        return line != "/"

    def _set_up(self, line: str) -> None:
        if line.startswith("PI"):
            self.board = parse_sfen(START_SFEN).board.tolist()
            for square, _ in _SET.findall(line):
                self.board[_square(square)] = EMPTY
        elif line[1:2] in _SIGNS:
            for square, name in _SET.findall(line):
                self._put(square, name, _SIGNS.index(line[1]))
        elif line[1:2].isdigit() and line[1] != "0":
            rank = int(line[1]) - 1
            cells = re.findall(r"([+-])([A-Z]{2})|( \* ?)", line[2:].ljust(27))
            for column, (sign, name, _) in enumerate(cells[:NUM_FILES]):
                code = _code(name) + OTHER_SIDE * (sign == "-") if name else EMPTY
                self.board[NUM_RANKS * (NUM_FILES - 1 - column) + rank] = code
        else:
            raise RecordError(f"CSA: the line {line[:40]!r} sets up no position")

    def _put(self, square: str, name: str, colour: int) -> None:
        if square != "00":
            self.board[_square(square)] = _code(name) + OTHER_SIDE * colour
        elif name == "AL":
            for piece, limit in enumerate(HAND_LIMITS, start=PAWN):
                kinds = (piece, piece + PROMOTED if piece < GOLD else piece)
                used = sum(code % OTHER_SIDE in kinds for code in self.board)
                used += sum(hand[piece - PAWN] for hand in self.hands)
                self.hands[colour][piece - PAWN] += max(0, limit - used)
        elif PAWN <= _code(name) <= NUM_HAND_TYPES:
            self.hands[colour][_code(name) - PAWN] += 1
        else:
            raise RecordError(f"CSA: {name!r} is no piece in hand")

    def _begin(self, colour: int) -> None:
        hands = np.minimum(np.array(self.hands), max(HAND_LIMITS)).astype(np.uint8)
        sfen = format_sfen(Placement(np.array(self.board, np.uint8), hands, colour, 1))
        try:
            parse_sfen(sfen)
        except InvalidSfenError as error:
            raise RecordError(f"CSA: its first position cannot be: {error}") from None
        self.start = sfen

    def _move(self, found: "re.Match[str]") -> None:
        if self.start is None:
            raise RecordError(f"CSA: the move {found[0]!r} comes before the first position")
        sign, origin, to, name = found.groups()
        code = _code(name)
        colour = OTHER_SIDE * _SIGNS.index(sign)
        if origin == "00":
            if not PAWN <= code <= NUM_HAND_TYPES:
                raise RecordError(f"CSA: {found[0]!r} drops what is never in hand")
            move = Move(None, _square(to), drop=code)
        else:
            before = self.board[_square(origin)] % OTHER_SIDE
            move = Move(_square(origin), _square(to), promote=code == before + PROMOTED)
            if code != before and not move.promote:
                raise RecordError(f"CSA: {found[0]!r} moves a piece that does not stand there")
            self.board[_square(origin)] = EMPTY
        self.board[move.to_square] = code + colour
        self.moves.append(move)


def read_csa(text: str) -> tuple[GameRecord, tuple[str, str]]:
    """The first game of a text in CSA, and the names of Black and White.

    The moves are read but not judged.

    Raises:
        RecordError: The text is no CSA; the sentence names the line.
    """
    reader = _Reader()
    for line in text.splitlines():
        # Statements may share a line, but for names and comments.
        statements = [line] if line[:1] in ("N", "'", "$") else line.split(",")
        if not all(reader.take(statement.rstrip()) for statement in statements):
            break
    if reader.start is None:
        raise RecordError("CSA: there is no first position, such as the lines 'PI' and '+'")
    game = GameRecord(0, BLACK, reader.end, start=reader.start, moves=reader.moves)
    return game, (reader.names[BLACK], reader.names[WHITE])


def _square(text: str) -> int:
    if "0" in text:
        raise RecordError(f"CSA: {text!r} is no square")
    return NUM_RANKS * (int(text[0]) - 1) + int(text[1]) - 1


def _code(name: str) -> int:
    code = _CODES.get(name)
    if code is None:
        raise RecordError(f"CSA: {name!r} is no piece")
    return code
