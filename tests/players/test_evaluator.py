"""What a network says of positions agrees with how it plays and learns there."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from typing import Any

import numpy as np
import pytest
import torch

from keisei.players.policy import NetworkEvaluator
from keisei.players.positions import Positions
from keisei.rl.networks import build_network
from keisei.shogi.constants import NUM_ACTIONS
from keisei.vec import ShogiVectorEnv
from tests.players.test_players import FixedNet, positions


def middle_game(count: int = 6, plies: int = 70) -> Positions:
    env = ShogiVectorEnv(count, obs="compact")
    obs: Any = env.reset(seed=3)[0]
    for _ in range(plies):
        obs = env.step(env.sample_actions())[0]
    return Positions(obs["state"].copy(), obs["action_mask_bits"].copy())


@pytest.mark.parametrize("name", ["embedding", "resnet"])
def test_moves_and_values_are_those_of_the_network(name: str) -> None:
    torch.manual_seed(1)
    network = build_network(name)
    asked, evaluator = middle_game(), NetworkEvaluator(network)
    said = evaluator.evaluate(asked)
    counts = np.diff(said.offsets)
    legal = np.unpackbits(asked.mask_bits, axis=1, count=NUM_ACTIONS, bitorder="little")
    rows, actions = np.nonzero(legal)
    assert counts.tolist() == legal.sum(axis=1).tolist()
    assert said.actions.tolist() == actions.tolist()
    with torch.no_grad():
        log_probs, _, values = network(
            torch.from_numpy(asked.state[rows]),
            torch.from_numpy(asked.mask_bits[rows]),
            torch.from_numpy(actions),
        )
    assert said.log_probs == pytest.approx(log_probs.numpy(), abs=1e-5)
    assert np.repeat(said.values, counts) == pytest.approx(values.numpy(), abs=1e-6)
    assert evaluator.values(asked) == pytest.approx(said.values, abs=1e-6)


def test_probabilities_of_a_position_sum_to_one() -> None:
    said = NetworkEvaluator(FixedNet({5: 2.0, 9: 1.0})).evaluate(positions([[5, 9], [9], [0, 9]]))
    assert said.offsets.tolist() == [0, 2, 3, 5]
    assert said.actions.tolist() == [5, 9, 9, 0, 9]
    sums = np.add.reduceat(np.exp(said.log_probs), said.offsets[:-1])
    assert sums == pytest.approx([1.0, 1.0, 1.0])
    assert said.log_probs[0] - said.log_probs[1] == pytest.approx(1.0)


def test_a_position_without_a_legal_move_has_no_evaluation() -> None:
    with pytest.raises(ValueError, match="position 1 has no legal action"):
        NetworkEvaluator(FixedNet({})).evaluate(positions([[3], []]))
