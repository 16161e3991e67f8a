"""The embedding network asked in two steps says what it says in one."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from keisei.players.policy import NetworkEvaluator
from keisei.players.positions import Positions
from keisei.rl.embedding.inference import EmbeddingJudge
from keisei.rl.embedding.network import EmbeddingNet
from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import STATE_SIZE
from keisei.vec import ShogiVectorEnv


def middle_games(count: int) -> Positions:
    env = ShogiVectorEnv(count, obs="compact")
    obs, _ = env.reset(seed=3)
    for _ in range(70):
        obs = env.step(env.sample_actions())[0]
    return Positions(obs["state"].copy(), obs["action_mask_bits"].copy())


def network(width: int) -> EmbeddingNet:
    torch.manual_seed(7)
    net = EmbeddingNet(STATE_SIZE, NUM_ACTIONS, width=width)
    with torch.no_grad():
        # As drawn at first, all moves are nearly alike and all values nearly 0.
        net.move_table.normal_(std=0.3)
        net.value_out.weight.normal_(std=0.5)
    return net


def normalised(logits: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    parts = [logits[a:b] for a, b in pairwise(offsets)]
    return np.concatenate([part - np.logaddexp.reduce(part) for part in parts])


@pytest.mark.parametrize("width", [64, 192])
def test_two_steps_give_the_numbers_of_one(width: int) -> None:
    positions, net = middle_games(40), network(width)
    judge = EmbeddingJudge(net)
    memories = np.empty((40, judge.memory), np.float32)
    values = judge.values(positions.state, memories)
    offsets, actions = positions.legal_actions()
    # Only some are asked about their moves, in another order than before.
    chosen = np.array([31, 4, 17])
    begin = np.concatenate([[0], np.cumsum(np.diff(offsets)[chosen])])
    listed = np.concatenate([actions[offsets[n] : offsets[n + 1]] for n in chosen])
    logits = judge.logits(positions.state[chosen], memories[chosen], begin, listed)
    expected = NetworkEvaluator(net).evaluate(positions)
    wanted = np.concatenate([expected.log_probs[offsets[n] : offsets[n + 1]] for n in chosen])
    np.testing.assert_allclose(values, expected.values, atol=1e-5)
    np.testing.assert_allclose(normalised(logits, begin), wanted, atol=1e-4)
    assert np.ptp(values) > 0.1
    assert np.ptp(wanted) > 1.0


def test_a_position_is_judged_alike_in_any_company() -> None:
    positions, net = middle_games(300), network(64)
    judge = EmbeddingJudge(net)
    memories = np.empty((300, judge.memory), np.float32)
    together = judge.values(positions.state, memories)
    for row in (0, 129, 299):
        memory = np.empty((1, judge.memory), np.float32)
        assert judge.values(positions.state[row : row + 1], memory)[0] == together[row]
        assert (memory[0] == memories[row]).all()
