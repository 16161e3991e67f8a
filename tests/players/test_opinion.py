"""What a network thinks of positions, in numbers for people."""

import numpy as np
import pytest

from keisei.players.descriptions import SHIPPED_POLICY
from keisei.players.opinion import Adviser, positions_along
from keisei.players.policy import NetworkEvaluator
from keisei.search.settings import SearchSettings
from keisei.shogi import Board
from keisei.shogi.constants import START_SFEN
from keisei.shogi.moves import Move
from keisei.training.model_manager import load_policy
from keisei.vec import ShogiVectorEnv

GAME = [Move.from_usi(usi) for usi in ["7g7f", "3c3d", "8h2b+", "3a2b", "B*4e"]]
MATE_IN_ONE = "k8/9/K8/9/9/9/9/9/9 b G 1"


@pytest.fixture(scope="module")
def evaluator() -> NetworkEvaluator:
    return NetworkEvaluator(load_policy(SHIPPED_POLICY))


def test_positions_are_those_that_a_game_goes_through() -> None:
    positions = positions_along(START_SFEN, GAME, [5, 0, 3])
    env = ShogiVectorEnv(1, obs="compact")
    obs, _ = env.reset(seed=0)
    states = [np.array(obs["state"][0])]  # pyright: ignore[reportArgumentType, reportCallIssue]
    board = Board()
    for move in GAME:
        actions = np.array([int(a) for a in board.legal_actions()])
        (action,) = (
            a for a, legal in zip(actions, board.legal_moves, strict=True) if legal == move
        )
        obs = env.step(np.array([action]))[0]
        states.append(np.array(obs["state"][0]))  # pyright: ignore[reportArgumentType, reportCallIssue]
        board.push(move)
    for row, ply in enumerate([5, 0, 3]):
        assert np.array_equal(positions.state[row], states[ply])
    assert positions.standing is not None
    assert (
        Board.of_game(positions.standing._replace(games=np.array([0]))).sfen().split()[:3]
        == (board.sfen().split()[:3])
    )


def test_without_a_search_an_opinion_is_the_networks(evaluator: NetworkEvaluator) -> None:
    (opinion,) = Adviser(evaluator).judge(positions_along(START_SFEN, [], [0]))
    assert len(opinion.probabilities) == 30
    assert sum(opinion.probabilities.values()) == pytest.approx(1, abs=1e-4)
    chances = [each.probability for each in opinion.candidates]
    assert chances == sorted(opinion.probabilities.values(), reverse=True)[:5]
    assert all(each.visits is None and each.line == (each.move,) for each in opinion.candidates)
    assert -1 <= opinion.value <= 1


def test_a_search_tells_visits_and_lines_and_finds_a_mate(evaluator: NetworkEvaluator) -> None:
    adviser = Adviser(evaluator, SearchSettings(nodes=64))
    (opinion,) = adviser.judge(positions_along(MATE_IN_ONE, [], [0]), count=3)
    first = opinion.candidates[0]
    board = Board(MATE_IN_ONE)
    board.push(first.move)
    assert board.is_checkmate()
    assert (opinion.value, first.value) == (1, 1)
    several = adviser.judge(positions_along(START_SFEN, GAME, [0, 5]), count=3)
    for one, ply in zip(several, (0, 5), strict=True):
        assert len(one.candidates) == 3
        for each in one.candidates:
            assert each.visits
            board = Board()
            for move in [*GAME[:ply], *each.line]:
                board.push(move)


def test_a_search_ends_when_nobody_wants_it_or_time_is_over(evaluator: NetworkEvaluator) -> None:
    adviser = Adviser(evaluator, SearchSettings(nodes=1_000_000 // 2000))
    positions = positions_along(START_SFEN, [], [0])
    asked: list[bool] = []

    def goes_on() -> bool:
        asked.append(True)
        return len(asked) < 2

    (opinion,) = adviser.judge(positions, goes_on=goes_on)
    assert sum(each.visits or 0 for each in opinion.candidates) <= 16
    (opinion,) = adviser.judge(positions, seconds=1e-9)
    assert 0 < sum(each.visits or 0 for each in opinion.candidates) <= 16
    (opinion,) = adviser.judge(positions, goes_on=lambda: False)
    assert opinion.candidates
