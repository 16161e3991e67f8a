"""The embedding network for who looks ahead: values first, moves of a position only when asked.

All is one kernel a step, position by position, so that the numbers do not depend on what else is
asked about at the same time. They are those of :class:`EmbeddingNet` but for the order of sums.

Letters: B positions, M moves.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from keisei.rl.embedding.autograd import for_each, slices
from keisei.rl.embedding.judging import Layers, judge_moves, judge_positions
from keisei.rl.embedding.kernels import POLICY_WIDTH, Floats
from keisei.rl.embedding.network import EmbeddingNet
from keisei.shogi.intrinsics import hold


class EmbeddingJudge:
    """What an embedding network on the CPU says of positions, and later of their moves.

    Args:
        network: Its layers are read now; its tables may go on changing.

    Attributes:
        memory: Numbers to be kept of a position until its moves are asked about.
    """

    memory = POLICY_WIDTH

    def __init__(self, network: EmbeddingNet) -> None:
        self._held = hold(
            Layers(
                _weights(network.input_table),
                _weights(network.input_bias),
                *_layer(network.hidden),
                *_layer(network.value_hidden),
                *_layer(network.value_out),
                *_layer(network.policy_vector),
                _weights(network.move_table),
            )
        )

    def values(
        self, states: NDArray[np.uint8], memories: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Values float32 [B] in [-1, 1] to the players to move.

        Args:
            states: uint8 [B, 100], compact states.
            memories: float32 [B, memory], written.
        """
        values = np.empty(len(states), np.float32)
        for_each(slices(len(states)), judge_positions, self._held, states, memories, values)
        return values

    def logits(
        self,
        states: NDArray[np.uint8],
        memories: NDArray[np.float32],
        offsets: NDArray[np.int64],
        actions: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Log-probabilities float32 [M] of moves, but for a constant in each position.

        Args:
            states: uint8 [B, 100], as for ``values``.
            memories: float32 [B, memory], as written then.
            offsets: int64 [B + 1], where the moves of each position begin.
            actions: int64 [M], legal actions.
        """
        logits = np.empty(len(actions), np.float32)
        moves = (offsets, actions)
        for_each(slices(len(states)), judge_moves, self._held, states, memories, moves, logits)
        return logits


def _weights(tensor: Tensor) -> Floats:
    """A parameter's memory."""
    return tensor.detach().float().contiguous().numpy()


def _layer(layer: nn.Linear) -> tuple[Floats, Floats]:
    """A layer's weights with a row for each input, and its bias."""
    return _weights(layer.weight.T), _weights(layer.bias)
