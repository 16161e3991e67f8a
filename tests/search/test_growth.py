"""Trees grow in portions, within their bounds, and alike on any number of threads."""

import resource
from collections.abc import Iterator

import pytest
import torch

from keisei.games.endings import Rules
from keisei.players.descriptions import SHIPPED_POLICY
from keisei.players.policy import NetworkEvaluator
from keisei.search.search import Search
from keisei.search.settings import SearchSettings
from keisei.shogi import Board
from keisei.training.model_manager import load_policy
from keisei.vec import ShogiVectorEnv
from tests.search.positions import MATE_IN_ONE, games, opinionated, settings, uniform

METHODS = pytest.mark.parametrize("method", ["gumbel", "puct"])
MATED = "4k4/4G4/4P4/9/9/9/9/9/4K4 w - 1"


@pytest.fixture
def torch_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@METHODS
def test_portions_make_the_same_tree(method: str) -> None:
    env = ShogiVectorEnv(3, obs="compact")
    env.reset(seed=4)
    search = Search(opinionated, SearchSettings(nodes=90, method=method))  # pyright: ignore[reportArgumentType]
    whole = search.run(env.standing())
    trees = search.begin(env.standing())
    made = [trees.simulate(count) for count in (1, 30, 58, 100, 1)]
    found = trees.found()
    assert sum(made) == 3 * 90
    assert made[-1] == 0
    assert found.actions.tolist() == whole.actions.tolist()
    assert found.values.tolist() == whole.values.tolist()
    assert found.tree.visits.sum() == whole.tree.visits.sum()


def test_a_tree_that_is_full_takes_no_more_and_still_answers() -> None:
    env = ShogiVectorEnv(1, obs="compact")
    env.reset(seed=4)
    trees = Search(opinionated, SearchSettings(nodes=20)).begin(env.standing())
    assert trees.simulate(1000) == 20
    assert trees.simulate(1000) == 0
    assert trees.found().actions[0] in env.board(0).legal_actions()


def test_a_tree_without_a_simulation_answers_with_its_policy() -> None:
    env = games(MATE_IN_ONE)
    chosen = SearchSettings(nodes=20, mate_nodes=0)
    found = Search(opinionated, chosen).begin(env.standing()).found()
    assert found.tree.priors[found.tree.first_edges[0]] == found.tree.priors[:20].max()
    assert found.actions[0] == found.tree.actions[found.tree.first_edges[0]]


def test_a_proven_tree_grows_no_more() -> None:
    trees = Search(uniform, settings("gumbel", 2000)).begin(games(MATE_IN_ONE).standing())
    assert 0 < trees.simulate(1900) < 1900
    assert trees.simulate(100) == 0


@METHODS
def test_ends_of_games_do_not_end_a_search(method: str) -> None:
    # All is over after the reply: simulations come to ends of games again and again.
    env = games("4k4/9/9/9/9/9/9/9/R3K4 b - 1", max_plies=2)
    chosen = SearchSettings(nodes=60, method=method, mate_nodes=0, candidates=2, c_puct=0.1)  # pyright: ignore[reportArgumentType]
    trees = Search(opinionated, chosen).begin(env.standing())
    made = [trees.simulate(1) for _ in range(60)]
    assert made == [1] * 60
    whole = Search(opinionated, chosen).run(env.standing())
    assert whole.tree.simulations[0] == 60
    assert whole.tree.visits[0] == 61


@METHODS
def test_simulations_that_are_taken_back_leave_nothing_behind(method: str) -> None:
    texts = {"nodes": "60", "leaves": "8", "candidates": "2", "mate_nodes": "0", "method": method}
    trees = Search(opinionated, SearchSettings.from_texts(texts)).begin(
        games(MATE_IN_ONE).standing()
    )
    while trees.simulate(60):
        assert not trees.found().tree.flying.any()


@pytest.mark.parametrize("texts", [{"leaves": "1000000"}, {"mate_nodes": "999999999"}])
def test_the_most_of_a_setting_needs_no_more_than_there_is(texts: dict[str, str]) -> None:
    chosen = SearchSettings.from_texts({"nodes": "2", "candidates": "593", **texts})
    standing = games(*[MATE_IN_ONE] * 64).standing()
    assert Search(opinionated, chosen).run(standing).values.tolist() == [1.0] * 64


def test_a_game_without_a_move_is_refused() -> None:
    standing = Board(MATED).standing(Rules(512, declaration=True))
    with pytest.raises(ValueError, match="game 0 has no legal move"):
        Search(uniform, SearchSettings(nodes=4)).begin(standing)


@pytest.mark.usefixtures("torch_threads")
def test_threads_change_nothing() -> None:
    env = ShogiVectorEnv(300, obs="compact")
    env.reset(seed=4)
    evaluator = NetworkEvaluator(load_policy(SHIPPED_POLICY))
    found: list[list[float]] = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        result = Search(evaluator.for_search(), SearchSettings(nodes=24)).run(env.standing())
        found.append([*result.actions.tolist(), *result.values.tolist()])
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_memory_stays_flat_over_a_thousand_moves() -> None:
    env = ShogiVectorEnv(256, obs="compact", max_plies=320)
    env.reset(seed=4)
    search = Search(NetworkEvaluator(load_policy(SHIPPED_POLICY)).for_search(), SearchSettings(8))
    peaks: list[int] = []
    for move in range(1000):
        env.step(search.run(env.standing()).actions)
        if move in (200, 999):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    # In KiB. The trees of one move take 5 MB.
    assert peaks[1] - peaks[0] < 2_000
