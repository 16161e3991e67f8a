"""A game as a player sees it: the value after each move, and the moves that lost most."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keisei.evaluation.kif import move_names
from keisei.evaluation.records import GameRecord
from keisei.games.board import Board
from keisei.players.opinion import USUAL_CAP, Adviser, Opinion, positions_along
from keisei.shogi.constants import BLACK, Termination
from keisei.shogi.moves import Move

MISTAKE, BLUNDER = 0.3, 0.6
"""How much of the value, from -1 to 1, a move has lost that is marked with ? and with ??."""
_AT_ONCE = 32
_MOST_WORST = 3
_LEFT, _TOP, _WIDTH, _HEIGHT = 50, 20, 720, 240


@dataclass(frozen=True, slots=True)
class JudgedMove:
    """A move of a game and what a player thinks of it.

    Attributes:
        ply: Its number, from 1.
        name: In the notation that was asked for.
        probability: With which the policy alone would have played it.
        best: What the player would have chosen, in the same notation.
        is_best: Whether that is the move.
        value: After the move, in [-1, 1], to Black.
        loss: How much less the position is worth to the mover than the player had thought before.
    """

    ply: int
    name: str
    probability: float
    best: str
    is_best: bool
    value: float
    loss: float

    @property
    def mark(self) -> str:
        """``??``, ``?`` or nothing."""
        return "??" if self.loss >= BLUNDER else "?" if self.loss >= MISTAKE else ""


NameMoves = Callable[[str, Sequence[Move]], list[str]]
"""Names moves, given the position before the first of them in SFEN."""


def usi_names(start: str, moves: Sequence[Move]) -> list[str]:
    """Moves in USI, such as ``7g7f``.

    Args:
        start: The position before the first of them, which such names do not depend on.
        moves: The moves.
    """
    del start
    return [move.usi() for move in moves]


def analyse(
    game: GameRecord, adviser: Adviser, name_moves: NameMoves = move_names
) -> list[JudgedMove]:
    """Judge each move of a game.

    Args:
        game: Its moves are legal; its end counts as what it was worth.
        adviser: Who judges.
        name_moves: Gives moves their names: ``move_names``, as players write them, or
            ``usi_names``.
    """
    moves = game.moves
    board = Board(game.start)
    for move in moves:
        board.push(move)
    is_over = board.outcome(declaration=game.end is Termination.DECLARATION) is not None
    first = Board(game.start).turn
    plies = range(len(moves) + (not is_over))
    opinions = _opinions(game, adviser, list(plies))
    values = [
        opinion.value if (first + ply) % 2 == BLACK else -opinion.value
        for ply, opinion in zip(plies, opinions, strict=True)
    ]
    if is_over:
        values.append(0.0 if game.winner is None else 1.0 if game.winner == BLACK else -1.0)
    names = name_moves(game.start, moves)
    judged: list[JudgedMove] = []
    for ply, (move, opinion) in enumerate(zip(moves, opinions, strict=False)):
        sign = 1 if (first + ply) % 2 == BLACK else -1
        chosen = opinion.candidates[0].move
        judged.append(
            JudgedMove(
                ply + 1,
                names[ply],
                opinion.probabilities[move],
                name_moves(game.start, [*moves[:ply], chosen])[ply],
                chosen == move,
                values[ply + 1],
                0.0 if chosen == move else max(0.0, sign * (values[ply] - values[ply + 1])),
            )
        )
    return judged


def _opinions(game: GameRecord, adviser: Adviser, plies: Sequence[int]) -> list[Opinion]:
    opinions: list[Opinion] = []
    for begin in range(0, len(plies), _AT_ONCE):
        positions = positions_along(
            game.start, game.moves, plies[begin : begin + _AT_ONCE], USUAL_CAP
        )
        opinions += adviser.judge(positions, count=1)
    return opinions


def analysis_table(judged: Sequence[JudgedMove]) -> str:
    """The moves as lines of text."""
    lines = ["   #  value  chosen  move"]
    for each in judged:
        better = "" if each.is_best else f"  {each.best}"
        lines.append(
            f"{each.ply:4}  {each.value:+.2f}  {each.probability:6.1%}  "
            f"{each.name}{each.mark and ' ' + each.mark}{better}"
        )
    return "\n".join(lines)


def worst_moves(judged: Sequence[JudgedMove]) -> str:
    """The marked moves that lost most, at most three, as lines of text, or that there is none."""
    marked = sorted((each for each in judged if each.mark), key=lambda each: -each.loss)
    if not marked:
        return f"No move lost {MISTAKE} of the value."
    lines = [
        f"{each.ply:4}  {each.name} {each.mark}  lost {each.loss:.2f}, better {each.best}"
        for each in marked[:_MOST_WORST]
    ]
    return "\n".join(["Lost most:", *lines])


def analysis_svg(judged: Sequence[JudgedMove]) -> str:
    """The value after each move as a picture, marked moves with dots."""
    count = max(1, len(judged))

    def x(ply: int) -> float:
        return _LEFT + _WIDTH * ply / count

    def y(value: float) -> float:
        return _TOP + _HEIGHT * (1 - value) / 2

    bottom = _TOP + _HEIGHT
    step = max(1, 10 ** math.floor(math.log10(count)) // (1 if count >= 50 else 2))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 20} {bottom + 40}"'
        f' width="{_LEFT + _WIDTH + 20}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for value, words in ((1, "Black"), (0, "even"), (-1, "White")):
        parts.append(
            f'<path d="M{_LEFT} {y(value)}h{_WIDTH}" stroke="#ccc"/>'
            f'<text x="{_LEFT - 6}" y="{y(value) + 4}" text-anchor="end">{words}</text>'
        )
    parts += [
        f'<text x="{x(ply):.1f}" y="{bottom + 18}" text-anchor="middle">{ply}</text>'
        for ply in range(0, count + 1, step)
    ]
    points = " ".join(f"{x(each.ply):.1f},{y(each.value):.1f}" for each in judged)
    parts.append(f'<polyline points="{points}" fill="none" stroke="#0072b2" stroke-width="2"/>')
    parts += [
        f'<circle cx="{x(each.ply):.1f}" cy="{y(each.value):.1f}" r="5" fill="#d55e00">'
        f"<title>{each.ply} {each.name} {each.mark}</title></circle>"
        for each in judged
        if each.mark
    ]
    return "\n".join([*parts, "</svg>", ""])
