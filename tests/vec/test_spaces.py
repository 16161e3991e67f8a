from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from keisei.shogi.constants import NUM_ACTIONS
from keisei.vec import ShogiVectorEnv

PLANES = Box(0, 255, (47, 9, 9), np.uint8)
SPACES = {
    "box": PLANES,
    "dict": Dict({"observation": PLANES, "action_mask": Box(0, 1, (2187,), np.int8)}),
    "compact": Dict(
        {
            "state": Box(0, 255, (100,), np.uint8),
            "action_mask_bits": Box(0, 255, (274,), np.uint8),
        }
    ),
}


def _env(**settings: Any) -> Any:
    """Three games; Gymnasium's spaces have no complete types, so the environment has none here."""
    return ShogiVectorEnv(3, **settings)


def test_actions() -> None:
    env = _env()
    assert env.num_envs == 3
    assert env.single_action_space == Discrete(NUM_ACTIONS)
    assert env.action_space == MultiDiscrete([NUM_ACTIONS] * 3)


@pytest.mark.parametrize("obs_form", ["dict", "box", "compact"])
def test_spaces_of_observations(obs_form: str) -> None:
    env = _env(obs=obs_form)
    assert env.single_observation_space == SPACES[obs_form]
    assert env.observation_space == batch_space(SPACES[obs_form], 3)
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    obs, *_ = env.step(env.sample_actions())
    assert env.observation_space.contains(obs)


@pytest.mark.parametrize("obs_form", ["dict", "box"])
def test_planes_as_floats(obs_form: str) -> None:
    env = _env(obs=obs_form, dtype="float32")
    space = env.single_observation_space
    assert (space if obs_form == "box" else space["observation"]) == Box(
        0.0, 1.0, (47, 9, 9), np.float32
    )
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)


@pytest.mark.parametrize("obs_form", ["dict", "compact"])
def test_other_names_for_the_entries(obs_form: str) -> None:
    env = _env(obs=obs_form, obs_keys=["observations", "mask"], max_plies=1)
    usual = _env(obs=obs_form, max_plies=1)
    assert set(env.single_observation_space) == {"observations", "mask"}
    obs, other = env.reset(seed=0)[0], usual.reset(seed=0)[0]
    assert env.observation_space.contains(obs)
    np.testing.assert_array_equal(obs["observations"], next(iter(other.values())))
    final = env.step(env.sample_actions())[4]["final_obs"][0]
    assert env.single_observation_space.contains(final)


def test_dtypes_of_a_step() -> None:
    env = ShogiVectorEnv(3)
    obs, _ = env.reset(seed=0)
    assert obs["observation"].dtype == np.uint8
    assert obs["action_mask"].dtype == np.int8
    masks = env.action_masks()
    assert (masks.shape, masks.dtype) == ((3, NUM_ACTIONS), np.bool_)
    sampled = env.sample_actions()
    assert (sampled.shape, sampled.dtype) == ((3,), np.int64)
    _, rewards, terminations, truncations, infos = env.step(sampled)
    assert (rewards.shape, rewards.dtype) == ((3,), np.float32)
    assert (terminations.shape, terminations.dtype) == ((3,), np.bool_)
    assert (truncations.shape, truncations.dtype) == ((3,), np.bool_)
    assert infos == {}


def test_masks_choose_from_the_action_space() -> None:
    env = _env()
    obs, _ = env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(5):
        chosen = env.action_space.sample(tuple(obs["action_mask"]))
        obs, *_ = env.step(chosen)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_autoreset_mode_is_said_twice(mode: AutoresetMode) -> None:
    env = ShogiVectorEnv(2, autoreset_mode=mode.value)
    assert env.metadata["autoreset_mode"] is mode
    assert env.autoreset_mode is mode


def test_two_modes_side_by_side_keep_their_own() -> None:
    first = ShogiVectorEnv(1, autoreset_mode="SameStep")
    second = ShogiVectorEnv(1, autoreset_mode="Disabled")
    assert first.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert second.metadata["autoreset_mode"] is AutoresetMode.DISABLED


@pytest.mark.parametrize(
    ("arguments", "bad_part"),
    [
        ({"num_envs": 0}, "0"),
        ({"num_envs": -3}, "-3"),
        ({"num_envs": 2.5}, "2.5"),
        ({"max_plies": 0}, "0"),
        ({"obs": "plane"}, "'plane'"),
        ({"autoreset_mode": "Never"}, "'Never'"),
        ({"declaration": "on"}, "'on'"),
        ({"num_threads": 0}, "0"),
        ({"dtype": "int8"}, "'int8'"),
        ({"obs_keys": ["a"]}, "obs_keys"),
        ({"obs_keys": ["a", "a"]}, "obs_keys"),
        ({"obs_keys": "ab"}, "obs_keys"),
        ({"obs": "box", "obs_keys": ["a", "b"]}, "left out"),
        ({"render_mode": "human"}, "'human'"),
        ({"initial_sfens": []}, "initial_sfens"),
        ({"initial_sfens": ["4k4/9"]}, "SFEN"),
    ],
)
def test_bad_settings_are_refused(arguments: dict[str, Any], bad_part: str) -> None:
    with_defaults: dict[str, Any] = {"num_envs": 2, **arguments}
    with pytest.raises(ValueError, match=bad_part):
        ShogiVectorEnv(**with_defaults)


def test_it_is_a_vector_env() -> None:
    assert isinstance(ShogiVectorEnv(1), gymnasium.vector.VectorEnv)
