"""SFENs of strangers: boards, start positions, and the commands that read them."""

import random

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from keisei.shogi import Board, InvalidSfenError, perft
from keisei.shogi.constants import HAND_LIMITS, KING, OTHER_SIDE, PROMOTED, START_SFEN
from keisei.shogi.notation import Placement, format_sfen
from keisei.vec import ShogiVectorEnv
from tests.cli.command_line import run
from tests.conformance import records
from tests.fuzz.harness import assert_sentence, fuzz, guarded, refused
from tests.fuzz.mutations import mutated_text

KNOWN = tuple(
    record["sfen"] for name in ("sfen_invalid", "declaration", "perft") for record in records(name)
)
TOKENS = ("+", "+k", "+G", "99", "1P", "0P", "2k", "18p", "19p", " b ", " w ", "startpos", "moves")


@st.composite
def placed(draw: DrawFn) -> str:
    """The SFEN of pieces of a set put anywhere, so that all but the position itself is right."""
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    board, hands = np.zeros(81, np.uint8), np.zeros((2, 7), np.uint8)
    squares = rng.sample(range(81), 81)
    board[squares.pop()], board[squares.pop()] = KING, KING + OTHER_SIDE
    crowd = rng.random()
    for piece, limit in enumerate(HAND_LIMITS, start=1):
        for _ in range(limit):
            side = rng.randrange(2)
            if rng.random() < crowd:
                promoted = PROMOTED if piece < 7 and rng.random() < 0.5 else 0
                board[squares.pop()] = piece + promoted + OTHER_SIDE * side
            else:
                hands[side, piece - 1] += 1
    return format_sfen(Placement(board, hands, rng.randrange(2), rng.randrange(1, 999_999)))


sfens = st.one_of(st.sampled_from(KNOWN), placed())
texts = st.one_of(mutated_text(sfens, TOKENS), mutated_text(sfens, TOKENS), placed(), st.text())


@fuzz(texts, examples=100, warm_up=START_SFEN)
def test_a_board_is_what_it_says_or_refused_in_a_sentence(text: str) -> None:
    with guarded():
        said = refused(lambda: Board(text), InvalidSfenError)
        if said is None:
            board = Board(text)
            assert text in (board.sfen(), board.sfen().removesuffix(" 1")) or "-" not in text
            assert Board(board.sfen()).sfen() == board.sfen()
            assert len(board.legal_moves) <= 593
            assert perft(board, 1) == len(board.legal_moves)
            for move in board.legal_moves[:3]:
                board.push(move)
                board.pop()
            assert_drawn(board)


def assert_drawn(board: Board) -> None:
    lines = str(board).split("\n")
    assert len(lines) <= 14
    assert max(map(len, lines)) <= 24
    board.outcome(declaration=True)


@fuzz(st.lists(texts, max_size=5), examples=30, warm_up=[START_SFEN])
def test_games_start_from_positions_or_name_the_bad_one(positions: list[str]) -> None:
    with guarded():
        made: list[ShogiVectorEnv] = []

        def make() -> None:
            made.append(ShogiVectorEnv(2, initial_sfens=positions, num_threads=1, obs="compact"))

        if refused(make, ValueError) is None:
            made[0].reset(seed=0)
            mask = made[0].action_masks()
            assert mask.any(axis=1).all()
            made[0].step(mask.argmax(axis=1))


@fuzz(
    st.one_of(mutated_text(sfens.map("position sfen {}".format), TOKENS), texts).map(str.split),
    examples=30,
    warm_up=["startpos"],
)
def test_show_and_perft_print_or_end_with_a_sentence(words: list[str]) -> None:
    for command in (["show", "--", *words], ["perft", "--", *words, "1"]):
        with guarded():
            result = run(*command)
        if result.exit_code:
            assert result.exit_code == 2
            assert result.stdout == ""
            lines = result.stderr.splitlines()
            assert lines[-1].startswith("Error: ")
            assert len(lines) == 1 or lines[0].startswith("Usage: ")
            assert_sentence(lines[-1])
