"""What a picture of a position shows: coloured outlines, and where they stand.

A picture is a list of marks; a mark places a figure, such as one kind of piece, which is a pile of
filled outlines. Lengths are whole numbers, 100 to a square of the board, with y down the page.
"""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    EMPTY,
    GOLD,
    KING,
    KNIGHT,
    LANCE,
    NUM_FILES,
    NUM_RANKS,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    ROOK,
    SILVER,
    WHITE,
)
from keisei.shogi.moves import Move
from keisei.shogi.notation import Placement

WIDTH = 1400
HEIGHT = 1000
SQUARE = 100
"""Side of a square of the board."""

Point = tuple[int, int]
Box = tuple[int, int, int, int]
"""Left, top, width, height."""

_BOARD: Box = (250, 75, 900, 900)
_STAND: Box = (1200, 225, 175, 750)
"""Where Black's pieces in hand lie; White's is the same, turned about the board's centre."""
_FIRST_PIECE_DOWN, _PIECE_DOWN = 135, 93
"""Of the pieces on a stand: the first below its top, and each below the one before."""

_PAPER = "#faf6ec"
_WOOD = "#eec078"
_STAND_WOOD = "#dfa95c"
_LINE = "#4a3418"
_FACE = "#fce9bd"
_EDGE = "#6b4a1c"
_INK = "#1c1611"
_RED = "#b5201a"
_LEFT_SQUARE = "#f8dca4"
_REACHED_SQUARE = "#f08c3e"

_KANJI = " 歩香桂銀角飛金玉と杏圭全馬龍"
_WHITE_KING = "王"
"""The king of the stronger player, who by custom has White."""
_RANKS = "一二三四五六七八九"
_PLAYERS = ("先手", "後手")
_HAND_ORDER = (ROOK, BISHOP, GOLD, SILVER, KNIGHT, LANCE, PAWN)
_SIZES = {PAWN: 84, LANCE: 88, KNIGHT: 90, SILVER: 94, GOLD: 94, BISHOP: 97, ROOK: 97, KING: 100}
"""Size of each piece in percent, as the pieces of a set differ."""
_FIVE_SIDES = ((0, -47), (31, -37), (41, 46), (-41, 46), (-31, -37))
_DOT = ((9, 0), (6, 6), (0, 9), (-6, 6), (-9, 0), (-6, -6), (0, -9), (6, -6))


@dataclass(frozen=True, slots=True)
class Outline:
    """A filled form.

    Attributes:
        path: SVG path data of closed contours, in the commands M, l, q and z alone; what they wind
            about is filled.
        colour: "#rrggbb".
        scale: Factor of the lengths in the path.
        down: How far below the figure's origin that of the path stands.
    """

    path: str
    colour: str
    scale: float = 1.0
    down: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """Outlines that go together, the lowest first; the same name means the same outlines."""

    name: str
    outlines: tuple[Outline, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure with its origin at a place, turned by half a turn about it if so said."""

    figure: Figure
    at: Point
    turned: bool = False


def draw(placement: Placement, last_move: Move | None = None) -> Iterator[Mark]:
    """The marks of a position, the lowest first; the first of all is the same for all positions.

    Args:
        placement: The position.
        last_move: Its squares are coloured, the one reached more strongly; None for no move.
    """
    yield Mark(_ground(), (0, 0))
    yield from _coordinates()
    if last_move is not None:
        if last_move.from_square is not None:
            yield Mark(_coloured_square("left", _LEFT_SQUARE), centre(last_move.from_square))
        yield Mark(_coloured_square("reached", _REACHED_SQUARE), centre(last_move.to_square))
    for square, code in enumerate(placement.board.tolist()):
        if code != EMPTY:
            yield _piece_mark(code, centre(square))
    for colour in (BLACK, WHITE):
        yield from _player(colour, to_move=placement.to_move == colour)
        yield from _hand(placement.hands[colour].tolist(), colour)


def centre(square: int) -> Point:
    """Where the centre of a square stands."""
    left, top, width, _ = _BOARD
    file, rank = divmod(square, NUM_RANKS)
    return left + width - SQUARE * file - SQUARE // 2, top + SQUARE * rank + SQUARE // 2


def _coordinates() -> Iterator[Mark]:
    """The files above the board, the ranks to its right."""
    left, top, width, _ = _BOARD
    for index in range(NUM_FILES):
        x, y = centre(NUM_RANKS * index + index)
        yield Mark(_glyph(str(index + 1), 8), (x, top - 32))
        yield Mark(_glyph(_RANKS[index], 7), (left + width + 26, y))


def _piece_mark(code: int, at: Point) -> Mark:
    """A piece by its absolute code."""
    piece = code % OTHER_SIDE
    kanji = _WHITE_KING if code == KING + OTHER_SIDE else _KANJI[piece]
    return Mark(_piece(piece, kanji), at, turned=code > OTHER_SIDE)


def _hand(counts: list[int], colour: int) -> Iterator[Mark]:
    """A piece of each kind on a player's stand, with their number beside it if there are more."""
    left, top, _, _ = _STAND
    held = [piece for piece in _HAND_ORDER if counts[piece - PAWN]]
    for row, piece in enumerate(held):
        down = top + _FIRST_PIECE_DOWN + _PIECE_DOWN * row
        yield _piece_mark(piece + OTHER_SIDE * colour, _seen((left + 58, down), colour))
        if counts[piece - PAWN] > 1:
            yield from _text(str(counts[piece - PAWN]), _seen((left + 132, down), colour), 12, 27)


def _player(colour: int, *, to_move: bool) -> Iterator[Mark]:
    """A player's name at the head of the stand, on a red plate if it is their move."""
    left, top, width, _ = _STAND
    x, y = _seen((left + width // 2, top + 42), colour)
    if to_move:
        plate = _rectangle((-width // 2, -42, width, 84))
        yield Mark(Figure("to-move", (Outline(plate, _RED),)), (x, y))
    yield Mark(_badge(colour), (x - 54, y))
    yield from _text(_PLAYERS[colour], (x + 22, y), 10, 52, _FACE if to_move else _INK)


def _seen(at: Point, colour: int) -> Point:
    """A place on Black's side, or the one that White sees so."""
    left, top, width, height = _BOARD
    return at if colour == BLACK else (2 * left + width - at[0], 2 * top + height - at[1])


def _text(text: str, at: Point, percent: int, advance: int, colour: str = _INK) -> Iterator[Mark]:
    """A line of glyphs about a place."""
    for index, glyph in enumerate(text):
        x = at[0] + advance * (2 * index - len(text) + 1) // 2
        yield Mark(_glyph(glyph, percent, colour), (x, at[1]))


@functools.cache
def _piece(piece: int, kanji: str) -> Figure:
    """A piece upright: five sides and its kanji, red when promoted."""
    promoted = piece > KING
    size = _SIZES[piece - PROMOTED if promoted else piece] / 100
    sides = _polygon(_FIVE_SIDES)
    return Figure(
        f"piece-{kanji}",
        (
            Outline(sides, _EDGE, size),
            Outline(sides, _FACE, 0.935 * size, -1),
            Outline(_glyph_paths()[kanji], _RED if promoted else _INK, 0.132 * size, 6),
        ),
    )


@functools.cache
def _badge(colour: int) -> Figure:
    """The sign of a player: a small piece, dark for Black and light for White."""
    edge, fill = (_FACE, _INK) if colour == BLACK else (_INK, _FACE)
    sides = _polygon(_FIVE_SIDES)
    return Figure(f"badge-{colour}", (Outline(sides, edge, 0.52), Outline(sides, fill, 0.44)))


@functools.cache
def _glyph(glyph: str, percent: int, colour: str = _INK) -> Figure:
    outline = Outline(_glyph_paths()[glyph], colour, percent / 100)
    return Figure(f"glyph-{glyph}-{percent}-{colour[1:]}", (outline,))


@functools.cache
def _glyph_paths() -> dict[str, str]:
    """Path data of each glyph about its centre, 500 to the em."""
    source = resources.files("keisei.pictures") / "glyphs.json"
    return json.loads(source.read_text(encoding="utf-8"))["glyphs"]


@functools.cache
def _ground() -> Figure:
    """Paper, stands and the empty board."""
    left, top, width, height = _STAND
    x, y = _seen((left + width, top + height), WHITE)
    stands = _rectangle(_STAND) + _rectangle((x, y, width, height))
    return Figure(
        "ground",
        (
            Outline(_rectangle((0, 0, WIDTH, HEIGHT)), _PAPER),
            Outline(stands, _STAND_WOOD),
            Outline(_rectangle(_BOARD), _WOOD),
            Outline(_lines(), _LINE),
        ),
    )


def _lines() -> str:
    """Path data of the lines and the four dots of the board."""
    left, top, width, height = _BOARD
    path = ""
    for line in range(NUM_FILES + 1):
        half = 3 if line in (0, NUM_FILES) else 1
        path += _rectangle((left + SQUARE * line - half, top - 3, 2 * half, height + 6))
        path += _rectangle((left - 3, top + SQUARE * line - half, width + 6, 2 * half))
    for across in (3, 6):
        for down in (3, 6):
            path += _polygon(_DOT, (left + SQUARE * across, top + SQUARE * down))
    return path


@functools.cache
def _coloured_square(name: str, colour: str) -> Figure:
    """The colour of a square, within its lines."""
    return Figure(f"{name}-square", (Outline(_rectangle((-47, -47, 94, 94)), colour),))


def _rectangle(box: Box) -> str:
    left, top, width, height = box
    return _polygon(((0, 0), (width, 0), (width, height), (0, height)), (left, top))


def _polygon(corners: tuple[Point, ...], origin: Point = (0, 0)) -> str:
    """Path data of a polygon."""
    x, y = corners[0]
    path = f"M{origin[0] + x} {origin[1] + y}l"
    steps: list[str] = []
    for corner in corners[1:]:
        steps.append(f"{corner[0] - x} {corner[1] - y}")
        x, y = corner
    return path + " ".join(steps) + "z"
