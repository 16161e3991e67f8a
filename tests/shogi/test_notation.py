import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keisei.shogi.constants import (
    BLACK,
    OTHER_SIDE,
    START_SFEN,
    WHITE,
)
from keisei.shogi.notation import (
    InvalidSfenError,
    Placement,
    format_sfen,
    parse_sfen,
)
from tests.conformance import records
from tests.placements import placements


def test_the_start_position_square_by_square() -> None:
    placement = parse_sfen(START_SFEN)
    back = [2, 3, 4, 7, 8, 7, 4, 3, 2]
    assert [int(code) for code in placement.board[8::9]] == back
    assert [int(code) - OTHER_SIDE for code in placement.board[0::9]] == back
    assert (placement.board[6::9] == 1).all()
    assert (placement.board[2::9] == 1 + OTHER_SIDE).all()
    assert placement.board[16] == 6  # 2h, Black's rook
    assert placement.board[70] == 5  # 8h, Black's bishop
    assert placement.board[10] == 5 + OTHER_SIDE  # 2b, White's bishop
    assert placement.board[64] == 6 + OTHER_SIDE  # 8b, White's rook
    assert placement.board.dtype == np.uint8
    assert not placement.hands.any()
    assert (placement.to_move, placement.move_number) == (BLACK, 1)


def test_hands_and_promoted_pieces() -> None:
    placement = parse_sfen("4k4/9/9/9/4+p+R3/9/9/9/4K4 w RB10Pg2s 77")
    assert placement.board[40] == 9 + OTHER_SIDE  # 5e, White's promoted pawn
    assert placement.board[31] == 14  # 4e, Black's dragon
    assert placement.hands.tolist() == [[10, 0, 0, 0, 1, 1, 0], [0, 0, 0, 2, 0, 0, 1]]
    assert (placement.to_move, placement.move_number) == (WHITE, 77)


def test_a_missing_move_number_is_one() -> None:
    assert parse_sfen("4k4/9/9/9/9/9/9/9/4K4 b -").move_number == 1


def test_hands_are_written_in_the_usual_order() -> None:
    placement = parse_sfen("4k4/9/9/9/9/9/9/9/4K4 b pl2PLN2sSGgB2Rb 1")
    assert format_sfen(placement) == "4k4/9/9/9/9/9/9/9/4K4 b 2RBGSNL2Pbg2slp 1"


@given(placements())
def test_what_is_written_reads_back_the_same(placement: Placement) -> None:
    assert parse_sfen(format_sfen(placement)) == placement


def test_records_in_the_usual_order_are_written_back_unchanged() -> None:
    for record in records("legal_moves")[::3]:
        assert format_sfen(parse_sfen(record["sfen"])) == record["sfen"], record["id"]


@given(
    st.sampled_from([record["sfen"] for record in records("declaration")]),
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from(["", *"09+/ -bwkKpPGlx1*²\n٣"])),
        min_size=1,
        max_size=4,
    ),
)
def test_a_damaged_sfen_is_read_or_refused(text: str, edits: list[tuple[int, str]]) -> None:
    for position, replacement in edits:
        text = text[:position] + replacement + text[position + 1 :]
    try:
        placement = parse_sfen(text)
    except InvalidSfenError:
        return
    assert parse_sfen(format_sfen(placement)) == placement


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(InvalidSfenError):
        parse_sfen(text)


@pytest.mark.parametrize(
    ("text", "bad_part"),
    [
        ("startpos", "1 field"),
        ("4k4/9/9/9/9/9/9/9/4K4 x - 1", "'x'"),
        ("4k4/9/9/9/9/9/9/4K4 b - 1", "8 ranks"),
        ("4k4/9/9/9/9/54/9/9/4K4 b - 1", "rank 6 '54'"),
        ("4k4/9/9/9/9/8/9/9/4K4 b - 1", "rank 6 '8' describes 8 squares"),
        ("4k4/9/9/9/9/4q4/9/9/4K4 b - 1", "rank 6 holds 'q'"),
        ("4k4/9/9/9/9/4+g4/9/9/4K4 b - 1", "'+g'"),
        (f"4k4/9/9/9/9/9/9/9/4K4 b {10**7 * '9'} 1", "do not end in a piece"),
        ("4k4/9/9/9/9/9/9/9/4K4 b 1P 1", "'1P'"),
        ("4k4/9/9/9/9/9/9/9/4K4 b 02P 1", "'02P'"),
        ("4k4/9/9/9/9/9/9/9/4K4 b PP 1", "'P' twice"),
        ("4k4/9/9/9/9/9/9/9/4K4 b P2 1", "'P2'"),
        ("4k4/9/9/9/9/9/9/9/4K4 b 19P 1", "holds 18"),
        ("4k4/9/9/9/9/9/9/9/4K4 b " + "9" * 5000 + "P 1", "holds 18"),
        ("4k4/9/9/9/9/9/9/9/4K4 b 2R2r 1", "4 rooks"),
        ("4k4/9/9/9/9/9/9/9/4K4 b 2R - 1", "5 field"),
        ("4k4/9/9/9/9/9/9/9/4K4 b - 0", "'0'"),
        ("4k4/9/9/9/9/9/9/9/4K4 b - 1000000", "'1000000'"),
        ("4k4/9/9/9/9/9/9/9/4K4 b - " + "9" * 5000, "999999"),
        ("4k4/9/9/9/9/9/9/9/4K4 b - 1\n", "1\\n"),
        ("4k4/9/9/9/9/9/9/9/9 b - 1", "0 kings of Black"),
        ("4k4/k8/9/9/9/9/9/9/4K4 b - 1", "2 kings of White"),
        ("9/4Kk3/8R/9/9/9/9/9/9 w - 1", "kings stand side by side, on 4b and 5b"),
        ("9/9/9/9/9/9/9/7k1/8K b - 1", "kings stand side by side, on 1i and 2h"),
        ("4k2P1/9/9/9/9/9/9/9/4K4 b - 1", "pawn of Black on 2a"),
        ("4k4/7N1/9/9/9/9/9/9/4K4 b - 1", "knight of Black on 2b"),
        ("4k4/9/9/9/9/9/9/9/4K2l1 b - 1", "lance of White on 2i"),
        ("4k4/9/p8/9/p8/9/9/9/4K4 b - 1", "2 unpromoted pawns of White on file 9"),
        ("4k4/9/9/9/9/9/9/2GGGGG2/4K4 b - 1", "5 golds"),
    ],
)
def test_the_sentence_names_the_bad_part(text: str, bad_part: str) -> None:
    with pytest.raises(InvalidSfenError) as caught:
        parse_sfen(text)
    assert bad_part in str(caught.value)


def test_a_promoted_pawn_and_the_other_side_share_a_file_with_a_pawn() -> None:
    text = "4k4/9/p8/9/9/+P8/P8/+p8/4K4 b - 1"
    assert format_sfen(parse_sfen(text)) == text
