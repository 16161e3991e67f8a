"""Stable-Baselines3: what its vectorised environments promise, and masks for sb3-contrib."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.shogi import BLACK, Termination
from keisei.vec import OpponentVectorEnv, ShogiEnv, ShogiVectorEnv
from keisei.vec.turning import turn_observation
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, label

pytest.importorskip("sb3_contrib")

from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.evaluation import evaluate_policy
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

from keisei.vec.adapters.sb3 import Sb3VecEnv

MATE = label("G*5b", white=False)
KING_UP = label("5i5h", white=False)
FORMS = ("dict", "box", "compact")


def single_player(num_envs: int, seats: str = "random", **options: Any) -> OpponentVectorEnv:
    return OpponentVectorEnv(ShogiVectorEnv(num_envs, **options), "random", seats)


class LegalOnly(gym.ActionWrapper[Any, Any, Any]):
    """Plays a legal action instead of an illegal one, as a checker without masks needs it."""

    def action(self, action: Any) -> Any:
        legal = np.flatnonzero(self.unwrapped.action_masks())  # pyright: ignore[reportAttributeAccessIssue]
        return legal[int(action) % len(legal)]


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("form", FORMS)
def test_the_library_accepts_the_single_game(form: str) -> None:
    check_env(LegalOnly(ShogiEnv(obs=form)))


@pytest.mark.parametrize("form", FORMS)
def test_observations_are_positions_without_masks(form: str) -> None:
    env = Sb3VecEnv(single_player(3, obs=form))
    inner = single_player(3, obs=form)
    env.seed(5)
    seen, (expected, _) = env.reset(), inner.reset(seed=5)
    if isinstance(expected, dict):
        expected = expected["state" if form == "compact" else "observation"]
    assert env.observation_space.contains(seen[0])
    assert np.array_equal(seen, expected)


@pytest.mark.parametrize("form", FORMS)
def test_masks_are_found_by_the_masked_algorithms(form: str) -> None:
    env = Sb3VecEnv(single_player(3, obs=form))
    env.reset()
    assert is_masking_supported(env)
    for _ in range(3):
        masks = get_action_masks(env)
        assert masks.shape == (3, 2187)
        assert masks.dtype == np.bool_
        assert np.array_equal(masks, env.env.action_masks())
        assert np.array_equal(env.env_method("action_masks", indices=[2])[0], masks[2])
        rows = env.env_method("action_masks")
        assert [row.tolist() for row in rows] == masks.tolist()
        assert np.array_equal(np.stack(rows[:2]), masks[:2])
        env.step(masks.argmax(axis=1))


@pytest.mark.parametrize("form", FORMS)
def test_the_info_of_a_game_that_the_learner_won(form: str) -> None:
    games = single_player(2, "black", obs=form, initial_sfens=[MATE_IN_ONE, BARE_KINGS])
    env = Sb3VecEnv(games)
    first: Any = env.reset()
    step: Any = env.step(np.array([MATE, KING_UP]))
    obs, rewards, dones, infos = step
    assert rewards.tolist() == [1.0, 0.0]
    assert dones.tolist() == [True, False]
    assert np.array_equal(obs[0], first[1]), "the next game has begun"
    assert infos[1] == {}
    info = infos[0]
    assert info["TimeLimit.truncated"] is False
    assert info["is_success"] is True
    assert info["termination"] == Termination.CHECKMATE
    assert info["winner"] == BLACK
    assert (info["episode"]["r"], info["episode"]["l"]) == (1.0, 1)
    mated = ShogiVectorEnv(1, obs=form, autoreset_mode="Disabled", initial_sfens=[MATE_IN_ONE])
    mated.reset()
    last: Any = turn_observation(mated.step(np.array([MATE]))[0])
    if isinstance(last, dict):
        last = last["state" if form == "compact" else "observation"]
    assert np.array_equal(info["terminal_observation"], last[0])


def test_the_ply_cap_is_a_time_limit() -> None:
    env = Sb3VecEnv(single_player(1, "black", max_plies=4, initial_sfens=[BARE_KINGS]))
    env.reset()
    for _ in range(2):
        assert env.step(env.action_masks().argmax(axis=1))[2].tolist() == [False]
        _, rewards, dones, infos = env.step(env.action_masks().argmax(axis=1))
        assert (rewards.tolist(), dones.tolist()) == ([0.0], [True])
        assert infos[0]["TimeLimit.truncated"] is True
        assert infos[0]["is_success"] is False
        assert infos[0]["episode"]["l"] == 2, "moves of the learner"


def test_a_seed_repeats_the_games() -> None:
    env = Sb3VecEnv(single_player(4))
    played: list[NDArray[Any]] = []
    for seed in (3, 3, 4):
        env.seed(seed)
        first: Any = env.reset()
        seen: list[Any] = [env.step(env.action_masks().argmax(axis=1))[0] for _ in range(6)]
        played.append(np.stack([first, *seen]))
    assert np.array_equal(played[0], played[1])
    assert not np.array_equal(played[0], played[2])


def test_attributes_belong_to_all_games() -> None:
    env = Sb3VecEnv(single_player(3))
    assert env.get_attr("num_envs", indices=[0, 2]) == [3, 3]
    assert not env.has_attr("no_such_thing")
    env.set_attr("nickname", "kiku")
    assert env.get_attr("nickname") == ["kiku"] * 3
    with pytest.raises(ValueError, match="nickname"):
        env.set_attr("nickname", "fuji", indices=0)
    assert env.env_is_wrapped(Monitor) == [True] * 3
    assert env.env_is_wrapped(gym.Wrapper) == [False] * 3


def test_vec_monitor_goes_round_it() -> None:
    with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
        env = VecMonitor(Sb3VecEnv(single_player(2, "black", max_plies=2)))
    env.reset()
    _, _, dones, infos = env.step(get_action_masks(env).argmax(axis=1))
    assert dones.all()
    assert [info["episode"]["l"] for info in infos] == [1, 1]


@pytest.mark.slow
def test_the_masked_algorithm_learns_and_is_evaluated() -> None:
    env = Sb3VecEnv(single_player(4, obs="compact", max_plies=20))
    model = MaskablePPO("MlpPolicy", env, n_steps=16, batch_size=32, n_epochs=1, seed=1)
    # An illegal action would raise.
    model.learn(128)
    assert len(model.ep_info_buffer or ()) >= 4
    evaluated: Any = evaluate_policy(model, env, n_eval_episodes=4, return_episode_rewards=True)
    returns, lengths = evaluated
    assert set(returns) <= {-1.0, 0.0, 1.0}
    assert max(lengths) <= 11


def test_two_players_are_refused() -> None:
    with pytest.raises(ValueError, match="OpponentVectorEnv"):
        Sb3VecEnv(ShogiVectorEnv(1))


def test_other_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="'NextStep'"):
        Sb3VecEnv(single_player(1, autoreset_mode="NextStep"))
