"""Tianshou: its environment for two players, over the PettingZoo one."""

# pyright: basic, reportMissingImports=false
# (Tianshou is not installed where the types are checked.)

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tianshou")

from tianshou.env import DummyVectorEnv, PettingZooEnv

from keisei.vec.adapters.pettingzoo import ShogiAEC


def test_masks_and_players_reach_the_vectorised_environment() -> None:
    def make() -> PettingZooEnv:
        game: Any = ShogiAEC(max_plies=6)
        return PettingZooEnv(game)

    env = DummyVectorEnv([make, make])
    obs, _ = env.reset(seed=1)
    rng = np.random.default_rng(1)
    for ply in range(6):
        assert [each["agent_id"] for each in obs] == [f"player_{ply % 2}"] * 2
        masks = np.array([each["mask"] for each in obs], np.bool_)
        assert masks.sum(axis=1).min() > 0
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        obs, rewards, terminated, truncated, _ = env.step(actions)
        assert rewards.shape == (2, 2), "a column for each player"
        assert not terminated.any()
        assert truncated.tolist() == [ply == 5] * 2
