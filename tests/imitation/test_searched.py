"""What games with searches leave to learn from."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from keisei.config_schema import EnvConfig
from keisei.imitation.searched import Searched, SearchedGames, Teacher
from keisei.players.descriptions import SHIPPED_POLICY
from keisei.rl.embedding.network import EmbeddingNet
from keisei.rl.network_base import PolicyValueNet
from keisei.search.settings import SearchSettingsError
from keisei.shogi.constants import NUM_ACTIONS, WHITE
from keisei.shogi.features import STATE_SIZE, TO_MOVE
from keisei.training.model_manager import load_policy
from keisei.vec import ShogiVectorEnv
from tests.search.positions import MATE_IN_ONE, MATE_IN_THREE

CPU = torch.device("cpu")
RESULTS = Teacher(nodes=4, c_scale=0.45, root_share=0.0)


def network(seed: int = 1) -> EmbeddingNet:
    torch.manual_seed(seed)
    return EmbeddingNet(STATE_SIZE, NUM_ACTIONS, width=64)


def games(teacher: Teacher, *sfens: str, **settings: Any) -> SearchedGames:
    chosen: dict[str, Any] = {"max_plies": 30, "random_opening_share": 0.0, **settings}
    openings = EnvConfig(num_envs=4, **chosen)
    env = ShogiVectorEnv(
        4, obs="compact", max_plies=openings.max_plies, initial_sfens=sfens or None, copy=False
    )
    return SearchedGames(env, openings, teacher, seed=5, draws=3)


def play(
    positions: int,
    teacher: Teacher,
    *sfens: str,
    mover: PolicyValueNet | None = None,
    **settings: Any,
) -> Searched:
    mover = network() if mover is None else mover
    return games(teacher, *sfens, **settings).play(mover, CPU, positions, lambda _: True)


def shipped() -> PolicyValueNet:
    return load_policy(SHIPPED_POLICY)


def divided(found: Searched) -> list[Searched]:
    """The positions of each game."""
    begins = np.flatnonzero(np.diff(found.keys)) + 1
    rows = np.split(np.arange(len(found)), begins)
    return [
        Searched(*(getattr(found, each.name)[part] for each in fields(Searched))) for part in rows
    ]


def test_results_belong_to_the_player_to_move() -> None:
    # The solver finds the mate in three, so that White is mated by Black's second move, unless a
    # move is drawn from the policy.
    mates = [each.targets.tolist() for each in divided(play(200, RESULTS, MATE_IN_THREE))]
    mates = [targets for targets in mates if len(targets) == 3]
    assert mates
    assert all(targets == [1.0, -1.0, 1.0] for targets in mates)


def test_the_value_learns_a_mean_of_result_and_search() -> None:
    # The games are the same: what is learned from them does not change how they are played.
    result, mean, search = (
        play(400, replace(RESULTS, root_share=share), mover=shipped(), max_plies=200).targets
        for share in (0.0, 0.25, 1.0)
    )
    np.testing.assert_allclose(mean, 0.75 * result + 0.25 * search, atol=1e-6)
    assert set(result.tolist()) == {-1.0, 1.0}
    assert np.abs(search).min() < 0.9
    assert np.corrcoef(result, search)[0, 1] > 0.2


def test_what_the_search_says_favours_no_side() -> None:
    # Each position is the other's a ply later; a bias against the player to move would not cancel.
    found = play(1500, replace(RESULTS, root_share=1.0, nodes=32), mover=shipped(), max_plies=60)
    pairs = [each.targets[1:] + each.targets[:-1] for each in divided(found)]
    # With the mean of all visits, which halving spends on what it gives up, it is -0.15.
    assert abs(np.concatenate(pairs).mean()) < 0.05


def test_games_that_the_cap_cuts_off_have_no_result() -> None:
    cut = play(100, RESULTS, max_plies=8)
    assert 0 < np.abs(cut.targets).max() < 0.5


def test_only_the_winning_move_is_drawn_where_one_is_proven() -> None:
    first = [each for each in divided(play(20, RESULTS, MATE_IN_ONE)) if len(each) == 1]
    assert len({tuple(each.draws[0].tolist()) for each in first}) == 1
    assert len(set(first[0].draws[0].tolist())) == 1


def sureness(draws: Any) -> float:
    """How often two draws from the same policy are the same."""
    return float((draws[:, 0] == draws[:, 1]).mean())


def test_how_sure_the_policy_becomes_follows_from_c_scale() -> None:
    less, more = (
        play(300, replace(RESULTS, c_scale=c_scale), mover=shipped()).draws
        for c_scale in (0.01, 5.0)
    )
    assert sureness(less) < sureness(more) - 0.2


def test_the_search_divides_by_what_suits_the_policy() -> None:
    usual, hot = shipped(), shipped()
    hot.search_temperature = 50.0
    less, more = (play(300, RESULTS, mover=mover).draws for mover in (hot, usual))
    assert sureness(less) < sureness(more) - 0.2


def test_a_share_of_the_moves_is_drawn_from_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    def course() -> bytes:
        return play(200, RESULTS, mover=shipped()).states.tobytes()

    as_it_is = course()
    courses = {as_it_is}
    for share in (0.0, 1.0):
        monkeypatch.setattr("keisei.imitation.searched._SAMPLED_SHARE", share)
        courses.add(course())
    assert len(courses) == 3


def test_the_noise_of_the_search_makes_games_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keisei.imitation.searched._SAMPLED_SHARE", 0.0)
    found = divided(play(100, RESULTS, mover=shipped()))
    assert len({each.states[:20].tobytes() for each in found}) == len(found)


def test_positions_are_whole_and_their_actions_legal() -> None:
    lessons = play(300, RESULTS, random_opening_share=0.5, random_opening_plies=6)
    found = divided(lessons)
    assert len(lessons) == sum(map(len, found)) >= 300
    assert len(set(lessons.keys.tolist())) == len(found)
    legal = np.unpackbits(lessons.mask_bits, axis=1, bitorder="little")
    assert legal[np.arange(len(lessons))[:, None], lessons.draws].all()
    # Players take turns within a game.
    for each in found:
        turns = each.states[:, TO_MOVE]
        assert (turns[1:] != turns[:-1]).all()
    rows = np.array([2, 0])
    examples = lessons.examples(rows, 4)
    assert examples.actions.tolist() == lessons.draws[rows, 1].tolist()
    assert np.array_equal(examples.states, lessons.states[rows])


def test_random_plies_are_not_learned_from() -> None:
    found = divided(play(100, RESULTS, random_opening_share=1.0, random_opening_plies=1))
    assert {int(each.states[0, TO_MOVE]) for each in found} == {WHITE}
    assert {len(each) for each in found} == {29}


def test_the_seed_says_everything() -> None:
    one, two = (play(60, RESULTS) for _ in range(2))
    for each in fields(Searched):
        assert np.array_equal(getattr(one, each.name), getattr(two, each.name))


def test_games_go_on_with_the_next_call() -> None:
    begun, mover = games(RESULTS, max_plies=12), network()
    answers = iter([True] * 5 + [False])
    assert len(begun.play(mover, CPU, 10**6, lambda _: next(answers))) == 0
    assert len(begun.play(mover, CPU, 1, lambda _: True)) == 4 * 12
    assert begun.metrics()["search/plies"] == 12.0


@pytest.mark.parametrize("wrong", [{"root_share": float("nan")}, {"c_scale": -1.0}, {"nodes": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SearchSettingsError, match=next(iter(wrong))):
        replace(RESULTS, **wrong).settings()
