"""Keisei: batched shogi as a Gymnasium environment, and self-play PPO on top of it."""

__version__ = "0.1.0"
