from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.shogi.constants import NUM_ACTIONS
from keisei.vec import IllegalActionError, ShogiEnv, ShogiVectorEnv
from tests.vec.games import actions


def _env() -> ShogiVectorEnv:
    env = ShogiVectorEnv(3, obs="compact")
    env.reset(seed=0)
    return env


def test_no_game_moves_when_one_action_is_illegal() -> None:
    env = _env()
    before = env.get_state()
    chosen = actions(env, "7g7f", "7g7f", "2g2f")
    chosen[1] = 81 * 20 + 40  # P*5e with an empty hand
    with pytest.raises(IllegalActionError, match=r"(?s)1\b.*1660.*P\*5e"):
        env.step(chosen)
    after = env.get_state()
    for key, value in before.items():
        np.testing.assert_array_equal(after[key], value, err_msg=key)
    chosen[1] = chosen[0]
    obs, *_ = env.step(chosen)
    assert obs["state"][:, 97].tolist() == [1, 1, 1]


def test_the_first_game_with_an_illegal_action_is_named() -> None:
    env = _env()
    chosen = actions(env, "7g7f", "7g7f", "2g2f")
    chosen[1:] = 0  # UP to 1a
    with pytest.raises(IllegalActionError, match=r"[Gg]ame 1\b"):
        env.step(chosen)


@pytest.mark.parametrize("label", [-1, NUM_ACTIONS, 2**40, -(2**40)])
def test_numbers_that_are_no_action_are_refused(label: int) -> None:
    env = _env()
    chosen = actions(env, "7g7f", "7g7f", "2g2f")
    chosen[2] = label
    with pytest.raises(IllegalActionError, match=rf"[Gg]ame 2\b.*{label}"):
        env.step(chosen)


def test_every_illegal_action_of_the_start_is_refused() -> None:
    env = ShogiVectorEnv(1, obs="compact")
    env.reset(seed=0)
    mask = env.action_masks()[0]
    for label in np.flatnonzero(~mask):
        with pytest.raises(IllegalActionError):
            env.step(np.array([label]))
    assert env.action_masks()[0].sum() == mask.sum() == 30


@pytest.mark.parametrize(
    "chosen", [np.zeros(2, np.int64), np.zeros((3, 1), np.int64), np.zeros(4, np.int64)]
)
def test_a_wrong_number_of_actions_is_refused(chosen: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="3"):
        _env().step(chosen)


def test_actions_that_are_not_whole_numbers_are_refused() -> None:
    with pytest.raises((TypeError, ValueError), match="float"):
        _env().step(np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, np.int64])
def test_any_integers_will_do(dtype: type[np.integer[Any]]) -> None:
    env = _env()
    obs, *_ = env.step(actions(env, "7g7f", "7g7f", "2g2f").astype(dtype))
    assert obs["state"][:, 97].tolist() == [1, 1, 1]
    env.reset(seed=0)
    obs, *_ = env.step(list(actions(env, "7g7f", "7g7f", "2g2f")))
    assert obs["state"][:, 97].tolist() == [1, 1, 1]


def test_an_illegal_action_is_a_value_error() -> None:
    assert issubclass(IllegalActionError, ValueError)


@pytest.mark.parametrize("action", [3.7, "7g7f", True, None, [30]])
def test_what_is_no_whole_number_is_refused_in_one_game_too(action: object) -> None:
    env = ShogiEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="has to be whole numbers"):
        env.step(action)
