"""RLlib: the games as its env runners make them, and a network that obeys the masks."""

# pyright: basic, reportMissingImports=false
# (RLlib is not installed where the types are checked.)

from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray.rllib")

import gymnasium as gym
import torch
from gymnasium.vector import AutoresetMode
from ray.rllib.core.columns import Columns

from keisei.vec.adapters.rllib import MaskedRLModule, make_env


def tensors(obs: Any) -> dict[str, Any]:
    return {Columns.OBS: {name: torch.from_numpy(array) for name, array in obs.items()}}


def module_of(env: Any) -> MaskedRLModule:
    return MaskedRLModule(
        observation_space=env.single_observation_space, action_space=env.single_action_space
    )


def test_the_environment_config_reaches_the_games() -> None:
    env = make_env({"num_envs": 3, "max_plies": 4, "seats": "white"})
    assert env.num_envs == 3
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    obs, _ = env.reset(seed=1)
    assert set(obs) == {"observations", "action_mask"}
    assert obs["observations"].dtype == np.float32
    assert env.seats.tolist() == [1, 1, 1]
    # With White the learner plays the second and the fourth ply.
    assert not env.step(env.sample_actions())[3].any()
    assert env.step(env.sample_actions())[3].all()


def test_gymnasium_makes_one_environment_of_many_games() -> None:
    def entry_point(**options: Any) -> Any:
        return make_env(options)

    gym.register("keisei-in-rllib", vector_entry_point=entry_point)
    env = gym.make_vec("keisei-in-rllib", 2, gym.VectorizeMode.VECTOR_ENTRY_POINT)
    assert env.reset(seed=1)[0]["action_mask"].shape == (2, 2187)


def test_illegal_actions_have_probability_zero() -> None:
    env = make_env({"num_envs": 4})
    obs, _ = env.reset(seed=1)
    logits = module_of(env).forward_inference(tensors(obs))[Columns.ACTION_DIST_INPUTS]
    assert np.array_equal(logits.softmax(-1).numpy() > 0, obs["action_mask"] == 1)


def test_values_are_the_same_from_features_and_from_observations() -> None:
    env = make_env({"num_envs": 4})
    module, batch = module_of(env), tensors(env.reset(seed=1)[0])
    features = module.forward_train(batch)[Columns.EMBEDDINGS]
    assert torch.equal(module.compute_values(batch), module.compute_values(batch, features))
    assert module.compute_values(batch).shape == (4,)
