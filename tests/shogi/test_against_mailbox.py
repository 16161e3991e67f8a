"""The kernels against the mailbox referee, mostly for repetition and perpetual check."""

import random
from collections import Counter

import pytest

from keisei.shogi import Board
from tests.conformance import records
from tests.shogi.few_pieces import choose_move, start_sfen
from tests.shogi.mailbox_referee import MailboxGame, Position

MAX_PLIES = 60
COLOURS = "bw"


def _assert_same(board: Board, game: MailboxGame) -> None:
    story = board.sfen()
    legal = sorted(move.usi() for move in board.legal_moves)
    assert legal == game.position.legal_moves(), story
    assert board.is_check() == game.in_check(), story
    assert len(board.checkers()) == len(game.position.checkers(game.position.to_move)), story
    assert board.repetition_count() == len(game.occurrences()), story
    assert board.can_declare_win() == game.position.can_declare_win(), story


def _assert_same_result(board: Board, expected: tuple[str, str | None] | None) -> None:
    outcome = board.outcome(max_plies=MAX_PLIES, declaration=True)
    if outcome is None:
        assert expected is None, board.sfen()
        return
    winner = None if outcome.winner is None else COLOURS[outcome.winner]
    assert (outcome.termination.name, winner) == expected, board.sfen()


def _play_few_pieces(seed: int) -> str:
    """Plays one game with both referees; the name of its end."""
    rng = random.Random(seed)
    sfen = start_sfen(rng)
    attacker = rng.choice(COLOURS)
    board = Board(sfen)
    game = MailboxGame(sfen)
    while True:
        _assert_same(board, game)
        expected = game.result(MAX_PLIES, declaration=True)
        _assert_same_result(board, expected)
        if expected is not None:
            return expected[0]
        usi = choose_move(rng, game, attacker)
        board.push_usi(usi)
        game.push(usi)


def test_a_few_games_with_few_pieces() -> None:
    ends = Counter(_play_few_pieces(seed) for seed in range(12))
    assert ends["SENNICHITE"] > 0
    assert ends["PERPETUAL_CHECK"] > 0


@pytest.mark.slow
def test_games_with_few_pieces() -> None:
    ends = Counter(_play_few_pieces(seed) for seed in range(1000, 1300))
    assert ends["SENNICHITE"] > 50
    assert ends["PERPETUAL_CHECK"] > 10
    assert ends["CHECKMATE"] > 3


def _assert_same_replies(sfen: str, rng: random.Random, replies: int) -> None:
    """Compares the positions after some of the moves of a full board."""
    for move in rng.sample(list(Board(sfen).legal_moves), replies):
        board = Board(sfen)
        board.push(move)
        position = Position.from_sfen(sfen).after(move.usi())
        legal = sorted(reply.usi() for reply in board.legal_moves)
        assert legal == position.legal_moves(), f"{sfen} {move}"


def test_replies_on_full_boards() -> None:
    rng = random.Random(0)
    for record in records("legal_moves")[::150]:
        _assert_same_replies(record["sfen"], rng, min(2, record["n"]))
