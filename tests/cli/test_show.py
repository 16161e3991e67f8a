from pathlib import Path

import pytest

from keisei.shogi import Board, Move, board_svg
from keisei.shogi.constants import START_SFEN
from tests.cli.command_line import assert_mistake, run

MATE_IN_ONE = "4k4/9/4P4/9/9/9/9/9/4K4 b G 1"


def facts_of(output: str) -> dict[str, str]:
    """The lines below the board by their first two columns."""
    below = output.split("\n\n", 1)[1]
    return {line[:12].strip(): line[13:] for line in below.splitlines()}


def test_the_start_position() -> None:
    result = run("show", "startpos")
    assert result.exit_code == 0
    assert " l n s g k g s n l a\n" in result.stdout
    facts = facts_of(result.stdout)
    assert facts["sfen"] == START_SFEN
    assert facts["to move"] == "Black"
    assert facts["in check"] == "no"
    assert facts["outcome"] == "none, the game goes on"
    assert facts["legal moves"] == "30"
    moves = result.stdout.split("legal moves  30\n")[1].split()
    assert len(moves) == 30
    assert {"7g7f", "2g2f", "5i4h"} <= set(moves)


@pytest.mark.parametrize("words", [[MATE_IN_ONE], MATE_IN_ONE.split(), ["sfen", MATE_IN_ONE]])
def test_an_sfen_may_be_quoted_or_not_and_moves_may_follow(words: list[str]) -> None:
    result = run("show", *words, "moves", "G*5b")
    facts = facts_of(result.stdout)
    assert facts["sfen"] == "4k4/4G4/4P4/9/9/9/9/9/4K4 w - 2"
    assert facts["to move"] == "White"
    assert facts["in check"] == "yes"
    assert facts["outcome"] == "checkmate, Black won"
    assert facts["legal moves"] == "0"
    assert "last move G*5b" in result.stdout


def test_a_fourfold_repetition_is_a_draw() -> None:
    moves = ["5i5h", "5a5b", "5h5i", "5b5a"] * 3
    facts = facts_of(run("show", "startpos", "moves", *moves).stdout)
    assert facts["occurrence"] == "4 of 4"
    assert facts["outcome"] == "sennichite, a draw"


def test_a_declaration_that_is_open_is_shown() -> None:
    sfen = "K+R+R+B+B4/GGGG5/SSS6/9/9/9/9/9/8k b P 1"
    assert facts_of(run("show", sfen).stdout)["may declare"] == "yes"


def test_a_picture_is_written(tmp_path: Path) -> None:
    file = tmp_path / "board.svg"
    result = run("show", "startpos", "moves", "7g7f", "--svg", str(file))
    assert result.exit_code == 0
    board = Board()
    board.push_usi("7g7f")
    assert file.read_text("utf-8") == board_svg(board, Move.from_usi("7g7f"))


def test_a_picture_that_cannot_be_written_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "board.svg"
    assert_mistake(run("show", "startpos", "--svg", str(file)), str(file), "No such file")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["nonsense"], ["'nonsense'", "1 field"]),
        (["9/9/9/9/9/9/9/9/9", "b", "-", "1"], ["0 kings of Black"]),
        (["4k4/9/9/9/9/9/9/9/4K4", "x", "-", "1"], ["'x'", "'b'"]),
        (["4k4/4R4/9/9/9/9/9/9/4K4", "b", "-", "1"], ["White is in check"]),
        (["startpos", "moves", "7g7e"], ["7g7e is not legal"]),
        (["startpos", "moves", "7g"], ["'7g'", "2 characters"]),
        (["moves", "7g7f"], ["no position", "startpos"]),
        (["startpos", "7g7f"], ["'startpos 7g7f'"]),
    ],
)
def test_a_bad_position_is_refused_in_one_sentence(words: list[str], parts: list[str]) -> None:
    assert_mistake(run("show", *words), *parts)
