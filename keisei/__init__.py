"""Keisei: batched shogi as a Gymnasium environment, and self-play PPO on top of it."""

import gymnasium

__version__ = "0.1.0"

gymnasium.register(
    id="keisei/Shogi-v0",
    entry_point="keisei.vec:ShogiEnv",
    vector_entry_point="keisei.vec:ShogiVectorEnv",
)
