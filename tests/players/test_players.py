import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from keisei.players.policy import PolicyPlayer
from keisei.players.positions import Positions
from keisei.players.simple import CallablePlayer, RandomPlayer, as_opponent
from keisei.rl.networks import PolicyValueNet
from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.vec import OpponentVectorEnv, ShogiVectorEnv


def positions(legal: list[list[int]]) -> Positions:
    mask = np.zeros((len(legal), 8 * MASK_BYTES), dtype=np.uint8)
    for row, actions in enumerate(legal):
        mask[row, actions] = 1
    states = np.zeros((len(legal), STATE_SIZE), dtype=np.uint8)
    return Positions(states, np.packbits(mask, axis=1, bitorder="little"))


class FixedNet(PolicyValueNet):
    """Has the same logits in every position, given by action."""

    def __init__(self, logits: dict[int, float]) -> None:
        super().__init__(STATE_SIZE, NUM_ACTIONS)
        self._logits = torch.zeros(NUM_ACTIONS)
        for action, logit in logits.items():
            self._logits[action] = logit

    def logits_and_value(self, state: Tensor) -> tuple[Tensor, Tensor]:
        return self._logits.expand(len(state), -1), torch.zeros(len(state))


legal_actions = st.lists(st.integers(0, NUM_ACTIONS - 1), min_size=1, max_size=40, unique=True)


@given(st.lists(legal_actions, min_size=1, max_size=8), st.integers(0, 2**32))
def test_random_moves_are_legal(legal: list[list[int]], seed: int) -> None:
    actions = RandomPlayer(seed).choose(positions(legal))
    assert actions.dtype == np.int64
    assert all(action in row for action, row in zip(actions.tolist(), legal, strict=True))


def test_random_moves_are_uniform_over_the_legal_ones() -> None:
    legal = [0, 7, 8, 1000, NUM_ACTIONS - 1]
    actions = RandomPlayer(1).choose(positions([legal] * 10_000))
    chosen, counts = np.unique(actions, return_counts=True)
    assert chosen.tolist() == legal
    # 2000 of each are expected, with a standard deviation of 40.
    assert np.abs(counts - 2000).max() < 160


def test_random_moves_follow_from_the_seed() -> None:
    asked = positions([list(range(0, 2000, 3))] * 50)
    first, again, other = (RandomPlayer(seed).choose(asked) for seed in (5, 5, 6))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_a_position_without_a_legal_move_is_refused() -> None:
    with pytest.raises(ValueError, match="position 1 has no legal action"):
        RandomPlayer(0).choose(positions([[3], []]))


def test_the_deterministic_policy_takes_the_most_probable_legal_move() -> None:
    network = FixedNet({5: 9.0, 6: 4.0, 7: 2.0})
    player = PolicyPlayer(network, deterministic=True)
    assert player.choose(positions([[5, 6, 7], [6, 7, 8], [7, 8]])).tolist() == [5, 6, 7]


def test_the_sampling_policy_follows_its_probabilities() -> None:
    player = PolicyPlayer(FixedNet({5: float(np.log(3.0))}), seed=3)
    actions = player.choose(positions([[5, 6]] * 4000))
    # 3000 are expected, with a standard deviation of 27.
    assert abs(np.count_nonzero(actions == 5) - 3000) < 110


def test_sampling_leaves_the_random_stream_of_torch_alone() -> None:
    before = torch.get_rng_state()
    PolicyPlayer(FixedNet({})).choose(positions([[1, 2, 3]] * 4))
    assert torch.equal(before, torch.get_rng_state())


def test_a_callable_sees_what_the_environment_shows() -> None:
    dict_env, compact_env = ShogiVectorEnv(3), ShogiVectorEnv(3, obs="compact")
    shown, _ = dict_env.reset(seed=5)
    compact, _ = compact_env.reset(seed=5)
    asked: list[dict[str, NDArray[np.uint8]]] = []

    def first_legal(
        observations: dict[str, NDArray[np.uint8]], masks: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        asked.append(observations)
        assert np.array_equal(observations["action_mask"], masks)
        return masks.argmax(axis=1)

    player = CallablePlayer(first_legal)
    for _ in range(150):
        assert isinstance(shown, dict)
        assert isinstance(compact, dict)
        actions = player.choose(Positions(compact["state"], compact["action_mask_bits"]))
        for name, array in shown.items():
            assert asked[-1][name].dtype == array.dtype
            assert np.array_equal(asked[-1][name], array)
        assert actions.tolist() == shown["action_mask"].argmax(axis=1).tolist()
        moves = dict_env.sample_actions()
        shown, *_ = dict_env.step(moves)
        compact, *_ = compact_env.step(moves)


@pytest.mark.parametrize("answer", [[1.0, 2.0], [1], [[1, 2]], None])
def test_a_callable_has_to_answer_one_action_a_position(answer: object) -> None:
    def policy(*_: object) -> object:
        return answer

    with pytest.raises(ValueError, match=r"The policy gave .* whole numbers of shape \(2,\)"):
        CallablePlayer(policy).choose(positions([[1], [2]]))


def lowest(_: object, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    return masks.argmax(axis=1)


def test_a_player_is_an_opponent_inside_the_step() -> None:
    games = [
        OpponentVectorEnv(ShogiVectorEnv(4, obs="compact"), opponent)
        for opponent in (as_opponent(CallablePlayer(lowest)), lowest)
    ]
    for env in games:
        env.reset(seed=1)
    for _ in range(20):
        actions = games[0].sample_actions()
        assert np.array_equal(actions, games[1].sample_actions())
        played, expected = (env.step(actions)[0] for env in games)
        assert np.array_equal(played["state"], expected["state"])
