"""The embedding network: its rows against cshogi, its kernels against plain tensor operations."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import importlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from random_positions import compact_state, random_positions, square
from torch import Tensor

from keisei.rl.embedding import features
from keisei.rl.embedding.autograd import find_rows, input_sum, move_choice, move_evaluation
from keisei.rl.embedding.gathers import StateRows
from keisei.rl.embedding.kernels import POLICY_WIDTH
from keisei.rl.embedding.network import EmbeddingNet
from keisei.rl.embedding.rows import count_attackers
from keisei.rl.embedding.tables import ENEMY, OWN
from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    FIRST_DROP_CLASS,
    KING,
    KNIGHT,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    SILVER,
    START_SFEN,
)
from keisei.shogi.features import BOARD, IN_CHECK, OWN_HAND, STATE_SIZE

COUNT = 300
cshogi: Any = importlib.import_module("cshogi")
make_move_label: Any = importlib.import_module("cshogi.dlshogi").make_move_label


@pytest.fixture(scope="module")
def positions() -> tuple[Tensor, Tensor, Tensor]:
    """States, packed masks and legal actions of positions of random games."""
    states, masks, actions = random_positions(COUNT, seed=11)
    return torch.tensor(states), torch.tensor(masks), torch.tensor(actions)


@pytest.fixture
def _torch_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _pair() -> tuple[EmbeddingNet, EmbeddingNet]:
    """The same weights twice: with kernels and without; a policy that is far from uniform."""
    torch.manual_seed(2)
    fused = EmbeddingNet(100, 2187)
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


def test_the_rows_of_the_start_position() -> None:
    state = torch.from_numpy(compact_state(cshogi.Board(START_SFEN), ply=0)).unsqueeze(0)
    rows = _input_rows(state)
    rows = rows[rows < features.NUM_INPUT_ROWS].tolist()
    assert len(_of(rows, features.PIECE_SQUARE)) == 40
    attacked = _of(rows, features.ATTACKED_PIECE)
    assert len(attacked) == 40
    # Files 2 to 8 of the last three ranks: nine pawns less two, both rooks' and bishops' squares,
    # and seven of the last rank less the king, for each side.
    for window in (features.OWN_WINDOW, features.ENEMY_WINDOW):
        assert len(_of(rows, window)) == 7 + 2 + 6
    # Each king's neighbourhood reaches two ranks up and off the board behind it.
    for neighbourhood in (features.OWN_NEIGHBOURHOOD, features.ENEMY_NEIGHBOURHOOD):
        assert len(_of(rows, neighbourhood)) == 15
    # Of the squares before the kings nobody attacks those on the second rank.
    assert {features.OWN_FLIGHTS.first + 3, features.ENEMY_FLIGHTS.first + 3} <= set(rows)
    own_king_pawn = features.PIECE_SQUARE.first + (PAWN - 1) * 81 + square(5, 7)
    enemy_king = features.PIECE_SQUARE.first + (14 + KING - 1) * 81 + square(5, 1)
    assert {own_king_pawn, enemy_king} <= set(rows)
    # The pawn before the own king: two ranks up in the 7 x 7 window, same file.
    assert features.OWN_WINDOW.first + (PAWN - 1) * 49 + 7 * 3 + 1 in rows
    others = [row for row in rows if row not in attacked]
    assert len(set(others)) == len(others) == 104


def _of(rows: list[int], feature: features.Feature) -> list[int]:
    return [row for row in rows if feature.first <= row < feature.end]


def test_held_pieces_have_a_row_for_each_count() -> None:
    state = torch.from_numpy(compact_state(cshogi.Board(START_SFEN), ply=0)).unsqueeze(0)
    without = set(_input_rows(state).tolist())
    state[0, OWN_HAND.start] = 3
    with_pawns = set(_input_rows(state).tolist())
    assert with_pawns - without == {features.HAND.first + 2}


def test_move_rows_name_the_pieces_that_cshogi_moves() -> None:
    rng = random.Random(8)
    board = cshogi.Board()
    checked = 0
    for ply in range(150):
        moves = list(board.legal_moves)
        if not moves:
            break
        state = torch.from_numpy(compact_state(board, ply)).unsqueeze(0)
        exchange, enemy_king, own_king, *_ = _move_rows(state)
        for move in moves:
            label = make_move_label(move, board.turn)
            captured = 0
            if cshogi.move_is_drop(move):
                # cshogi's hand order holds gold before bishop and rook.
                piece = (1, 2, 3, 4, 7, 5, 6)[cshogi.move_drop_hand_piece(move)]
                kind = features.DROP_KIND
            else:
                piece = board.piece_type(cshogi.move_from(move))
                kind = int(cshogi.move_is_promotion(move))
                captured = board.piece_type(cshogi.move_to(move))
            after = piece + 8 if kind == features.PROMOTION_KIND else piece
            to = cshogi.move_to(move)
            expected = ((piece - 1) * features.NUM_MOVE_KINDS + kind) * features.NUM_CAPTURED
            assert (exchange[label] - features.EXCHANGE.first) // (
                2 * features.NUM_MENACES
            ) == expected + captured
            for rows, feature, king_of in (
                (enemy_king, features.ENEMY_KING, 1 - board.turn),
                (own_king, features.OWN_KING, board.turn),
            ):
                offset = _offset(to, board.king_square(king_of), board.turn)
                expected = (after - 1) * features.NUM_KING_OFFSETS + offset
                assert rows[label] - feature.first == expected
            checked += 1
        board.push(rng.choice(moves))
    assert checked > 3000


def test_attackers_are_counted_as_on_the_board() -> None:
    # The opponent's gold stands on 5c, its horse on 2b, and its king on 1a.
    board = cshogi.Board("8k/7+b1/4g4/9/4R4/5N3/4P4/1B7/4K4 b - 1")
    attackers = np.empty((4, NUM_SQUARES), dtype=np.uint8)
    count_attackers(compact_state(board, ply=0)[BOARD], attackers)
    expected = {
        (5, 4): (2, 1),  # rook and knight; the gold
        (5, 3): (1, 0),  # the rook takes the gold, which does not protect itself
        (5, 2): (0, 1),  # behind the gold
        (5, 6): (2, 0),  # rook and pawn
        (5, 5): (1, 1),  # the bishop's line and the horse's meet on the rook
        (3, 4): (1, 0),  # the knight
        (3, 3): (0, 1),  # the horse, a diagonal step
        (2, 3): (0, 1),  # the horse, its straight step
        (9, 9): (1, 0),  # the bishop
        (1, 2): (0, 2),  # horse and king
        (7, 9): (1, 0),  # the bishop
        (9, 5): (1, 0),  # the rook's rank
        (9, 1): (0, 0),
    }
    assert {
        (file, rank): tuple(attackers[:2, square(file, rank)].tolist()) for file, rank in expected
    } == expected


def test_threats_tell_what_a_piece_attacks_from_its_destination() -> None:
    # Rook 5c protects gold 3c; each of them alone is worth more than a knight.
    state = compact_state(cshogi.Board("4k4/9/4r1g2/9/9/9/9/9/4K4 b NSP 1"), ply=0)
    threats = _move_rows(torch.from_numpy(state).unsqueeze(0))[5]
    expected = {
        (KNIGHT, 4, 5): (2 * 3 + 1, 0),  # a fork of rook and gold
        (KNIGHT, 4, 3): (8, 2),  # a check, where both can take
        (KNIGHT, 2, 5): (2 * 2, 0),  # the gold alone
        (SILVER, 3, 4): (0, 2),  # the gold is worth no more, and protected
        (SILVER, 5, 4): (2 * 3, 2),  # the rook is worth more
        (PAWN, 5, 2): (8, 2),  # a check from before the king, which can take
        (PAWN, 8, 8): (0, 0),
    }
    for (piece, file, rank), (threat, guards) in expected.items():
        label = 81 * (FIRST_DROP_CLASS + piece - PAWN) + square(file, rank)
        row = ((piece - 1) * features.NUM_THREATS + threat) * 4 + guards
        assert threats[label] - features.THREAT.first == row, (piece, file, rank)


def test_the_cheapest_attacker_of_a_piece_is_seen_where_it_stands_and_when_it_leaves() -> None:
    # Bishop 5e is attacked by pawn 5d and rook 9e, and protected by nobody.
    board = cshogi.Board("8k/9/9/4p4/r3B4/9/9/9/4K4 b - 1")
    state = torch.from_numpy(compact_state(board, ply=0)).unsqueeze(0)
    rows = set(_input_rows(state).tolist())
    assert features.ATTACKED_PIECE.first + (BISHOP - 1) * features.NUM_MENACES**2 + 4 in rows
    down_left = 81 * 6 + square(6, 6)
    dangers = _move_rows(state)[3]
    danger = 1 + 2 * 4
    expected = ((BISHOP - 1) * features.NUM_DANGERS + danger) * 9
    assert dangers[down_left] - features.DANGER.first == expected


def test_attackers_agree_with_checks_and_legal_moves(
    positions: tuple[Tensor, Tensor, Tensor],
) -> None:
    attackers = np.empty((4, NUM_SQUARES), dtype=np.uint8)
    checks = 0
    for state, mask_bits in zip(positions[0].numpy(), positions[1].numpy(), strict=True):
        count_attackers(state[BOARD], attackers)
        king = int(np.flatnonzero(state[BOARD] == KING)[0])
        assert (attackers[ENEMY, king] > 0) == state[IN_CHECK]
        checks += state[IN_CHECK]
        legal = np.unpackbits(mask_bits, bitorder="little")[: FIRST_DROP_CLASS * NUM_SQUARES]
        to = np.flatnonzero(legal) % NUM_SQUARES
        assert (attackers[OWN, to] > 0).all()
    assert checks > 5


def _offset(to: int, king: int, turn: int) -> int:
    """Number of the offset from a king to a square, both in Black's view, for the mover."""
    if turn != BLACK:
        to, king = 80 - to, 80 - king
    return 17 * (to // 9 - king // 9 + 8) + to % 9 - king % 9 + 8


def _input_rows(state: Tensor) -> Tensor:
    """Rows of the input table of the one position [1, 100]."""
    rows = StateRows()
    return rows.input_rows(rows.position(state))[0]


def _move_rows(state: Tensor) -> list[Tensor]:
    """By feature of the move table but the first, the rows [A] by label of the one position."""
    rows = StateRows()
    return [part[0] for part in rows.move_rows(rows.position(state))]


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
