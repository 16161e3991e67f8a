"""Records of games: kept while they are played, written as USI lines and as CSA.

CSA is the standard game record format of the Computer Shogi Association, here in version 2.2
(http://www2.computer-shogi.org/protocol/record_v22.html).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from keisei.players.player import Forfeit
from keisei.players.positions import Game
from keisei.shogi.constants import (
    BLACK,
    EMPTY,
    NUM_FILES,
    NUM_RANKS,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    START_SFEN,
    WHITE,
    Termination,
)
from keisei.shogi.moves import Move
from keisei.shogi.notation import Placement, parse_sfen


@dataclass(slots=True)
class GameRecord(Game):
    """One game of a match; games 2p and 2p + 1 share opening p."""

    colour_of_a: int
    """BLACK or WHITE."""
    end: Termination | Forfeit = Termination.NONE
    """How it ended; NONE while it goes on."""
    winner: int | None = None
    """BLACK, WHITE, or None for a draw (which the ply cap is too)."""
    mate_chances: list[int] = field(default_factory=list[int])
    """After how many plies a player was asked for a move and had a mate in one."""

    def colour_at(self, ply: int) -> int:
        """Who moves after so many plies, BLACK or WHITE."""
        return (parse_sfen(self.start).to_move + ply) % 2

    @property
    def points_of_a(self) -> float:
        """1 if player A won, 0 if it lost, 0.5 otherwise."""
        if self.winner is None:
            return 0.5
        return float(self.winner == self.colour_of_a)


CSA_PIECES = (
    "",
    "FU",
    "KY",
    "KE",
    "GI",
    "KA",
    "HI",
    "KI",
    "OU",
    "TO",
    "NY",
    "NK",
    "NG",
    "UM",
    "RY",
)
_CSA_SIGNS = "+-"
_CSA_ENDS: dict[Termination | Forfeit, str] = {
    # Only of a resignation do readers know that the player to move has lost.
    Termination.CHECKMATE: "%TORYO",
    Termination.STALEMATE: "%TORYO",
    Termination.SENNICHITE: "%SENNICHITE",
    Termination.DECLARATION: "%KACHI",
    Termination.MAX_PLIES: "%CHUDAN",
    Termination.NONE: "%CHUDAN",
    Forfeit.RESIGNATION: "%TORYO",
    Forfeit.ILLEGAL_MOVE: "%ILLEGAL_MOVE",
    Forfeit.ENGINE_FAILURE: "%TIME_UP",
    Forfeit.OUT_OF_TIME: "%TIME_UP",
}


def to_usi_lines(games: Iterable[GameRecord]) -> str:
    """The games as text, a line ``position startpos moves ...`` or ``position sfen ...`` each."""
    return "".join(game.usi_position() + "\n" for game in games)


def to_csa(game: GameRecord, name_a: str, name_b: str) -> str:
    """A game in CSA 2.2.

    The loser by no legal move resigns there, an engine that failed oversteps its time, and the ply
    cap is an interruption; a comment holds the end in Keisei's words.

    Args:
        game: The game.
        name_a: Name of player A, in one line.
        name_b: Name of its opponent.
    """
    black, white = (name_a, name_b) if game.colour_of_a == BLACK else (name_b, name_a)
    start = parse_sfen(game.start)
    board: list[int] = start.board.tolist()
    lines = ["V2.2", f"N+{black}", f"N-{white}", f"'{game.end.name.lower()}"]
    lines += ["PI"] if game.start == START_SFEN else _csa_start(start)
    lines.append(_CSA_SIGNS[start.to_move])
    for ply, move in enumerate(game.moves):
        lines.append(_csa_move(board, move, (start.to_move + ply) % 2))
    if game.end is Termination.PERPETUAL_CHECK:
        lines.append(f"%{_CSA_SIGNS[1 - (game.winner or BLACK)]}ILLEGAL_ACTION")
    else:
        lines.append(_CSA_ENDS[game.end])
    return "\n".join(lines) + "\n"


def _csa_start(start: Placement) -> list[str]:
    """The lines of a position: nine ranks, and the hands that are not empty."""
    lines = [
        f"P{rank + 1}" + "".join(_csa_piece(code) for code in start.board[rank::NUM_RANKS][::-1])
        for rank in range(NUM_RANKS)
    ]
    for sign, hand in zip(_CSA_SIGNS, start.hands.tolist(), strict=True):
        held = "".join(
            count * f"00{CSA_PIECES[piece]}" for piece, count in enumerate(hand, start=PAWN)
        )
        lines += [f"P{sign}{held}"] if held else []
    return lines


def _csa_piece(code: int) -> str:
    """An absolute piece code as part of a rank."""
    if code == EMPTY:
        return " * "
    return _CSA_SIGNS[int(code > OTHER_SIDE)] + CSA_PIECES[code % OTHER_SIDE]


def _csa_move(board: list[int], move: Move, colour: int) -> str:
    """The text of a move, which is then played on the board of absolute piece codes."""
    if move.drop is not None:
        piece, origin = move.drop, "00"
    else:
        assert move.from_square is not None
        piece = board[move.from_square] % OTHER_SIDE + (PROMOTED if move.promote else 0)
        board[move.from_square] = EMPTY
        origin = _csa_square(move.from_square)
    board[move.to_square] = piece + (OTHER_SIDE if colour == WHITE else 0)
    return f"{_CSA_SIGNS[colour]}{origin}{_csa_square(move.to_square)}{CSA_PIECES[piece]}"


def _csa_square(square: int) -> str:
    return f"{square // NUM_FILES + 1}{square % NUM_FILES + 1}"
