"""Steps whose observations nobody asks for."""

import copy
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest

from keisei.vec import ShogiVectorEnv

NUM_ENVS = 40
MAX_PLIES = 30
FORMS = ["compact", "dict", "box"]


def games(form: str, **options: Any) -> ShogiVectorEnv:
    env = ShogiVectorEnv(NUM_ENVS, obs=form, max_plies=MAX_PLIES, **options)
    env.reset(seed=3)
    return env


def assert_equal(left: Any, right: Any) -> None:
    """Compare observations of any form, final ones too."""
    if isinstance(left, dict):
        entries = cast(dict[str, Any], left)
        assert list(entries) == list(right)
        for name, entry in entries.items():
            assert_equal(entry, right[name])
    elif left is None or right is None:
        assert left is right
    elif left.dtype == object:
        for one, other in zip(left, right, strict=True):
            assert_equal(one, other)
    else:
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("num_threads", [1, 2])
def test_only_the_observations_are_missing(form: str, copies: bool, num_threads: int) -> None:
    seen = games(form)
    unseen = games(form, copy=copies, num_threads=num_threads)
    active = np.arange(NUM_ENVS) % 3 != 0  # so that games end at different steps
    for step in range(2 * MAX_PLIES):
        actions = seen.sample_actions()
        assert (unseen.sample_actions() == actions).all()
        moving = active if step % 4 == 0 else None
        obs, *full = seen.step(actions, moving)
        nothing, *rest = unseen.step(actions, moving, observe=False)
        assert isinstance(nothing, dict)
        assert not nothing
        for one, other in zip(full, rest, strict=True):
            assert_equal(one, other)
        if step % 7 == 0:
            assert_equal(unseen.observe(), obs)


@pytest.mark.parametrize("form", FORMS)
def test_arrays_that_a_caller_holds_stay(form: str) -> None:
    env = games(form)
    held = env.observe()
    kept = copy.deepcopy(held)
    for _ in range(MAX_PLIES):
        env.step(env.sample_actions(), observe=False)
    assert_equal(held, kept)


def test_colours_to_move() -> None:
    env = games("compact")
    actions = env.sample_actions()
    active = np.arange(NUM_ENVS) % 2 == 1
    obs, *_ = env.step(actions, active)
    assert env.colours_to_move().tolist() == [0, 1] * (NUM_ENVS // 2)
    assert isinstance(obs, dict)
    assert (obs["state"][:, 97] == env.colours_to_move()).all()


def test_nothing_is_observed_before_the_games_begin() -> None:
    with pytest.raises(gym.error.ResetNeeded):
        ShogiVectorEnv(2).observe()
