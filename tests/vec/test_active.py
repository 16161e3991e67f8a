"""Steps in which only some games move."""

from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from keisei.vec import IllegalActionError, ShogiVectorEnv
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, Shadow, actions

ONLY_FIRST = np.array([True, False, False])


def test_the_others_stand_still() -> None:
    env = ShogiVectorEnv(3, obs="compact")
    before, _ = env.reset(seed=0)
    chosen = actions(env, "7g7f", "7g7f", "7g7f")
    chosen[1:] = -1  # not looked at
    obs, rewards, terminations, truncations, infos = env.step(chosen, active=ONLY_FIRST)
    np.testing.assert_array_equal(obs["state"][1:], before["state"][1:])
    assert obs["state"][:, 97].tolist() == [1, 0, 0]
    assert rewards.tolist() == [0.0] * 3
    assert not (terminations | truncations).any()
    assert infos == {}
    with pytest.raises(IllegalActionError, match="Game 1"):
        env.step(chosen, active=~ONLY_FIRST)


def test_results_of_an_earlier_step_are_not_told_again() -> None:
    env = ShogiVectorEnv(3, obs="compact", initial_sfens=[MATE_IN_ONE, BARE_KINGS, BARE_KINGS])
    env.reset(seed=0)
    _, rewards, terminations, *_ = env.step(actions(env, "G*5b", "5i5h", "5i5h"))
    assert (rewards.tolist(), terminations.tolist()) == ([1.0, 0, 0], [True, False, False])
    _, rewards, terminations, truncations, infos = env.step(
        env.sample_actions(), active=~ONLY_FIRST
    )
    assert rewards.tolist() == [0.0] * 3
    assert not (terminations | truncations).any()
    assert infos == {}


def test_histories_do_not_grow_while_standing_still() -> None:
    env = ShogiVectorEnv(2, obs="compact", max_plies=9, initial_sfens=[BARE_KINGS])
    env.reset(seed=3)
    shadow = Shadow([BARE_KINGS] * 2)
    rng = np.random.default_rng(0)
    for _ in range(30):
        active = rng.random(2) < 0.5
        chosen = env.sample_actions()
        obs, _, terminations, truncations, _ = env.step(chosen, active=active)
        shadow.step(chosen, active)
        shadow.restart(terminations | truncations)
        np.testing.assert_array_equal(obs["state"], shadow.states(9))
        np.testing.assert_array_equal(env.action_masks(), shadow.masks())


def test_a_finished_game_may_wait() -> None:
    env = ShogiVectorEnv(
        3, initial_sfens=[MATE_IN_ONE, BARE_KINGS, BARE_KINGS], autoreset_mode="Disabled"
    )
    env.reset(seed=0)
    env.step(actions(env, "G*5b", "5i5h", "5i5h"))
    for _ in range(3):
        env.step(env.sample_actions(), active=~ONLY_FIRST)
    with pytest.raises(ResetNeeded, match="Game 0"):
        env.step(env.sample_actions(), active=ONLY_FIRST)


def test_a_game_that_waits_for_its_next_step_begins_when_it_is_active_again() -> None:
    env = ShogiVectorEnv(
        3,
        obs="compact",
        initial_sfens=[MATE_IN_ONE, BARE_KINGS, BARE_KINGS],
        autoreset_mode="NextStep",
    )
    first, _ = env.reset(seed=0)
    after, *_ = env.step(actions(env, "G*5b", "5i5h", "5i5h"))
    waiting, *_ = env.step(env.sample_actions(), active=~ONLY_FIRST)
    np.testing.assert_array_equal(waiting["state"][0], after["state"][0])
    begun, *_ = env.step(env.sample_actions(), active=ONLY_FIRST)
    np.testing.assert_array_equal(begun["state"][0], first["state"][1])
    np.testing.assert_array_equal(begun["state"][1:], waiting["state"][1:])


def test_a_plain_list_names_the_games_as_well() -> None:
    games = [ShogiVectorEnv(3, obs="compact") for _ in range(2)]
    for env in games:
        env.reset(seed=0)
    listed, *_ = games[0].step(games[0].sample_actions(), active=[True, False, True])
    marked, *_ = games[1].step(games[1].sample_actions(), active=np.array([True, False, True]))
    np.testing.assert_array_equal(listed["state"], marked["state"])


def test_games_that_do_not_draw_keep_their_streams() -> None:
    env, other = (ShogiVectorEnv(3) for _ in range(2))
    env.reset(seed=0)
    other.reset(seed=0)
    drawn = env.sample_actions([True, False, False])
    usual = other.sample_actions()
    assert drawn.tolist() == [usual[0], 0, 0]
    later = env.sample_actions()
    assert later[1:].tolist() == usual[1:].tolist()
    assert later[0] == other.sample_actions()[0]
    with pytest.raises(ValueError, match="active"):
        env.sample_actions([True, False])


@pytest.mark.parametrize("active", [np.ones(3), np.ones(2, np.bool_), np.ones((3, 1), np.bool_)])
def test_masks_that_do_not_fit_are_refused(active: NDArray[Any]) -> None:
    env = ShogiVectorEnv(3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="active"):
        env.step(env.sample_actions(), active=active)
