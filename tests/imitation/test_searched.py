"""What games with searches leave to learn from."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from keisei.config_schema import EnvConfig
from keisei.imitation.searched import Searched, SearchedGames, Teacher, joined_games
from keisei.rl.embedding.network import EmbeddingNet
from keisei.search.settings import SearchSettingsError
from keisei.shogi.constants import NUM_ACTIONS, WHITE
from keisei.shogi.features import STATE_SIZE, TO_MOVE
from keisei.vec import ShogiVectorEnv
from tests.search.positions import MATE_IN_ONE, MATE_IN_THREE

CPU = torch.device("cpu")
RESULTS = Teacher(nodes=4, c_scale=0.45, root_share=0.0)


def network(seed: int = 1) -> EmbeddingNet:
    torch.manual_seed(seed)
    return EmbeddingNet(STATE_SIZE, NUM_ACTIONS, width=64)


def play(positions: int, teacher: Teacher, *sfens: str, **settings: Any) -> list[Searched]:
    chosen: dict[str, Any] = {"max_plies": 30, "random_opening_share": 0.0, **settings}
    openings = EnvConfig(num_envs=4, **chosen)
    env = ShogiVectorEnv(
        4, obs="compact", max_plies=openings.max_plies, initial_sfens=sfens or None, copy=False
    )
    games = SearchedGames(env, openings, teacher, seed=5, draws=3)
    return games.play(network(), CPU, positions, lambda: True)


def test_results_belong_to_the_player_to_move() -> None:
    # The solver finds the mate in three, so that White is mated by Black's second move, unless a
    # move is drawn from the policy.
    found = play(200, RESULTS, MATE_IN_THREE)
    mates = [game.targets.tolist() for game in found if len(game) == 3]
    assert mates
    assert all(targets == [1.0, -1.0, 1.0] for targets in mates)


def test_the_value_learns_a_mean_of_result_and_search() -> None:
    found = play(20, replace(RESULTS, root_share=0.5), MATE_IN_ONE)
    won = [game.targets.tolist() for game in found if len(game) == 1]
    assert won
    # The search is as sure of the mate as the result.
    assert all(targets == [1.0] for targets in won)
    # What the ply cap cuts off has no result.
    cut = joined_games(play(100, RESULTS, max_plies=8))
    assert 0 < np.abs(cut.targets).max() < 0.5


def test_only_the_winning_move_is_drawn_where_one_is_proven() -> None:
    first = [game for game in play(20, RESULTS, MATE_IN_ONE) if len(game) == 1]
    assert len({tuple(game.draws[0].tolist()) for game in first}) == 1
    assert len(set(first[0].draws[0].tolist())) == 1


def test_positions_are_whole_and_their_actions_legal() -> None:
    found = play(300, RESULTS, random_opening_share=0.5, random_opening_plies=6)
    lessons = joined_games(found)
    assert len(lessons) == sum(map(len, found)) >= 300
    assert len(set(lessons.keys.tolist())) == len(found)
    legal = np.unpackbits(lessons.mask_bits, axis=1, bitorder="little")
    assert legal[np.arange(len(lessons))[:, None], lessons.draws].all()
    # Players take turns within a game.
    for game in found:
        turns = game.states[:, TO_MOVE]
        assert (turns[1:] != turns[:-1]).all()
        assert len(set(game.keys.tolist())) == 1
    rows = np.array([2, 0])
    examples = lessons.examples(rows, 4)
    assert examples.actions.tolist() == lessons.draws[rows, 1].tolist()
    assert np.array_equal(examples.states, lessons.states[rows])


def test_random_plies_are_not_learned_from() -> None:
    found = play(100, RESULTS, random_opening_share=1.0, random_opening_plies=1)
    assert {int(game.states[0, TO_MOVE]) for game in found} == {WHITE}
    assert {len(game) for game in found} == {29}


def test_the_seed_says_everything() -> None:
    one, two = (joined_games(play(60, RESULTS)) for _ in range(2))
    assert np.array_equal(one.states, two.states)
    assert np.array_equal(one.draws, two.draws)
    assert np.array_equal(one.keys, two.keys)


def test_it_stops_when_it_is_asked_to() -> None:
    openings = EnvConfig(num_envs=4, max_plies=30)
    env = ShogiVectorEnv(4, obs="compact", max_plies=30, copy=False)
    answers = iter([True, True, False])
    games = SearchedGames(env, openings, RESULTS, seed=5, draws=1)
    assert games.play(network(), CPU, 10**6, lambda: next(answers)) == []


@pytest.mark.parametrize("wrong", [{"root_share": float("nan")}, {"c_scale": -1.0}, {"nodes": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SearchSettingsError, match=next(iter(wrong))):
        replace(RESULTS, **wrong).settings()
