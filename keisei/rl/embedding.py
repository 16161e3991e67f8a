"""The embedding network: a sum of embeddings, a small trunk, a policy factored over legal moves.

On CPUs the two wide steps run in fused kernels (:mod:`keisei.rl.embedding_fused`) that look at
legal moves only. On other devices, and under ``torch.compile``, the same numbers come from plain
gathers over all 2187 labels.

Letters: B positions, W width of the input sum, H width of the policy vector, A = 27 x 81 labels.
"""

# pyright: reportUnknownMemberType=false
# (torch and tensordict leave parts of their signatures open.)

import torch
from torch import Tensor, nn
from torch.nn import functional

from keisei.rl import embedding_tables as tables
from keisei.rl.embedding_fused import input_sum, move_choice, move_evaluation
from keisei.rl.embedding_kernels import COLUMNS_PER_TASK, POLICY_WIDTH
from keisei.rl.network_base import PolicyValueNet, register_network, require_shogi_sizes
from keisei.shogi.constants import (
    GOLD,
    KING,
    NUM_ACTIONS,
    NUM_DIRECTIONS,
    NUM_HAND_TYPES,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
)
from keisei.shogi.features import (
    BOARD,
    ENEMY_HAND,
    IN_CHECK,
    OWN_HAND,
    PLIES_LEFT,
    PROGRESS,
    REPETITION,
    TO_MOVE,
)

_NO_ROW = tables.NUM_INPUT_ROWS
_VALUE_HIDDEN = 64
_INPUT_SCALE = 0.1
_MOVE_SCALE = 0.01


class StateRows(nn.Module):
    """Row numbers of positions and of all their labels, computed with plain tensor operations."""

    squares_behind: Tensor
    windows: Tensor
    king_offsets: Tensor
    piece_index: Tensor
    own_kind: Tensor
    enemy_kind: Tensor
    move_kinds: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in (
            "squares_behind",
            "windows",
            "king_offsets",
            "piece_index",
            "own_kind",
            "enemy_kind",
            "move_kinds",
        ):
            table = torch.from_numpy(getattr(tables, name.upper())).long()
            self.register_buffer(name, table, persistent=False)

    def input_rows(self, state: Tensor) -> Tensor:
        """Rows int64[B, MAX_INPUT_ROWS] of the input table; NUM_INPUT_ROWS fills unused slots."""
        board = self._padded_board(state)
        pieces = self._piece_rows(
            board[:, :NUM_SQUARES],
            torch.arange(NUM_SQUARES, device=state.device),
            NUM_SQUARES,
            tables.PIECE_SQUARE_ROW,
        )
        windows: list[Tensor] = []
        slots = torch.arange(tables.WINDOW_SIZE, device=state.device)
        for king, first_row in (
            (KING, tables.OWN_WINDOW_ROW),
            (KING + OTHER_SIDE, tables.ENEMY_WINDOW_ROW),
        ):
            around = self.windows[self._king_square(board, king)]
            codes = board.gather(1, around)
            windows.append(self._piece_rows(codes, slots, tables.WINDOW_SIZE, first_row))
        return torch.cat((pieces, self._hand_rows(state), self._flag_rows(state), *windows), dim=1)

    def move_rows(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rows int64[B, A] of all labels in each of the last three parts of the move table.

        Part by part, counted from the part's first row: (piece, kind, captured piece); (piece
        after the move, destination relative to the enemy king); the same for the own king. The
        row of the label itself is its number. Labels that are not legal get some valid row.
        """
        board = self._padded_board(state)
        num_positions = len(board)
        behind = board[:, self.squares_behind.flatten()]
        behind = behind.view(num_positions, NUM_DIRECTIONS, NUM_SQUARES, tables.MAX_STEPS)
        code = behind[..., 0]
        for step in range(1, tables.MAX_STEPS):
            code = torch.where(code == 0, behind[..., step], code)
        moved = self.own_kind[code].clamp_min(PAWN)
        dropped = torch.arange(PAWN, PAWN + NUM_HAND_TYPES, device=state.device)
        dropped = dropped[None, :, None].expand(num_positions, -1, NUM_SQUARES)
        piece = torch.cat((moved, moved, dropped), dim=1)
        kinds = self.move_kinds[None, :, None]
        promotes = (kinds == tables.PROMOTION_KIND) & (piece < GOLD)
        after = (piece + PROMOTED * promotes - 1) * tables.NUM_KING_OFFSETS
        captured = self.enemy_kind[board[:, None, :NUM_SQUARES]]
        exchange = (piece - 1) * tables.NUM_MOVE_KINDS + kinds
        exchange = exchange * tables.NUM_CAPTURED + captured
        to_enemy_king = self.king_offsets[self._king_square(board, KING + OTHER_SIDE)]
        to_own_king = self.king_offsets[self._king_square(board, KING)]
        return (
            exchange.flatten(1),
            (after + to_enemy_king[:, None, :]).flatten(1),
            (after + to_own_king[:, None, :]).flatten(1),
        )

    def _padded_board(self, state: Tensor) -> Tensor:
        """Board codes int64[B, 82], the last one an empty square off the board."""
        return functional.pad(state[:, BOARD].long(), (0, 1))

    def _king_square(self, board: Tensor, code: int) -> Tensor:
        """Square int64[B] of a king; 81 when it is missing."""
        is_king = board == code
        first = is_king.int().argmax(1)
        return torch.where(is_king.any(1), first, tables.OFF_BOARD)

    def _piece_rows(self, codes: Tensor, places: Tensor, num_places: int, first_row: int) -> Tensor:
        piece = self.piece_index[codes]
        return torch.where(piece >= 0, first_row + piece * num_places + places, _NO_ROW)

    def _hand_rows(self, state: Tensor) -> Tensor:
        held = torch.cat((state[:, OWN_HAND], state[:, ENEMY_HAND]), dim=1).long()
        held = held.clamp_max(tables.MAX_HAND)
        hand = torch.arange(2 * NUM_HAND_TYPES, device=state.device)
        return torch.where(held > 0, tables.HAND_ROW + hand * tables.MAX_HAND + held - 1, _NO_ROW)

    def _flag_rows(self, state: Tensor) -> Tensor:
        flags = state.long()
        repetition = flags[:, REPETITION].clamp_max(2)
        return torch.stack(
            (
                torch.where(flags[:, IN_CHECK] != 0, tables.CHECK_ROW, _NO_ROW),
                torch.where(repetition > 0, tables.REPETITION_ROW + repetition - 1, _NO_ROW),
                torch.where(flags[:, TO_MOVE] != 0, tables.TO_MOVE_ROW, _NO_ROW),
                tables.PROGRESS_ROW + (flags[:, PROGRESS] >> tables.BUCKET_SHIFT),
                tables.PLIES_LEFT_ROW + (flags[:, PLIES_LEFT] >> tables.BUCKET_SHIFT),
            ),
            dim=1,
        )


@register_network("embedding")
class EmbeddingNet(PolicyValueNet):
    """Sum of embeddings, one hidden layer, tanh value head, factored policy over legal moves.

    The logit of a move is ``h . (W1[label] + W2[piece, kind, captured] + W3[piece after the move,
    destination relative to the enemy king] + W4[the same, own king])`` with a policy vector h.
    """

    def __init__(
        self,
        state_size: int,
        num_actions: int,
        *,
        width: int = 256,
        fused: bool = True,
    ) -> None:
        """Build the tables and the trunk.

        Args:
            state_size: 100, bytes of a compact shogi state.
            num_actions: 2187.
            width: of the input sum and the hidden layer, a multiple of 64.
            fused: use the CPU kernels for states on the CPU; off, the plain path is taken
                everywhere, which is slower there.

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
        self.rows = StateRows()
        self.input_table = nn.Parameter(torch.empty(tables.NUM_INPUT_ROWS, width))
        self.input_bias = nn.Parameter(torch.zeros(width))
        self.hidden = nn.Linear(width, width)
        self.value_hidden = nn.Linear(width, _VALUE_HIDDEN)
        self.value_out = nn.Linear(_VALUE_HIDDEN, 1)
        self.policy_vector = nn.Linear(width, POLICY_WIDTH)
        self.move_table = nn.Parameter(torch.empty(tables.NUM_MOVE_ROWS, POLICY_WIDTH))
        self._initialise()

    def logits_and_value(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Unmasked logits float[B, 2187] and value float[B] of states uint8[B, 100]."""
        features = self._trunk(state)
        vector = self.policy_vector(features)
        scores = vector @ self.move_table.T.to(vector.dtype)
        label, exchange, enemy_king, own_king = scores.split(
            (
                NUM_ACTIONS,
                tables.ENEMY_KING_ROW - tables.EXCHANGE_ROW,
                tables.OWN_KING_ROW - tables.ENEMY_KING_ROW,
                tables.NUM_MOVE_ROWS - tables.OWN_KING_ROW,
            ),
            dim=1,
        )
        exchange_rows, enemy_rows, own_rows = self.rows.move_rows(state)
        logits = label + exchange.gather(1, exchange_rows)
        logits = logits + enemy_king.gather(1, enemy_rows) + own_king.gather(1, own_rows)
        return logits, self._value_of(features)

    def forward(
        self, state: Tensor, mask_bits: Tensor, actions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See :meth:`PolicyValueNet.forward`."""
        if not self._takes_kernels(state):
            return super().forward(state, mask_bits, actions)
        features = self._trunk(state)
        log_prob, entropy = move_evaluation(
            self.policy_vector(features), self.move_table, state, mask_bits, actions
        )
        return log_prob, entropy, self._value_of(features).float()

    def act(
        self, state: Tensor, mask_bits: Tensor, uniforms: Tensor, *, deterministic: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See :meth:`PolicyValueNet.act`."""
        if not self._takes_kernels(state):
            return super().act(state, mask_bits, uniforms, deterministic=deterministic)
        features = self._trunk(state)
        actions, log_prob = move_choice(
            self.policy_vector(features),
            self.move_table,
            state,
            mask_bits,
            uniforms,
            deterministic=deterministic,
        )
        return actions, log_prob, self._value_of(features).float()

    def value(self, state: Tensor) -> Tensor:
        """Value float32[B] in [-1, 1] of states uint8[B, 100] to the player to move."""
        return self._value_of(self._trunk(state)).float()

    def _takes_kernels(self, state: Tensor) -> bool:
        return self.fused and state.device.type == "cpu" and not torch.compiler.is_compiling()

    def _trunk(self, state: Tensor) -> Tensor:
        """Features float[B, W] that both heads read."""
        if self._takes_kernels(state):
            total = input_sum(state, self.input_table)
        else:
            # The padding row is appended here, so that it is neither a parameter nor in files.
            padded = functional.pad(self.input_table, (0, 0, 0, 1))
            total = functional.embedding_bag(
                self.rows.input_rows(state), padded, mode="sum", padding_idx=_NO_ROW
            )
        inputs = functional.relu(total + self.input_bias, inplace=True)
        return functional.relu(self.hidden(inputs), inplace=True)

    def _value_of(self, features: Tensor) -> Tensor:
        hidden = functional.relu(self.value_hidden(features))
        return torch.tanh(self.value_out(hidden)).squeeze(-1)

    def _initialise(self) -> None:
        # About ninety rows are added up, so the sums start with a spread of about one.
        nn.init.normal_(self.input_table, std=_INPUT_SCALE)
        for layer in (self.hidden, self.value_hidden, self.policy_vector):
            nn.init.orthogonal_(layer.weight, gain=2**0.5)
            nn.init.zeros_(layer.bias)
        # A nearly uniform first policy and nearly zero first values.
        nn.init.normal_(self.move_table, std=_MOVE_SCALE)
        nn.init.orthogonal_(self.value_out.weight, gain=0.01)
        nn.init.zeros_(self.value_out.bias)
