"""Moves of strangers: single ones in USI, lists of them, and those of an engine's answer."""

import itertools
import random
from functools import cache

import pytest
from hypothesis import strategies as st

from keisei.players.engine import legal_action
from keisei.shogi import Board, IllegalMoveError, InvalidUsiError, Move, action_from_move
from keisei.vec import ShogiVectorEnv
from tests.cli.command_line import run
from tests.fuzz.harness import assert_sentence, fuzz, guarded, refused
from tests.fuzz.mutations import mutated_text

TOKENS = (
    "7g7f",
    "P*5e",
    "K*5e",
    "p*5e",
    "*",
    "+",
    "0a",
    "1j",
    "resign",
    "win",
    "moves",
    "startpos",
)


@cache
def games() -> list[list[str]]:
    """Random games, as moves in USI."""
    rng = random.Random(0)
    played: list[list[str]] = []
    for _ in range(20):
        board, moves = Board(), list[str]()
        while len(moves) < 120 and (legal := board.legal_moves):
            moves.append(rng.choice(legal).usi())
            board.push_usi(moves[-1])
        played.append(moves)
    return played


usi = st.builds("".join, st.tuples(st.sampled_from("123456789"), st.sampled_from("abcdefghi")))
moves = st.one_of(
    st.builds("".join, st.tuples(usi, usi, st.sampled_from(("", "+")))),
    st.builds("".join, st.tuples(st.sampled_from(("P*", "G*", "K*", "+P*")), usi)),
)
texts = st.one_of(moves, mutated_text(moves, TOKENS), mutated_text(moves, TOKENS), st.text())


def line(game: int, plies: int) -> str:
    return " ".join(("startpos moves", *games()[game][:plies]))


lines = st.builds(line, st.integers(0, 19), st.integers(0, 120))


@fuzz(texts, examples=100, warm_up="7g7f")
def test_a_text_is_one_move_or_none(text: str) -> None:
    with guarded():
        if refused(lambda: Move.from_usi(text), InvalidUsiError) is None:
            assert Move.from_usi(text).usi() == text


@fuzz(
    st.tuples(st.integers(0, 19), st.integers(0, 119), texts), examples=25, warm_up=(0, 0, "7g7f")
)
def test_a_board_and_a_referee_take_the_same_moves(value: tuple[int, int, str]) -> None:
    game, plies, text = value
    board = Board()
    for move in games()[game][:plies]:
        board.push_usi(move)
    before = board.sfen()
    env = ShogiVectorEnv(1, initial_sfens=[before], num_threads=1, obs="compact")
    observation, _ = env.reset(seed=0)
    with guarded():
        action = legal_action(text, observation["state"][0], observation["action_mask_bits"][0])
        said = refused(lambda: board.push_usi(text), InvalidUsiError, IllegalMoveError)
    assert (action is None) == (said is not None)
    if said is None:
        assert board.last_move == Move.from_usi(text)
        assert board.pop() == Move.from_usi(text)
        assert action == action_from_move(board, Move.from_usi(text))
    elif said.startswith("USI move"):
        assert repr(text)[1:10] in said
    assert board.sfen() == before


@fuzz(mutated_text(lines, TOKENS), examples=20, warm_up="startpos moves 7g7f")
def test_a_list_of_moves_is_played_or_its_bad_move_named(text: str) -> None:
    words = text.split()
    with guarded():
        result = run("show", "--", *words)
    if result.exit_code == 0:
        assert "sfen " in result.stdout
        return
    assert result.exit_code == 2
    assert result.stdout == ""
    said = result.stderr.splitlines()
    assert said[-1].startswith("Error: ")
    assert_sentence(said[-1])


@pytest.mark.slow
def test_a_very_long_list_of_moves_takes_a_moment() -> None:
    shuttle = itertools.cycle(("2h3h", "8b7b", "3h2h", "7b8b"))
    words = ["startpos", "moves", *itertools.islice(shuttle, 20_000)]
    with guarded(seconds=60):
        result = run("show", " ".join(words))
    assert result.exit_code == 0
    assert "occurrence" in result.stdout
