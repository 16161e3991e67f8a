"""Games of visitors. Each request brings the whole game, so that the server keeps none."""

import re
from dataclasses import dataclass
from typing import Any, cast

from keisei.evaluation.kif import RecordError, move_names, to_kif
from keisei.evaluation.reading import MOST_MOVES, board_of, read_game
from keisei.evaluation.records import GameRecord, to_csa
from keisei.games.board import Board, Outcome
from keisei.players.opinion import USUAL_CAP, Opinion
from keisei.players.player import Forfeit
from keisei.shogi.constants import BLACK, KING, NUM_SQUARES, OTHER_SIDE, WHITE, Termination
from keisei.shogi.moves import InvalidUsiError, Move
from keisei.web.guard import RefusedError

_COLOURS = ("Black", "White")
_MOST_NAME = 60
_MOST_LINE = 12
_ENDS = {
    Termination.CHECKMATE: "Checkmate (詰み): {winner} wins",
    Termination.STALEMATE: "No legal move is left: {winner} wins",
    Termination.SENNICHITE: "Fourth occurrence of a position (千日手): a draw",
    Termination.PERPETUAL_CHECK: "Perpetual check (連続王手の千日手) loses: {winner} wins",
    Termination.DECLARATION: "Declaration (入玉宣言): {winner} wins",
    Termination.MAX_PLIES: "Cut off at the ply cap: nobody wins",
    Forfeit.RESIGNATION: "Resignation (投了): {winner} wins",
    Forfeit.OUT_OF_TIME: "Out of time (切れ負け): {winner} wins",
    Forfeit.ILLEGAL_MOVE: "Illegal move (反則): {winner} wins",
    Forfeit.ENGINE_FAILURE: "No answer: {winner} wins",
}
_STATED_ENDS = {
    "resignation": Forfeit.RESIGNATION,
    "declaration": Termination.DECLARATION,
    "out_of_time": Forfeit.OUT_OF_TIME,
    "illegal_move": Forfeit.ILLEGAL_MOVE,
}


@dataclass(frozen=True)
class Situation:
    """A game as a visitor has sent it, all of its moves legal."""

    record: GameRecord
    board: Board
    cap: int

    @property
    def is_over(self) -> bool:
        """Whether the game has ended."""
        return self.record.end is not Termination.NONE


def read_situation(asked: dict[str, Any]) -> Situation:
    """The game of a request: ``start``, ``moves``, ``cap``, and ``end`` if a player has ended it.

    Raises:
        RefusedError: It is none; the sentence says why.
    """
    start, moves, cap = asked.get("start"), asked.get("moves"), asked.get("cap", USUAL_CAP)
    if not isinstance(start, str) or len(start) > 200:
        raise RefusedError("start is a position in SFEN")
    if not isinstance(moves, list) or len(cast(list[Any], moves)) > MOST_MOVES:
        raise RefusedError(f"moves is a list of up to {MOST_MOVES} moves")
    if not isinstance(cap, int) or not 1 <= cap <= MOST_MOVES:
        raise RefusedError(f"cap is a number of plies from 1 to {MOST_MOVES}")
    texts = cast(list[Any], moves)
    try:
        parsed = [Move.from_usi(text if isinstance(text, str) else "") for text in texts]
        board = board_of(start, parsed)
    except (InvalidUsiError, RecordError) as error:
        raise RefusedError(str(error), 422) from None
    record = GameRecord(0, BLACK, start=start, moves=parsed)
    _end(record, board, cap, asked.get("end"))
    return Situation(record, board, cap)


def _end(record: GameRecord, board: Board, cap: int, stated: Any) -> None:
    """Find how a game has ended, by its rules or by the player to move."""
    outcome: Outcome | None = board.outcome(max_plies=cap)
    if outcome is not None:
        record.end, record.winner = outcome.termination, outcome.winner
        return
    if stated is None:
        return
    end = _STATED_ENDS.get(stated) if isinstance(stated, str) else None
    if end is None:
        raise RefusedError(f"end is one of {', '.join(_STATED_ENDS)}")
    if end is Termination.DECLARATION and not board.can_declare_win():
        raise RefusedError("the player to move may not declare a win here", 422)
    record.end = end
    record.winner = board.turn if end is Termination.DECLARATION else 1 - board.turn


def describe(situation: Situation, *, with_positions: bool = False) -> dict[str, Any]:
    """A game as the page shows it.

    Args:
        situation: The game.
        with_positions: Whether to tell the positions after each move, too.
    """
    record, board = situation.record, situation.board
    legal = [] if situation.is_over else [move.usi() for move in board.legal_moves]
    described = {
        "sfen": board.sfen(),
        "turn": board.turn,
        "last": None if board.last_move is None else board.last_move.usi(),
        "legal": legal,
        "check": _king(board) if board.is_check() else None,
        "declarable": not situation.is_over and board.can_declare_win(),
        "occurrence": board.repetition_count(),
        "names": move_names(record.start, record.moves),
        "end": _words(record),
    }
    if with_positions:
        described["positions"] = _positions(record)
    return described


def _words(record: GameRecord) -> dict[str, Any] | None:
    """How a game ended, in words; None while it goes on."""
    if record.end is Termination.NONE:
        return None
    winner = None if record.winner is None else _COLOURS[record.winner]
    words = _ENDS[record.end].format(winner=winner)
    return {"kind": record.end.name, "winner": record.winner, "words": words}


def _positions(record: GameRecord) -> list[str]:
    board = Board(record.start)
    sfens = [board.sfen()]
    for move in record.moves:
        board.push(move)
        sfens.append(board.sfen())
    return sfens


def _king(board: Board) -> int:
    """The square of the king of the player to move."""
    code = KING + (OTHER_SIDE if board.turn == WHITE else 0)
    return next(square for square in range(NUM_SQUARES) if board.piece_at(square) == code)


def texts_of(situation: Situation, names: tuple[str, str]) -> dict[str, str]:
    """A game in KIF, CSA and as a line of USI.

    Args:
        situation: The game.
        names: Of Black and White.
    """
    record = situation.record
    return {
        "kif": to_kif(record, *names),
        "csa": to_csa(record, *names),
        "usi": record.usi_position() + "\n",
    }


def player_names(asked: dict[str, Any]) -> tuple[str, str]:
    """The names of Black and White in a request, each in a line."""
    names = (asked.get("black"), asked.get("white"))
    first, second = (
        re.sub(r"[\s,]+", " ", name)[:_MOST_NAME].strip() if isinstance(name, str) else ""
        for name in names
    )
    return first, second


def open_text(asked: dict[str, Any]) -> dict[str, Any]:
    """The game of a text in KIF, CSA or USI.

    Raises:
        RefusedError: The text is none of these.
    """
    text = asked.get("text")
    if not isinstance(text, str):
        raise RefusedError("text is a game in USI, KIF or CSA")
    try:
        record, (black, white) = read_game(text)
    except RecordError as error:
        raise RefusedError(str(error), 422) from None
    return {
        "start": record.start,
        "moves": [move.usi() for move in record.moves],
        "black": black[:_MOST_NAME],
        "white": white[:_MOST_NAME],
        "end": _words(record),
    }


def describe_opinion(opinion: Opinion, start: str, moves: list[Move]) -> dict[str, Any]:
    """An opinion as the page shows it.

    Args:
        opinion: Of the position after the moves.
        start: The first position of the game.
        moves: All moves before the position.
    """
    candidates = [
        {
            "move": each.move.usi(),
            "name": names[0],
            "probability": each.probability,
            "visits": each.visits,
            "value": each.value,
            "line": names,
        }
        for each in opinion.candidates
        if (names := _line_names(start, moves, list(each.line)))
    ]
    return {"value": opinion.value, "candidates": candidates}


def _line_names(start: str, moves: list[Move], line: list[Move]) -> list[str]:
    return move_names(start, [*moves, *line[:_MOST_LINE]])[len(moves) :]
