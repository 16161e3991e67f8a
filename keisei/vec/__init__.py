"""N games of shogi at once behind Gymnasium's interfaces."""

from keisei.vec.env import ShogiVectorEnv
from keisei.vec.opponent import Opponent, OpponentVectorEnv
from keisei.vec.single import ShogiEnv
from keisei.vec.stepper import IllegalActionError

__all__ = ["IllegalActionError", "Opponent", "OpponentVectorEnv", "ShogiEnv", "ShogiVectorEnv"]
