"""Pictures in SVG: valid, self-contained, and every piece where it belongs."""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from keisei.shogi import Board, Move, board_svg
from keisei.shogi.constants import NUM_SQUARES, OTHER_SIDE
from tests.conformance import records

NAMESPACE = "{http://www.w3.org/2000/svg}"
SENTE_KANJI = dict(enumerate("歩香桂銀角飛金玉と杏圭全馬龍", start=1))
POSITIONS: list[str] = [r["sfen"] for r in records("legal_moves")[::97]]
PLACE = re.compile(r"translate\((\d+) (\d+)\)( rotate\(180\))?")


class Use(NamedTuple):
    """What stands in a picture: name of the figure, centre, whether turned."""

    name: str
    x: int
    y: int
    turned: bool

    @property
    def is_piece(self) -> bool:
        return self.name.startswith("piece-")

    @property
    def is_on_board(self) -> bool:
        return 250 < self.x < 1150


def uses_of(picture: str) -> list[Use]:
    found: list[Use] = []
    for element in ET.fromstring(picture).iter(NAMESPACE + "use"):
        place = PLACE.fullmatch(element.attrib["transform"])
        assert place is not None
        name = element.attrib["href"].removeprefix("#keisei-")
        found.append(Use(name, int(place[1]), int(place[2]), place[3] is not None))
    return found


def names_of(picture: str) -> list[str]:
    return [use.name for use in uses_of(picture)]


@pytest.mark.parametrize("sfen", POSITIONS[:5])
def test_a_picture_holds_all_that_it_shows(sfen: str) -> None:
    root = ET.fromstring(board_svg(Board(sfen)))
    assert root.tag == NAMESPACE + "svg"
    tags = Counter(element.tag.removeprefix(NAMESPACE) for element in root.iter())
    assert set(tags) == {"svg", "title", "defs", "g", "path", "use"}
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    used = {element.attrib["href"] for element in root.iter(NAMESPACE + "use")}
    assert used == {"#" + each for each in ids}
    assert root.findtext(NAMESPACE + "title") == sfen


@pytest.mark.parametrize("sfen", POSITIONS)
def test_each_square_shows_its_piece(sfen: str) -> None:
    board = Board(sfen)
    expected: set[Use] = set()
    for square in range(NUM_SQUARES):
        code = board.piece_at(square)
        if code:
            kanji = SENTE_KANJI[code % OTHER_SIDE]
            turned = code > OTHER_SIDE
            file, rank = square // 9 + 1, square % 9 + 1
            name = "王" if turned and kanji == "玉" else kanji
            expected.add(Use(f"piece-{name}", 1200 - 100 * file, 25 + 100 * rank, turned))
    shown = [use for use in uses_of(board_svg(board)) if use.is_piece and use.is_on_board]
    assert len(shown) == len(expected)
    assert set(shown) == expected


def test_the_start_position() -> None:
    uses = uses_of(board_svg(Board()))
    pieces = [use for use in uses if use.is_piece]
    assert len(pieces) == 40
    assert sum(use.turned for use in pieces) == 20
    assert Use("piece-角", 400, 825, False) in pieces  # 8h
    assert Use("piece-飛", 400, 225, True) in pieces  # 8b
    assert Use("piece-玉", 700, 925, False) in pieces  # 5i
    assert Use("piece-王", 700, 125, True) in pieces  # 5a


def test_coordinates_stand_above_and_to_the_right() -> None:
    labels = {use.name[6]: (use.x, use.y) for use in uses_of(board_svg(Board()))[1:19]}
    assert labels["9"] == (300, 43)
    assert labels["1"] == (1100, 43)
    assert labels["一"] == (1176, 125)
    assert labels["九"] == (1176, 925)


def test_hands_lie_on_the_owners_side_with_their_numbers() -> None:
    uses = uses_of(board_svg(Board("4k4/9/9/9/9/9/9/9/4K4 b RG12Pb2p 1")))
    hands = [use for use in uses if use.is_piece and not use.is_on_board]
    assert [(use.name, use.turned) for use in hands] == [
        ("piece-飛", False), ("piece-金", False), ("piece-歩", False),
        ("piece-角", True), ("piece-歩", True),
    ]  # fmt: skip
    rook, gold, pawn, bishop, white_pawn = hands
    assert rook.x == gold.x == pawn.x > 1150
    assert bishop.x == white_pawn.x < 250
    assert rook.y < gold.y < pawn.y
    assert bishop.y > white_pawn.y
    # Half a turn about the middle of the board (700, 525) carries one stand to the other.
    assert (bishop.x, bishop.y) == (1400 - rook.x, 1050 - rook.y)
    digits = [use for use in uses if re.match(r"glyph-\d-12", use.name)]
    assert [(use.name[6], use.y) for use in digits] == [
        ("1", pawn.y), ("2", pawn.y), ("2", white_pawn.y),
    ]  # fmt: skip
    assert pawn.x < digits[0].x < digits[1].x
    assert not any(use.turned for use in digits)


def test_a_plate_marks_the_player_to_move() -> None:
    board = Board()
    for side in (1, -1, 1):
        (plate,) = [use for use in uses_of(board_svg(board)) if use.name == "to-move"]
        assert (plate.x - 700) * side > 450
        board.push(board.legal_moves[0])


def test_the_squares_of_the_last_move_are_coloured() -> None:
    board = Board()
    board.push_usi("7g7f")
    assert not any("square" in name for name in names_of(board_svg(board)))
    uses = uses_of(board_svg(board, Move.from_usi("7g7f")))
    coloured = [use for use in uses if "square" in use.name]
    assert coloured == [
        Use("left-square", 500, 725, False),
        Use("reached-square", 500, 625, False),
    ]
    assert uses.index(coloured[1]) < uses.index(Use("piece-歩", 500, 625, False))
    dropped = names_of(board_svg(board, Move.from_usi("P*5e")))
    assert [name for name in dropped if "square" in name] == ["reached-square"]


def test_promoted_pieces_are_red() -> None:
    picture = board_svg(Board("4k4/9/9/9/9/9/9/9/+P3K4 b - 1"))
    figures = {element.attrib.get("id"): element for element in ET.fromstring(picture).iter()}
    colours = {
        kanji: figures[f"keisei-piece-{kanji}"][-1].attrib["fill"] for kanji in ("と", "玉", "王")
    }
    assert colours["玉"] == colours["王"] == "#1c1611"
    assert colours["と"] == "#b5201a"


def test_a_notebook_shows_the_board_with_its_last_move() -> None:
    board = Board()
    show: Callable[[], str] = getattr(board, "_repr_svg_")  # noqa: B009 (IPython's name)
    assert show() == board_svg(board)
    board.push_usi("7g7f")
    assert board.last_move == Move.from_usi("7g7f")
    assert show() == board_svg(board, board.last_move)
    board.pop()
    assert board.last_move is None


def test_the_width_is_free() -> None:
    root = ET.fromstring(board_svg(Board(), width=280))
    assert (root.attrib["width"], root.attrib["height"]) == ("280", "200")
    assert root.attrib["viewBox"] == "0 0 1400 1000"
