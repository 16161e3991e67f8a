import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keisei.shogi.constants import GOLD, KING, PAWN, ROOK
from keisei.shogi.moves import SQUARE_NAMES, InvalidUsiError, Move

squares = st.integers(0, 80)
moves = st.one_of(
    st.builds(Move, squares, squares, st.booleans()),
    st.builds(Move, st.none(), squares, st.just(False), st.integers(PAWN, GOLD)),
)


def test_squares_are_numbered_down_the_files_from_1a() -> None:
    assert [SQUARE_NAMES.index(name) for name in ("1a", "1b", "1i", "2a", "5e", "9i")] == [
        0, 1, 8, 9, 40, 80,
    ]  # fmt: skip
    assert len(set(SQUARE_NAMES)) == 81


@pytest.mark.parametrize(
    ("text", "move"),
    [
        ("7g7f", Move(60, 59)),
        ("8h2b+", Move(70, 10, promote=True)),
        ("P*5e", Move(None, 40, drop=PAWN)),
        ("R*1a", Move(None, 0, drop=ROOK)),
        ("G*9i", Move(None, 80, drop=GOLD)),
    ],
)
def test_usi_in_both_directions(text: str, move: Move) -> None:
    assert Move.from_usi(text) == move
    assert move.usi() == text
    assert str(move) == text


@given(moves)
def test_usi_round_trip(move: Move) -> None:
    assert Move.from_usi(move.usi()) == move


def test_every_drop_letter() -> None:
    texts = [f"{letter}*5e" for letter in "PLNSBRG"]
    assert [Move.from_usi(text).drop for text in texts] == list(range(PAWN, KING))


@pytest.mark.parametrize(
    ("text", "bad_part"),
    [
        ("", "''"),
        ("7g", "2 characters"),
        ("7g7f++", "6 characters"),
        (9 * 10**6 * "7", "7...' has 9000000 characters"),
        ("resign", "'resign'"),
        ("0g7f", "'0g'"),
        ("7g7j", "'7j'"),
        ("7G7f", "'7G'"),
        ("g77f", "'g7'"),
        ("7g7f=", "'='"),
        ("K*5e", "'K'"),
        ("p*5e", "'p'"),
        ("+*5e", "'+'"),
        ("P*5e+", "'+'"),
        ("P*55", "'55'"),
        ("P* 5", "' 5'"),
        ("７g7f", "'７g'"),
        ("7g7f\n", "'\\n'"),
    ],
)
def test_malformed_usi_is_refused_by_its_bad_part(text: str, bad_part: str) -> None:
    with pytest.raises(InvalidUsiError) as caught:
        Move.from_usi(text)
    assert bad_part in str(caught.value)


@given(st.text(max_size=7))
def test_any_text_is_a_move_or_refused(text: str) -> None:
    try:
        move = Move.from_usi(text)
    except InvalidUsiError:
        return
    assert move.usi() == text


@pytest.mark.parametrize(
    ("arguments", "bad_part"),
    [
        ({"from_square": 81, "to_square": 0}, "81"),
        ({"from_square": 0, "to_square": -1}, "-1"),
        ({"from_square": None, "to_square": 0}, "either"),
        ({"from_square": 3, "to_square": 0, "drop": PAWN}, "either"),
        ({"from_square": None, "to_square": 0, "drop": KING}, "drop=8"),
        ({"from_square": None, "to_square": 0, "drop": PAWN, "promote": True}, "promote=True"),
    ],
)
def test_parts_that_make_no_move_are_refused(
    arguments: dict[str, int | bool | None], bad_part: str
) -> None:
    with pytest.raises(ValueError, match=bad_part):
        Move(**arguments)  # pyright: ignore[reportArgumentType]


def test_moves_are_values_without_order() -> None:
    assert len({Move(60, 59), Move(60, 59), Move(60, 59, promote=True)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Move(60, 59).to_square = 1  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        sorted([Move(60, 59), Move(60, 58)])  # pyright: ignore[reportArgumentType]


def test_all_board_moves_have_their_own_text() -> None:
    texts = {
        Move(origin, target, promote).usi()
        for origin, target, promote in itertools.product(range(81), range(81), (False, True))
    }
    assert len(texts) == 81 * 81 * 2
