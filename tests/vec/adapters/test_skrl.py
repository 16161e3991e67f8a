"""skrl: its wrapper takes the vectorised environment as it is."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import pytest

pytest.importorskip("skrl")

import torch
from skrl.envs.wrappers.torch import wrap_env
from skrl.utils.spaces.torch import unflatten_tensorized_space

from keisei.vec import OpponentVectorEnv, ShogiVectorEnv

NUM_ACTIONS = 2187


def test_the_mask_stands_first_in_the_flat_observation() -> None:
    games = OpponentVectorEnv(ShogiVectorEnv(3), "random")
    env: Any = wrap_env(games, wrapper="gymnasium")
    flat, _ = env.reset()
    assert flat.shape == (3, NUM_ACTIONS + 47 * 81)
    for _ in range(4):
        mask = flat[:, :NUM_ACTIONS].bool()
        assert torch.equal(mask, torch.from_numpy(games.action_masks()))
        actions = mask.float().argmax(-1, keepdim=True)
        flat, rewards, terminated, truncated, _ = env.step(actions)
        assert rewards.shape == terminated.shape == truncated.shape == (3, 1)
    parts: Any = unflatten_tensorized_space(env.observation_space, flat)
    assert torch.equal(parts["action_mask"].bool(), torch.from_numpy(games.action_masks()))
