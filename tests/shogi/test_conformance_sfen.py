import pytest

from keisei.shogi import Board, InvalidSfenError
from keisei.shogi.notation import parse_sfen
from tests.conformance import records

# What Board alone can see, because it takes attacks.
NEEDS_ATTACKS = "side_not_to_move_in_check"
# docs/spec.md: of the forms that other programs disagree on, none is read.
OPTIONAL = {
    "explicit_one",
    "repeated_letter",
    "split_digits",
    "double_space",
    "trailing_space",
    "trailing_field",
    "ply_zero",
    "tsume_no_attacker_king",
}


@pytest.mark.parametrize("record", records("sfen_invalid"), ids=lambda r: f"{r['id']}-{r['label']}")
def test_a_board_is_made_of_exactly_the_right_strings(record: dict[str, str]) -> None:
    if record["expect"] == "accept":
        assert Board(record["sfen"]).ply == 0
        return
    with pytest.raises(InvalidSfenError, match=r"^SFEN .*\.$"):
        Board(record["sfen"])


def test_all_but_checks_are_noticed_before_there_is_a_board() -> None:
    for record in records("sfen_invalid"):
        if record["expect"] == "reject" and record["label"] != NEEDS_ATTACKS:
            with pytest.raises(InvalidSfenError):
                parse_sfen(record["sfen"])


def test_the_optional_forms_are_the_documented_ones() -> None:
    optional = {r["label"] for r in records("sfen_invalid") if r["expect"] == "optional"}
    assert optional == OPTIONAL


def test_the_side_that_moved_in_check_is_named() -> None:
    with pytest.raises(InvalidSfenError, match="White"):
        Board("4k4/9/9/9/4R4/9/9/9/4K4 b - 1")
    with pytest.raises(InvalidSfenError, match="Black"):
        Board("4k4/9/9/9/4r4/9/9/9/4K4 w - 1")
