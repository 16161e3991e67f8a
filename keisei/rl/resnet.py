"""A residual tower with squeeze-excitation over planes that are expanded on the device.

Letters: B positions, C channels; planes are [B, C, 9 files, 9 ranks] in the mover's view.
"""

# pyright: reportUnknownMemberType=false
# (torch and tensordict leave parts of their signatures open.)

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from keisei.rl.network_base import (
    PolicyValueNet,
    bounded_value,
    register_network,
    require_shogi_sizes,
)
from keisei.shogi.constants import (
    DRAGON,
    HAND_LIMITS,
    NUM_CLASSES,
    NUM_FILES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
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

_OWN_CODES = list(range(PAWN, DRAGON + 1))
_PIECE_CODES = _OWN_CODES + [OTHER_SIDE + code for code in _OWN_CODES]
_NUM_HANDS = 2 * len(HAND_LIMITS)
_NUM_FLAGS = 7
NUM_INPUT_PLANES = len(_PIECE_CODES) + _NUM_HANDS + _NUM_FLAGS
_MOST_BLOCKS = 1000
_NORM_GROUPS = 8
_VALUE_CHANNELS = 8
_VALUE_HIDDEN = 128
_BYTE_MAX = 255.0


class _PlaneExpansion(nn.Module):
    """Compact states uint8[B, 100] to float planes [B, NUM_INPUT_PLANES, 9, 9] in [0, 1]."""

    piece_codes: Tensor
    hand_limits: Tensor

    def __init__(self) -> None:
        super().__init__()
        codes = torch.tensor(_PIECE_CODES, dtype=torch.uint8)
        limits = torch.tensor(HAND_LIMITS * 2, dtype=torch.float32)
        self.register_buffer("piece_codes", codes.view(1, -1, 1), persistent=False)
        self.register_buffer("hand_limits", limits, persistent=False)

    def forward(self, state: Tensor) -> Tensor:
        pieces = (state[:, BOARD].unsqueeze(1) == self.piece_codes).float()
        hands = torch.cat((state[:, OWN_HAND], state[:, ENEMY_HAND]), dim=1) / self.hand_limits
        repetition = state[:, REPETITION]
        flags = torch.stack(
            (
                state[:, IN_CHECK].float(),
                (repetition == 1).float(),
                (repetition >= 2).float(),
                state[:, TO_MOVE].float(),
                state[:, PROGRESS] / _BYTE_MAX,
                state[:, PLIES_LEFT] / _BYTE_MAX,
                # A plane of ones lets the padded convolutions see where the board ends.
                torch.ones_like(repetition, dtype=torch.float32),
            ),
            dim=1,
        )
        scalars = torch.cat((hands, flags), dim=1).unsqueeze(-1)
        planes = torch.cat((pieces, scalars.expand(-1, -1, NUM_SQUARES)), dim=1)
        return planes.view(-1, NUM_INPUT_PLANES, NUM_FILES, NUM_RANKS)


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose sum with the input is gated per channel (arXiv:1709.01507)."""

    def __init__(self, channels: int, se_ratio: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_in = nn.GroupNorm(_NORM_GROUPS, channels)
        self.conv_out = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_out = nn.GroupNorm(_NORM_GROUPS, channels)
        self.squeeze = nn.Linear(channels, channels // se_ratio)
        self.excite = nn.Linear(channels // se_ratio, channels)
        # The block starts as the identity, so that a deep tower trains from the first step.
        nn.init.zeros_(self.norm_out.weight)

    def forward(self, planes: Tensor) -> Tensor:
        inner = functional.relu(self.norm_in(self.conv_in(planes)))
        inner = self.norm_out(self.conv_out(inner))
        squeezed = functional.relu(self.squeeze(inner.mean((2, 3))))
        gate = torch.sigmoid(self.excite(squeezed))
        return functional.relu(planes + inner * gate[:, :, None, None])


@register_network("resnet")
class ResNet(PolicyValueNet):
    """Residual tower, convolutional policy head [27 x 81], tanh value head; no batch statistics."""

    def __init__(
        self,
        state_size: int,
        num_actions: int,
        *,
        blocks: int = 6,
        channels: int = 96,
        se_ratio: int = 4,
    ) -> None:
        """Build the tower.

        Args:
            state_size: 100, bytes of a compact shogi state.
            num_actions: 2187.
            blocks: residual blocks, 1 to 1000.
            channels: width of the tower, a multiple of 8.
            se_ratio: channels per hidden unit of the squeeze-excitation gate.

        Raises:
            ValueError: sizes that are not shogi's, or an option out of its range.
        """
        require_shogi_sizes("resnet", state_size, num_actions)
        if not 1 <= blocks <= _MOST_BLOCKS:
            raise ValueError(
                f"resnet option blocks must lie between 1 and {_MOST_BLOCKS}, not {blocks}"
            )
        if channels < _NORM_GROUPS or channels % _NORM_GROUPS:
            raise ValueError(
                f"resnet option channels must be a multiple of {_NORM_GROUPS}, not {channels}"
            )
        if not 1 <= se_ratio <= channels:
            raise ValueError(
                f"resnet option se_ratio must lie between 1 and channels = {channels}, "
                f"not {se_ratio}"
            )
        super().__init__(state_size, num_actions)
        self.expand = _PlaneExpansion()
        self.stem = nn.Conv2d(NUM_INPUT_PLANES, channels, 3, padding=1, bias=False)
        self.stem_norm = nn.GroupNorm(_NORM_GROUPS, channels)
        self.tower = nn.Sequential(*(_ResidualBlock(channels, se_ratio) for _ in range(blocks)))
        self.policy_conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.policy_out = nn.Conv2d(channels, NUM_CLASSES, 1)
        self.value_conv = nn.Conv2d(channels, _VALUE_CHANNELS, 1)
        self.value_hidden = nn.Linear(_VALUE_CHANNELS * NUM_SQUARES, _VALUE_HIDDEN)
        self.value_out = nn.Linear(_VALUE_HIDDEN, 1)
        # A nearly uniform first policy and nearly zero first values.
        for head in (self.policy_out, self.value_out):
            nn.init.orthogonal_(head.weight, gain=0.01)
            nn.init.zeros_(cast(Tensor, head.bias))

    def logits_and_value(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Unmasked logits float[B, 2187] and value float32[B] of states uint8[B, 100]."""
        planes = self.tower(self._stem_planes(state))
        policy = self.policy_out(functional.relu(self.policy_conv(planes)))
        return policy.flatten(1), self._value_of(planes)

    def value(self, state: Tensor) -> Tensor:
        """Value float32[B] in [-1, 1] of states uint8[B, 100] to the player to move."""
        return self._value_of(self.tower(self._stem_planes(state)))

    def _stem_planes(self, state: Tensor) -> Tensor:
        return functional.relu(self.stem_norm(self.stem(self.expand(state))))

    def _value_of(self, planes: Tensor) -> Tensor:
        features = functional.relu(self.value_conv(planes)).flatten(1)
        hidden = functional.relu(self.value_hidden(features))
        return bounded_value(self.value_out, hidden)
