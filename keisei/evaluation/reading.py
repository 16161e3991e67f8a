"""Games from texts in any of the forms that people have them in: USI, KIF and CSA."""

import re

from keisei.evaluation.csa import read_csa
from keisei.evaluation.kif import RecordError, read_kif
from keisei.evaluation.records import GameRecord
from keisei.games.board import Board
from keisei.players.player import Forfeit
from keisei.shogi.constants import BLACK, START_SFEN, Termination
from keisei.shogi.moves import IllegalMoveError, InvalidUsiError, Move
from keisei.shogi.notation import InvalidSfenError

MOST_MOVES = 2_000
MOST_CHARACTERS = 200_000
_LAST_OCCURRENCE = 4
_CSA = re.compile(r"^(V[23]|PI|P1|[+-][0-9]{4}[A-Z]{2})", re.MULTILINE)
_KIF = re.compile(r"^[ 　]*(手合割|手数|[0-9]+[ 　]+[１-９1-9同])", re.MULTILINE)
_USI_MOVE = re.compile(r"([1-9][a-i]){2}\+?|[PLNSBRG]\*[1-9][a-i]")


def game_texts(text: str) -> list[str]:
    """The texts of the games of a file, each for ``read_game``; of an empty one the empty text.

    USI has a game a line, where ``#`` begins a comment, CSA a line ``/`` between two games, and KIF
    one game.

    Args:
        text: A file in any of the three.
    """
    if _KIF.search(text):
        return [text]
    if _CSA.search(text):
        games = re.split(r"^/[ \t\r]*$", text, flags=re.MULTILINE)
    else:
        games = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [game for game in games if game.strip()] or [""]


def read_game(text: str) -> tuple[GameRecord, tuple[str, str]]:
    """The game of a text, with what ended it, and the names of Black and White.

    What the record says of the end is kept; else the end that the rules make is looked for.

    Args:
        text: ``position startpos moves 7g7f ...`` or the moves alone, a position in SFEN, KIF, or
            CSA.

    Raises:
        RecordError: It is none of these, or a move is against the rules; one sentence.
    """
    if len(text) > MOST_CHARACTERS:
        raise RecordError(f"the text has {len(text)} characters; {MOST_CHARACTERS} are the most")
    text = text.lstrip("\ufeff").strip()
    if not text:
        raise RecordError("the text is empty; give a game in USI, KIF or CSA")
    if _KIF.search(text):
        game, names = read_kif(text)
    elif _CSA.search(text):
        game, names = read_csa(text)
    else:
        game, names = read_usi(text.splitlines()[0]), ("", "")
    if len(game.moves) > MOST_MOVES:
        raise RecordError(f"the game has {len(game.moves)} moves; {MOST_MOVES} are the most")
    _judge(game)
    return game, names


def board_of(start: str, moves: list[Move]) -> Board:
    """The board after moves.

    Raises:
        RecordError: The position cannot be, or a move is against the rules.
    """
    try:
        board = Board(start)
    except InvalidSfenError as error:
        raise RecordError(str(error)) from None
    for move in moves:
        if board.repetition_count() >= _LAST_OCCURRENCE:
            raise RecordError(
                f"move {board.ply + 1}: the game is over, its position stands for the fourth time"
            )
        try:
            board.push(move)
        except IllegalMoveError as error:
            raise RecordError(f"move {board.ply + 1}: {error}") from None
    return board


def _judge(game: GameRecord) -> None:
    """Play the moves, and find how the game ended and who won it."""
    board = board_of(game.start, game.moves)
    outcome = board.outcome(declaration=game.end is Termination.DECLARATION)
    if outcome is not None:
        game.end, game.winner = outcome.termination, outcome.winner
    elif isinstance(game.end, Forfeit):
        game.winner = 1 - board.turn
    elif game.end is not Termination.MAX_PLIES:
        game.end = Termination.NONE


def read_usi(line: str) -> GameRecord:
    """The game of a line in USI, the word ``position`` left out or not; moves are not judged.

    Raises:
        RecordError: It is no position with moves.
    """
    words = line.split()
    words = words[1:] if words[0] == "position" else words
    place = words.index("moves") if "moves" in words else None
    head, tail = (words, []) if place is None else (words[:place], words[place + 1 :])
    if place is None and _USI_MOVE.fullmatch(words[0] if words else ""):
        head, tail = ["startpos"], words
    head = head[1:] if head[:1] == ["sfen"] else head
    start = START_SFEN if head == ["startpos"] else " ".join(head)
    try:
        start = Board(start).sfen()
        moves = [Move.from_usi(word) for word in tail]
    except InvalidSfenError as error:
        raise RecordError(f"this is neither KIF nor CSA, and as USI: {error}") from None
    except InvalidUsiError as error:
        raise RecordError(str(error)) from None
    return GameRecord(0, BLACK, start=start, moves=moves)
