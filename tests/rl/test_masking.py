"""Packed masks, and a categorical that never leaves the legal actions."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from keisei.rl.masking import (
    MaskedCategorical,
    count_legal,
    first_past,
    normalised_entropy,
    require_legal_actions,
    unpack_mask,
)


@st.composite
def rows_with_a_legal_action(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits float32[B, A], some of them huge, and mask bool[B, A] with a legal action a row."""
    num_rows, num_actions = draw(st.integers(1, 4)), draw(st.integers(1, 20))
    row = st.lists(st.floats(-1e4, 1e4, width=32), min_size=num_actions, max_size=num_actions)
    logits = draw(st.lists(row, min_size=num_rows, max_size=num_rows))
    flags = st.lists(st.booleans(), min_size=num_actions, max_size=num_actions).filter(any)
    mask = draw(st.lists(flags, min_size=num_rows, max_size=num_rows))
    return torch.tensor(logits), torch.tensor(mask)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_unpack_inverts_numpy_packbits(flags: list[bool]) -> None:
    bits = np.packbits(np.array([flags]), axis=1, bitorder="little")
    packed = torch.tensor(bits.tolist(), dtype=torch.uint8)
    assert unpack_mask(packed, len(flags)).tolist() == [flags]
    assert count_legal(packed).tolist() == [sum(flags)]


@given(rows_with_a_legal_action(), st.floats(0.0, 1.0, exclude_max=True, width=32))
@settings(deadline=None)
def test_samples_and_mode_are_legal(
    rows: tuple[torch.Tensor, torch.Tensor], uniform: float
) -> None:
    logits, mask = rows
    policy = MaskedCategorical(logits, mask)
    games = torch.arange(len(mask))
    assert mask[games, policy.sample(torch.full((len(mask),), uniform))].all()
    assert mask[games, policy.mode()].all()
    assert torch.isfinite(policy.entropy()).all()
    assert policy.probs[~mask].eq(0.0).all()


def test_log_prob_and_entropy_of_three_actions() -> None:
    # Odds 1 : 3 among the legal two; the illegal one would have won otherwise.
    logits = torch.tensor([[0.0, math.log(3.0), 9.0]])
    policy = MaskedCategorical(logits, torch.tensor([[True, True, False]]))
    assert policy.log_prob(torch.tensor([1])).item() == pytest.approx(math.log(0.75))
    expected = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert policy.entropy().item() == pytest.approx(expected)
    assert policy.mode().item() == 1


@pytest.mark.parametrize(
    ("uniform", "action"), [(0.0, 1), (0.24, 1), (0.26, 3), (0.74, 3), (0.76, 4), (0.9999999, 4)]
)
def test_sampling_inverts_the_cumulative_distribution(uniform: float, action: int) -> None:
    # Probabilities 0, 1/4, 0, 1/2, 1/4, 0.
    logits = torch.tensor([[5.0, 0.0, 5.0, math.log(2.0), 0.0, 5.0]])
    mask = torch.tensor([[False, True, False, True, True, False]])
    chosen = MaskedCategorical(logits, mask).sample(torch.tensor([uniform]))
    assert chosen.item() == action


def parallel_sums(probs: torch.Tensor) -> torch.Tensor:
    """Running sums float32[B, A] as a GPU adds them: pairs first, then pairs of pairs."""
    sums, reach = probs.clone(), 1
    while reach < sums.shape[1]:
        sums[:, reach:] = sums[:, reach:] + sums[:, :-reach]
        reach *= 2
    return sums


def test_a_draw_is_legal_where_sums_rise_over_illegal_actions() -> None:
    """Sums of a parallel scan rise by an ulp where nothing is added, and draws can fall there."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand((400, 2187), generator=generator) < 0.03
    logits = 3 * torch.randn((400, 2187), generator=generator)
    probs = MaskedCategorical(logits, mask).probs
    sums = parallel_sums(probs)
    before = torch.nn.functional.pad(sums, (1, -1))
    row, action = ((sums > before) & ~mask).nonzero().unbind(1)
    assert len(row) > 100
    # For each such rise the share of the total at which the draw falls into it.
    total = sums[row, -1]
    uniforms = before[row, action] / total
    falls_in = uniforms * total == before[row, action]
    row, uniforms = row[falls_in], uniforms[falls_in]
    thresholds = (uniforms * sums[row, -1]).unsqueeze(1)
    drawn = torch.searchsorted(sums[row], thresholds, right=True).squeeze(1)
    assert not mask[row, drawn.clamp_max(2186)].all()  # what a search alone would draw
    chosen = first_past(probs[row], sums[row], mask[row], uniforms)
    assert mask[row, chosen].all()


def test_a_draw_past_all_sums_takes_the_most_probable_action() -> None:
    probs = torch.tensor([[0.0, 0.25, 0.75, 0.0]])
    sums = torch.tensor([[0.0, 0.25, 0.5, 1.0]])  # as no device adds
    mask = torch.tensor([[False, True, True, False]])
    assert first_past(probs, sums, mask, torch.tensor([0.9])).item() == 2


def test_half_precision_logits_are_normalised_in_float32() -> None:
    logits = torch.zeros((1, 1000), dtype=torch.bfloat16)
    policy = MaskedCategorical(logits, torch.ones((1, 1000), dtype=torch.bool))
    assert policy.log_prob(torch.tensor([7])).item() == pytest.approx(-math.log(1000), rel=1e-6)


def test_gradients_stay_finite_and_leave_illegal_logits_alone() -> None:
    logits = torch.tensor([[1e4, -1e4, 3.0]], requires_grad=True)
    policy = MaskedCategorical(logits, torch.tensor([[True, True, False]]))
    (policy.entropy().sum() + policy.log_prob(torch.tensor([0])).sum()).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 2] == 0.0


def test_a_row_without_a_legal_action_is_named() -> None:
    mask = torch.tensor([[True, False], [False, False]])
    with pytest.raises(ValueError, match="row 1 of 2 has no legal action"):
        require_legal_actions(mask)
    with pytest.raises(ValueError, match="row 0 of 1 has no legal action"):
        require_legal_actions(torch.zeros((1, 274), dtype=torch.uint8))


def test_normalised_entropy_compares_with_the_number_of_legal_actions() -> None:
    entropy = torch.tensor([math.log(8.0), math.log(4.0), 0.0])
    evenness = normalised_entropy(entropy, torch.tensor([8, 16, 1]))
    assert evenness.tolist() == pytest.approx([1.0, 0.5, 0.0])
