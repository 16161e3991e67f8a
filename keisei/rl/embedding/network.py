"""The embedding network: a sum of embeddings, a small trunk, a policy factored over legal moves.

On CPUs the two wide steps run in fused kernels (:mod:`keisei.rl.embedding.autograd`) that look at
legal moves only. On other devices, and under ``torch.compile``, the same numbers come from plain
gathers over all 2187 labels.

Letters: B positions, W width of the input sum, H width of the policy vector, A = 27 x 81 labels.
"""

# pyright: reportUnknownMemberType=false
# (torch and tensordict leave parts of their signatures open.)

import torch
from torch import Tensor, nn
from torch.nn import functional

from keisei.rl.embedding.autograd import (
    FoundRows,
    find_rows,
    input_sum,
    legal_log_probs,
    move_choice,
    move_evaluation,
    remember_rows,
)
from keisei.rl.embedding.features import LABEL, NUM_INPUT_ROWS, NUM_MOVE_ROWS
from keisei.rl.embedding.gathers import NO_ROW, Position, StateRows
from keisei.rl.embedding.kernels import COLUMNS_PER_TASK, POLICY_WIDTH
from keisei.rl.embedding.memory import Memory, new_memory
from keisei.rl.network_base import (
    PolicyValueNet,
    bounded_value,
    register_network,
    require_shogi_sizes,
)

_VALUE_HIDDEN = 64
_INPUT_SCALE = 0.1
_MOVE_SCALE = 0.006
_SMALL_GRADIENT = 0.005


@register_network("embedding")
class EmbeddingNet(PolicyValueNet):
    """Sum of embeddings, one hidden layer, tanh value head, factored policy over legal moves.

    The logit of a move is the inner product of a policy vector and the sum of the move's rows of
    the move table; :mod:`keisei.rl.embedding.features` says which rows these are.
    """

    def __init__(
        self,
        state_size: int,
        num_actions: int,
        *,
        width: int = 256,
        fused: bool = True,
        sparse: bool = True,
    ) -> None:
        """Build the tables and the trunk.

        Args:
            state_size: 100, bytes of a compact shogi state.
            num_actions: 2187.
            width: of the input sum and the hidden layer, a multiple of 64.
            fused: use the CPU kernels for states on the CPU; off, the plain path is taken
                everywhere, which is slower there.
            sparse: let the kernels round small gradients of moves at random, which leaves their
                means as they are and is faster.

        Raises:
            ValueError: sizes that are not shogi's, or a width that is no such multiple.
        """
        require_shogi_sizes("embedding", state_size, num_actions)
        if width < COLUMNS_PER_TASK or width % COLUMNS_PER_TASK:
            raise ValueError(
                f"embedding option width must be a positive multiple of {COLUMNS_PER_TASK}, "
                f"not {width}"
            )
        super().__init__(state_size, num_actions)
        self.fused = fused
        self.sparse = sparse
        self._memory: Memory | None = None
        self.rows = StateRows()
        self.input_table = nn.Parameter(torch.empty(NUM_INPUT_ROWS, width))
        self.input_bias = nn.Parameter(torch.zeros(width))
        self.hidden = nn.Linear(width, width)
        self.value_hidden = nn.Linear(width, _VALUE_HIDDEN)
        self.value_out = nn.Linear(_VALUE_HIDDEN, 1)
        self.policy_vector = nn.Linear(width, POLICY_WIDTH)
        self.move_table = nn.Parameter(torch.empty(NUM_MOVE_ROWS, POLICY_WIDTH))
        self._initialise()

    def logits_and_value(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Unmasked logits float32[B, 2187] and value float32[B] of states uint8[B, 100]."""
        position = self.rows.position(state)
        trunk = self._trunk(self._gathered_sum(position))
        vector = self.policy_vector(trunk)
        scores = vector @ self.move_table.T.to(vector.dtype)
        # Added up in float32, whatever the precision of the products.
        logits = scores[:, : LABEL.end].float()
        for rows in self.rows.move_rows(position):
            logits = logits + scores.gather(1, rows)
        return logits, self._value_of(trunk)

    def forward(
        self, state: Tensor, mask_bits: Tensor, actions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See :meth:`PolicyValueNet.forward`."""
        if not self._takes_kernels(state):
            return super().forward(state, mask_bits, actions)
        found, trunk, vector = self._read(state, mask_bits, self._memory)
        small = _SMALL_GRADIENT if self.sparse else 0.0
        log_prob, entropy = move_evaluation(vector, self.move_table, found, actions, small)
        return log_prob, entropy, self._value_of(trunk)

    def act(
        self, state: Tensor, mask_bits: Tensor, uniforms: Tensor, *, deterministic: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See :meth:`PolicyValueNet.act`."""
        if not self._takes_kernels(state):
            return super().act(state, mask_bits, uniforms, deterministic=deterministic)
        found, trunk, vector = self._read(state, mask_bits)
        if self._memory is not None:
            remember_rows(self._memory, state, found)
        actions, log_prob = move_choice(
            vector, self.move_table, found, uniforms, deterministic=deterministic
        )
        return actions, log_prob, self._value_of(trunk)

    def legal_log_probs(self, state: Tensor, mask_bits: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`PolicyValueNet.legal_log_probs`; on a CPU without gradients for the policy."""
        if not self._takes_kernels(state):
            return super().legal_log_probs(state, mask_bits)
        found, trunk, vector = self._read(state, mask_bits)
        return legal_log_probs(vector, self.move_table, found), self._value_of(trunk)

    def remember(self, positions: int) -> None:
        """See :meth:`PolicyValueNet.remember`; some 2 KB a position."""
        self._memory = new_memory(positions) if positions else None

    def value(self, state: Tensor) -> Tensor:
        """Value float32[B] in [-1, 1] of states uint8[B, 100] to the player to move."""
        if self._takes_kernels(state):
            total = input_sum(self.input_table, find_rows(state))
        else:
            total = self._gathered_sum(self.rows.position(state))
        return self._value_of(self._trunk(total))

    def _takes_kernels(self, state: Tensor) -> bool:
        return self.fused and state.device.type == "cpu" and not torch.compiler.is_compiling()

    def _read(
        self, state: Tensor, mask_bits: Tensor, memory: Memory | None = None
    ) -> tuple[FoundRows, Tensor, Tensor]:
        """Rows, trunk float[B, W] and policy vectors float[B, H] by the kernels."""
        found = find_rows(state, mask_bits, memory)
        trunk = self._trunk(input_sum(self.input_table, found))
        return found, trunk, self.policy_vector(trunk)

    def _gathered_sum(self, position: Position) -> Tensor:
        """Input sum float[B, W] without the kernels."""
        # The padding row is appended here, so that it is neither a parameter nor in files.
        padded = functional.pad(self.input_table, (0, 0, 0, 1))
        return functional.embedding_bag(
            self.rows.input_rows(position), padded, mode="sum", padding_idx=NO_ROW
        )

    def _trunk(self, total: Tensor) -> Tensor:
        """What both heads read, float[B, W], from the input sum."""
        inputs = functional.relu(total + self.input_bias, inplace=True)
        return functional.relu(self.hidden(inputs), inplace=True)

    def _value_of(self, trunk: Tensor) -> Tensor:
        hidden = functional.relu(self.value_hidden(trunk))
        return bounded_value(self.value_out, hidden)

    def _initialise(self) -> None:
        if self.input_table.is_meta:
            return  # Only the sizes are asked for; torch would load its compiler to draw nothing.
        # Nearly two hundred rows are added up, so the sums start with a spread of about 1.4.
        nn.init.normal_(self.input_table, std=_INPUT_SCALE)
        for layer in (self.hidden, self.value_hidden, self.policy_vector):
            nn.init.orthogonal_(layer.weight, gain=2**0.5)
            nn.init.zeros_(layer.bias)
        # A nearly uniform first policy and nearly zero first values.
        nn.init.normal_(self.move_table, std=_MOVE_SCALE)
        nn.init.orthogonal_(self.value_out.weight, gain=0.01)
        nn.init.zeros_(self.value_out.bias)
