"""A board as text."""

from hypothesis import given

from keisei.pictures.text import format_board
from keisei.shogi.moves import Move
from keisei.shogi.notation import Placement, parse_sfen
from tests.placements import placements

PICTURE_COLUMNS = 24
PICTURE_LINES = 14


def test_the_picture_of_a_position() -> None:
    placement = parse_sfen("4k4/9/9/9/4+P4/9/9/9/4K2s1 w 2RB2g 12")
    assert format_board(placement, Move.from_usi("5f5e+")).splitlines() == [
        "White 2g",
        " 9 8 7 6 5 4 3 2 1",
        " . . . . k . . . . a",
        " . . . . . . . . . b",
        " . . . . . . . . . c",
        " . . . . . . . . . d",
        " . . . .+P . . . . e",
        " . . . . . . . . . f",
        " . . . . . . . . . g",
        " . . . . . . . . . h",
        " . . . . K . . s . i",
        "Black 2RB",
        "White to move, 12",
        "last move 5f5e+",
    ]


@given(placements())
def test_every_picture_fits_its_frame(placement: Placement) -> None:
    lines = format_board(placement, Move(60, 59, promote=True)).splitlines()
    assert len(lines) == PICTURE_LINES
    assert max(len(line) for line in lines) <= PICTURE_COLUMNS
