"""Keisei: batched shogi as a Gymnasium environment, and self-play PPO on top of it."""

import gymnasium

__version__ = "0.1.0"

ENV_ID = "keisei/Shogi-v0"
"""The environment with its version, which rises when observations, actions or rewards change."""

gymnasium.register(  # pyright: ignore[reportUnknownMemberType]
    id=ENV_ID,
    entry_point="keisei.vec:ShogiEnv",
    vector_entry_point="keisei.vec:ShogiVectorEnv",
)
