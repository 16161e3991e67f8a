"""Looking at single games of a batch: boards, placements, last moves, pictures."""

import numpy as np
import pytest

from keisei.shogi import Board, Move, move_from_action
from keisei.vec import ShogiVectorEnv
from tests.conformance import records
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, Shadow, actions

STARTS: list[str] = [r["sfen"] for r in records("legal_moves")[:800:20] if r["n"]]


def test_boards_and_last_moves_follow_the_games() -> None:
    env = ShogiVectorEnv(
        len(STARTS), obs="compact", max_plies=12, initial_sfens=STARTS, declaration="off"
    )
    env.reset(seed=2)
    shadow = Shadow([*STARTS])
    moves: list[Move | None] = [None] * len(STARTS)
    for _ in range(30):
        for game, board in enumerate(shadow.boards):
            assert env.last_move(game) == moves[game]
            assert env.board(game).sfen().split(" ")[:3] == board.sfen().split(" ")[:3]
            assert env.placement(game).move_number == board.ply + 1
        chosen = env.sample_actions()
        moves = [
            move_from_action(board, int(label))
            for board, label in zip(shadow.boards, chosen, strict=True)
        ]
        shadow.step(chosen)
        _, _, terminations, truncations, _ = env.step(chosen)
        shadow.restart(terminations | truncations)
        for game in np.flatnonzero(terminations | truncations):
            moves[game] = None


def test_the_last_move_stays_while_a_game_waits() -> None:
    env = ShogiVectorEnv(2, initial_sfens=[BARE_KINGS])
    env.reset(seed=0)
    env.step(actions(env, "5i5h", "5i4i"))
    env.step(actions(env, "5a5b", "5a5b"), active=np.array([True, False]))
    assert env.last_move(0) == Move.from_usi("5a5b")
    assert env.last_move(1) == Move.from_usi("5i4i")
    env.reset(options={"reset_mask": np.array([True, False])})
    assert env.last_move(0) is None
    assert env.last_move(1) == Move.from_usi("5i4i")


def test_the_last_move_of_a_finished_game_that_waits_for_its_reset() -> None:
    env = ShogiVectorEnv(1, initial_sfens=[MATE_IN_ONE], autoreset_mode="Disabled")
    env.reset(seed=0)
    env.step(actions(env, "G*5b"))
    assert env.last_move(0) == Move.from_usi("G*5b")
    assert env.board(0).is_checkmate()


def test_the_text_of_a_game_is_that_of_its_board() -> None:
    env = ShogiVectorEnv(1)
    env.reset(seed=0)
    board = Board()
    for usi in ("7g7f", "3c3d", "8h2b+"):
        env.step(actions(env, usi))
        board.push_usi(usi)
        assert env.board_text(0) == str(board)


@pytest.mark.parametrize("game", [-1, 2, 10**12, 1.0])
def test_games_that_are_not_there_are_refused(game: int) -> None:
    env = ShogiVectorEnv(2, obs="compact")
    env.reset(seed=0)
    for look in (env.board, env.placement, env.last_move, env.board_text):
        with pytest.raises(IndexError, match=f"There is no game {game}; they are 0 to 1"):
            look(game)
    with pytest.raises(IndexError, match=f"There is no game {game}"):
        env.standing([0, game])
