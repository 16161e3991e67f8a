"""The embedding network: its kernels against plain tensor operations."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from random_positions import COUNT, compact_state, square, usual_positions
from torch import Tensor

from keisei.rl.embedding import features
from keisei.rl.embedding.autograd import find_rows, input_sum, move_choice, move_evaluation
from keisei.rl.embedding.kernels import POLICY_WIDTH
from keisei.rl.embedding.network import EmbeddingNet
from keisei.shogi.constants import (
    KING,
    OTHER_SIDE,
)
from keisei.shogi.features import BOARD, STATE_SIZE

cshogi: Any = importlib.import_module("cshogi")


@pytest.fixture
def positions() -> tuple[Tensor, Tensor, Tensor]:
    return usual_positions()


@pytest.fixture
def _torch_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _pair() -> tuple[EmbeddingNet, EmbeddingNet]:
    """The same weights twice: with kernels and without; a policy that is far from uniform."""
    torch.manual_seed(2)
    fused = EmbeddingNet(100, 2187, sparse=False)
    with torch.no_grad():
        fused.move_table.normal_(std=0.3)
    plain = EmbeddingNet(100, 2187, fused=False)
    plain.load_state_dict(fused.state_dict())
    return fused, plain


def test_kernels_and_plain_path_agree_in_values_and_gradients(
    positions: tuple[Tensor, Tensor, Tensor],
) -> None:
    fused, plain = _pair()
    weights = torch.linspace(-1.0, 1.0, COUNT)
    gradients: list[dict[str, Tensor]] = []
    results: list[tuple[Tensor, Tensor, Tensor]] = []
    for network in (fused, plain):
        log_prob, entropy, values = network(*positions)
        (weights * log_prob + (weights - 0.3) * entropy + values).mean().backward()
        results.append((log_prob, entropy, values))
        gradients.append(
            {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
        )
    for left, right in zip(*results, strict=True):
        assert torch.allclose(left, right, atol=2e-5)
    assert gradients[0].keys() == gradients[1].keys() == dict(fused.named_parameters()).keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-6, rtol=1e-4), name
    assert results[0][1].std() > 0.1


def test_kernels_and_plain_path_choose_the_same_moves(
    positions: tuple[Tensor, Tensor, Tensor],
) -> None:
    fused, plain = _pair()
    state, mask_bits, _ = positions
    uniforms = torch.rand(COUNT, generator=torch.Generator().manual_seed(4))
    for deterministic in (False, True):
        left = fused.act(state, mask_bits, uniforms, deterministic=deterministic)
        right = plain.act(state, mask_bits, uniforms, deterministic=deterministic)
        # A uniform within rounding of a step of the distribution may fall on either side.
        assert (left[0] == right[0]).float().mean() > 0.99
        same = left[0] == right[0]
        assert torch.allclose(left[1][same], right[1][same], atol=2e-5)


def test_kernels_and_plain_path_say_the_same_of_all_moves(
    positions: tuple[Tensor, Tensor, Tensor],
) -> None:
    with torch.no_grad():
        left, right = (network.legal_log_probs(*positions[:2]) for network in _pair())
    for of_kernels, of_gathers in zip(left, right, strict=True):
        assert torch.allclose(of_kernels, of_gathers, atol=2e-5)


def test_kernels_follow_the_masked_moves_distribution() -> None:
    board = cshogi.Board("4k4/9/4P4/9/9/9/9/9/4K4 b - 1")
    state = torch.from_numpy(compact_state(board, ply=0)).expand(4000, -1)
    mask = torch.zeros(2192, dtype=torch.uint8)
    labels = torch.tensor([81 * 0 + square(5, 2), 81 * 10 + square(5, 2), 81 * 3 + square(6, 9)])
    mask[labels] = 1
    bits = (mask.view(-1, 8) << torch.arange(8)).sum(1).to(torch.uint8).expand(4000, -1)
    table = torch.zeros(features.NUM_MOVE_ROWS, POLICY_WIDTH)
    # Odds 1 : 2 : 5 through the label rows alone.
    table[labels, 0] = torch.tensor([1.0, 2.0, 5.0]).log()
    vector = torch.zeros(4000, POLICY_WIDTH)
    vector[:, 0] = 1.0
    uniforms = (torch.arange(4000) + 0.5) / 4000
    found = find_rows(state, bits)
    actions, log_prob = move_choice(vector, table, found, uniforms, deterministic=False)
    assert [int((actions == label).sum()) for label in labels] == [500, 1000, 2500]
    assert actions[-1] == labels[1]
    assert torch.allclose(log_prob[-1], torch.tensor(2 / 8).log())
    best, _ = move_choice(vector, table, found, uniforms, deterministic=True)
    assert best.unique().tolist() == [int(labels[2])]


@pytest.mark.usefixtures("_torch_threads")
def test_kernel_results_do_not_depend_on_the_number_of_threads(
    positions: tuple[Tensor, Tensor, Tensor],
) -> None:
    state, mask_bits, actions = positions
    fused, _ = _pair()
    generator = torch.Generator().manual_seed(6)
    vectors = torch.randn((COUNT, POLICY_WIDTH), generator=generator)
    outputs: list[list[Tensor]] = []
    for num_threads in (1, 2, 3):
        torch.set_num_threads(num_threads)
        vector = vectors.clone().requires_grad_()
        found = find_rows(state, mask_bits)
        sums = input_sum(fused.input_table, found)
        log_prob, entropy = move_evaluation(vector, fused.move_table, found, actions)
        loss = sums.square().sum() + log_prob.sum() + entropy.sum()
        gradients = torch.autograd.grad(loss, (fused.input_table, fused.move_table, vector))
        outputs.append([sums, log_prob, entropy, *gradients])
    for left, right in ((0, 1), (0, 2)):
        for a, b in zip(outputs[left], outputs[right], strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("missing", [[KING], [KING + OTHER_SIDE], [KING, KING + OTHER_SIDE]])
def test_a_missing_king_is_no_mishap(
    missing: list[int], positions: tuple[Tensor, Tensor, Tensor]
) -> None:
    state, mask_bits, actions = positions
    state = state.clone()
    board = state[:, BOARD]
    for code in missing:
        board[board == code] = 0
    fused, plain = _pair()
    # The king's own moves stay in the mask: whatever they are taken for, it is the same in both.
    for left, right in zip(
        fused(state, mask_bits, actions), plain(state, mask_bits, actions), strict=True
    ):
        assert torch.isfinite(left).all()
        assert torch.allclose(left, right, atol=2e-5)


def test_any_bytes_are_read_without_harm() -> None:
    generator = torch.Generator().manual_seed(1)
    state = torch.randint(0, 256, (50, STATE_SIZE), generator=generator, dtype=torch.uint8)
    mask_bits = torch.zeros((50, 274), dtype=torch.uint8)
    mask_bits[:, :60] = 255
    fused, plain = _pair()
    actions = torch.arange(50)
    for left, right in zip(
        fused(state, mask_bits, actions), plain(state, mask_bits, actions), strict=True
    ):
        assert torch.allclose(left, right, atol=1e-4)


def test_masks_that_are_no_shogi_masks_are_refused(
    positions: tuple[Tensor, Tensor, Tensor],
) -> None:
    state, mask_bits, actions = positions
    fused, _ = _pair()
    crowded, foreign = mask_bits.clone(), mask_bits.clone()
    crowded[3] = 255
    with pytest.raises(ValueError, match="row 3 of the mask has 2192 legal actions"):
        fused(state, crowded, actions)
    foreign[5, -1] |= 8
    with pytest.raises(ValueError, match="past 2186"):
        fused(state, foreign, actions)
