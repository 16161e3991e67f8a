from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.openings import Opening
from keisei.evaluation.results import MatchResult, Tally
from keisei.players.engine import EnginePlayer, legal_action
from keisei.players.simple import CallablePlayer, RandomPlayer
from keisei.players.usi_client import EngineError
from keisei.shogi import Board, action_from_move
from keisei.shogi.constants import START_SFEN
from keisei.vec import ShogiVectorEnv
from tests.players.engines import assert_no_process, pids, settings
from tests.players.test_players import positions

SHORT = MatchRules(opening_plies=2, max_plies=24)


def play(folder: Path, behaviour: str, *, games: int = 4, **others: int) -> MatchResult:
    with EnginePlayer(settings(folder, behaviour), **others) as player:
        return play_match(player, RandomPlayer(1), games, rules=SHORT, num_envs=2, seed=4)


def test_an_engine_plays_whole_games_that_our_rules_referee(tmp_path: Path) -> None:
    result = play(tmp_path, "good", games=6)
    assert_no_process(tmp_path)
    assert result.total.games == 6
    assert "illegal_move" not in result.ends
    assert "engine_failure" not in result.ends
    for game in result.games:
        board = Board()
        for ply, move in enumerate(game.moves):
            if ply >= SHORT.opening_plies and ply % 2 == game.colour_of_a:
                assert move.usi() == min(each.usi() for each in board.legal_moves)
            board.push(move)


def test_an_engine_is_told_where_its_game_began(tmp_path: Path) -> None:
    start = "lnsgkgsnl/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"
    rules = MatchRules(0, 8, openings=[Opening(start, ()), Opening(START_SFEN, ())])
    with EnginePlayer(settings(tmp_path, "good")) as player:
        result = play_match(player, RandomPlayer(1), 4, rules=rules, num_envs=2)
    assert result.ends == {"max_plies": 4}
    assert [game.start for game in result.games] == [start, start, START_SFEN, START_SFEN]


def test_several_processes_play_the_same_games(tmp_path: Path) -> None:
    one = play(tmp_path, "good", games=6)
    two = play(tmp_path, "good", games=6, processes=2)
    assert len(pids(tmp_path)) == 3
    assert_no_process(tmp_path)
    assert one == two


def test_each_game_is_announced_once_when_every_board_has_its_process(tmp_path: Path) -> None:
    with EnginePlayer(settings(tmp_path, "good")) as player:
        play_match(player, RandomPlayer(1), 3, rules=SHORT, num_envs=1)
    announced = [line.split()[0] for line in (tmp_path / "limits").read_text().splitlines()]
    assert set(announced) == {"1", "2", "3"}
    assert announced == sorted(announced)


def test_a_very_long_answer_is_told_in_a_sentence(tmp_path: Path) -> None:
    with EnginePlayer(settings(tmp_path, "long", move_seconds=20.0)) as player:
        play_match(player, RandomPlayer(1), 1, rules=SHORT)
        assert "answered 'aaa" in player.troubles[0]
        assert len(player.troubles[0]) < 500


@pytest.mark.parametrize(
    ("behaviour", "end"),
    [
        ("resign", "resignation"),
        ("win", "illegal_move"),
        ("illegal", "illegal_move"),
        ("garbage", "illegal_move"),
    ],
)
def test_answers_that_are_no_move_lose_the_game(tmp_path: Path, behaviour: str, end: str) -> None:
    result = play(tmp_path, behaviour)
    assert result.total == Tally(losses=4)
    assert result.as_black == result.as_white == Tally(losses=2)
    assert result.ends == {end: 4}
    # Two plies of the opening, and the random player's when it is the first to move then.
    assert [len(game.moves) for game in result.games] == [2, 3, 2, 3]
    assert len(pids(tmp_path)) == 1
    assert_no_process(tmp_path)


@pytest.mark.parametrize("behaviour", ["die", "hang"])
def test_an_engine_that_fails_loses_and_is_started_again(tmp_path: Path, behaviour: str) -> None:
    result = play(tmp_path, behaviour)
    assert result.total == Tally(losses=4)
    assert result.ends == {"engine_failure": 4}
    assert not result.stopped
    assert len(pids(tmp_path)) == 4
    assert_no_process(tmp_path)


def test_an_engine_that_fails_too_often_stops_the_match(tmp_path: Path) -> None:
    result = play(tmp_path, "die", games=8, max_restarts=2)
    assert result.total == Tally(losses=3)
    assert result.ends == {"engine_failure": 3}
    assert "failed too often" in result.stopped
    assert "out of cheese" in result.stopped
    assert result.stopped in result.report("fake", "random")
    assert len(pids(tmp_path)) == 3
    assert_no_process(tmp_path)


def test_an_engine_that_does_not_start_is_no_match(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="'usiok'"):
        EnginePlayer(settings(tmp_path, "mute", start_seconds=1.0), processes=2)
    assert_no_process(tmp_path)


def test_troubles_are_told_game_by_game(tmp_path: Path) -> None:
    with EnginePlayer(settings(tmp_path, "illegal")) as player:
        play_match(player, RandomPlayer(1), 2, rules=SHORT, num_envs=1)
    assert [trouble.split(":")[0] for trouble in player.troubles] == ["game 0", "game 1"]
    assert "'5i5a', which is no legal move, to position startpos moves " in player.troubles[0]


def test_an_exception_of_the_other_player_leaves_no_process(tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError

    with pytest.raises(ArithmeticError), EnginePlayer(settings(tmp_path, "good")) as engine:
        play_match(engine, CallablePlayer(fail), 2, rules=SHORT, num_envs=1)
    assert_no_process(tmp_path)


def test_an_engine_needs_the_games(tmp_path: Path) -> None:
    missing = pytest.raises(ValueError, match="games that lead to its 2 positions, not 0 games")
    with missing, EnginePlayer(settings(tmp_path, "good")) as engine:
        engine.choose(positions([[1], [2]]))
    assert_no_process(tmp_path)


@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_usi_texts_and_actions_agree_on_real_positions(seed: int, plies: int) -> None:
    env = ShogiVectorEnv(1, obs="compact")
    obs, _ = env.reset(seed=seed)
    for _ in range(plies):
        obs, *_ = env.step(env.sample_actions())
    assert isinstance(obs, dict)
    state, mask_bits = obs["state"][0], obs["action_mask_bits"][0]
    board = env.board(0)
    for move in board.legal_moves:
        assert legal_action(move.usi(), state, mask_bits) == action_from_move(board, move)


def test_texts_that_are_no_legal_move_have_no_action() -> None:
    env = ShogiVectorEnv(1, obs="compact", initial_sfens=["4k4/9/9/9/4P4/9/4R4/9/4K4 b - 1"])
    obs, _ = env.reset(seed=0)
    assert isinstance(obs, dict)
    state, mask_bits = obs["state"][0], obs["action_mask_bits"][0]
    assert legal_action("5g5f", state, mask_bits) is not None
    # The pawn's own move: the rook is on its file too, but behind it.
    assert legal_action("5e5d", state, mask_bits) is not None
    for text in ("5g5d", "5g5e", "5g4f", "5g5f+", "P*1e", "7g7f", "", "resign", "9z9y", "5i6g"):
        assert legal_action(text, state, mask_bits) is None, text
    assert np.bitwise_count(mask_bits).sum() > 0
