"""Packed legal-action masks, and the categorical distribution over legal actions only.

Letters: B positions, A actions.
"""

import torch
from torch import Tensor
from torch.nn import functional

_BITS_IN_BYTE = 8


def unpack_mask(mask_bits: Tensor, num_actions: int) -> Tensor:
    """Mask bool[B, A], True = legal, from packed bits uint8[B, ceil(A / 8)], on their device.

    Action i is legal iff ``mask_bits[i // 8] >> (i % 8) & 1``.

    >>> unpack_mask(torch.tensor([[0b00000101]], dtype=torch.uint8), 3).tolist()
    [[True, False, True]]
    """
    shifts = torch.arange(_BITS_IN_BYTE, dtype=torch.uint8, device=mask_bits.device)
    bits = (mask_bits.unsqueeze(-1) >> shifts) & 1
    return bits.flatten(-2)[..., :num_actions].bool()


def count_legal(mask_bits: Tensor) -> Tensor:
    """Number of legal actions int64[...] in packed bits uint8[..., ceil(A / 8)].

    >>> count_legal(torch.tensor([[255, 1], [0, 6]], dtype=torch.uint8)).tolist()
    [9, 2]
    """
    # Bits are added inside words of eight bytes, first neighbours, then pairs, then nibbles; the
    # product gathers the eight sums in the highest byte. Unpacking would take 64 times the memory.
    words = functional.pad(mask_bits, (0, -mask_bits.shape[-1] % 8)).view(torch.int64)
    words = words - ((words >> 1) & 0x5555555555555555)
    words = (words & 0x3333333333333333) + ((words >> 2) & 0x3333333333333333)
    words = (words + (words >> 4)) & 0x0F0F0F0F0F0F0F0F
    return ((words * 0x0101010101010101) >> 56).sum(-1)


def require_legal_actions(mask: Tensor) -> None:
    """Check that each row of a mask [B, ...], packed or not, has a legal action.

    Reads one flag back from the device, so it belongs where data enters, not into the update.

    Raises:
        ValueError: a row has none; the sentence names the first such row.
    """
    # any() of bytes is a byte, whose complement is not a truth value.
    legal = mask.any(-1).bool()
    if not bool(legal.all()):
        row = int((~legal).nonzero()[0, 0])
        raise ValueError(
            f"row {row} of {mask.shape[0]} has no legal action: a finished position was given; "
            "reset the game before asking for a move"
        )


def normalised_entropy(entropy: Tensor, num_legal: Tensor) -> Tensor:
    """Entropy float32[B] over its largest possible value log(num_legal): in [0, 1], 0 for one."""
    largest = num_legal.to(entropy.dtype).log()
    return torch.where(num_legal > 1, entropy / largest, torch.zeros_like(entropy))


class MaskedCategorical:
    """Categorical distribution over the legal actions of B positions, computed in float32.

    Illegal actions have probability exactly 0 and log-probability about -3.4e38, never NaN.
    """

    def __init__(self, logits: Tensor, mask: Tensor) -> None:
        """Normalise float logits [B, A] over a mask bool[B, A], True = legal, one or more a row."""
        lowest = torch.finfo(torch.float32).min
        self._mask = mask
        self._log_probs = torch.log_softmax(logits.float().masked_fill(~mask, lowest), dim=-1)

    @property
    def probs(self) -> Tensor:
        """Probabilities float32[B, A]; rows sum to 1."""
        return torch.where(self._mask, self._log_probs.exp(), 0.0)

    @property
    def legal_log_probs(self) -> Tensor:
        """Log-probabilities float32[M] of all legal actions, row after row in action order."""
        return self._log_probs[self._mask]

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log-probability float32[B] of actions int64[B]."""
        return self._log_probs.gather(-1, actions.unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """Entropy float32[B] in nats: 0 when one action is certain, at most log(#legal)."""
        # The mask is applied before the product: 0 * -3.4e38 would be finite, but its gradient
        # would not.
        log_probs = torch.where(self._mask, self._log_probs, 0.0)
        return -(self.probs * log_probs).sum(-1)

    def mode(self) -> Tensor:
        """The most probable action int64[B], the lowest one when several are."""
        return self._log_probs.masked_fill(~self._mask, -torch.inf).argmax(-1)

    def sample(self, uniforms: Tensor) -> Tensor:
        """Legal actions int64[B] by inverse CDF, in action order, from uniforms float32[B].

        The action taken is the first legal one whose cumulative probability exceeds the uniform, in
        [0, 1).
        """
        probs = self.probs
        return first_past(probs, probs.cumsum(-1), self._mask, uniforms)


def first_past(probs: Tensor, cumulative: Tensor, mask: Tensor, uniforms: Tensor) -> Tensor:
    """The first legal action int64[B] whose cumulative probability exceeds a share of the total.

    It is legal whatever the rounding of the sums: a parallel scan on a GPU may rise over a run of
    zero probabilities, or fall. Where no action is past the share, it is the most probable one.

    Args:
        probs: float32[B, A], 0 where not legal, and somewhere above 0 in each row.
        cumulative: float32[B, A], their running sums, as exact as the device adds.
        mask: bool[B, A], True = legal.
        uniforms: float32[B] in [0, 1), the shares.
    """
    thresholds = uniforms * cumulative[:, -1]
    is_past = mask & (cumulative > thresholds.unsqueeze(-1))
    # No probability reaches 2, and argmax takes the first of equals.
    return torch.where(is_past, 2.0, probs).argmax(-1)
