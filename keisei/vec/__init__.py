"""N games of shogi at once behind Gymnasium's interfaces."""

from keisei.vec.env import IllegalActionError, ShogiVectorEnv
from keisei.vec.single import ShogiEnv

__all__ = ["IllegalActionError", "ShogiEnv", "ShogiVectorEnv"]
