"""Gymnasium's own vector wrappers around the environments: what works in which mode."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.wrappers import TransformReward as SingleTransformReward
from gymnasium.wrappers import vector

from keisei.vec import OpponentVectorEnv, ShogiVectorEnv
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, actions

MODES = ["SameStep", "NextStep", "Disabled"]
COUNTS_SAME_STEP = tuple(map(int, version("gymnasium").split(".")[:2])) >= (1, 4)
"""Before 1.4 RecordEpisodeStatistics took every mode for the next-step one."""


def _env(mode: str, num_envs: int = 3, **settings: Any) -> ShogiVectorEnv:
    given: dict[str, Any] = {"initial_sfens": [BARE_KINGS], "max_plies": 3, **settings}
    return ShogiVectorEnv(num_envs, autoreset_mode=mode, **given)


def _played(env: Any, core: Any, steps: int = 12) -> list[tuple[Any, ...]]:
    """Results of some steps of random play through a wrapper."""
    env.reset(seed=0)
    results: list[tuple[Any, ...]] = []
    for _ in range(steps):
        results.append(env.step(core.sample_actions()))
        ended = results[-1][2] | results[-1][3]
        if core.metadata["autoreset_mode"].value == "Disabled" and ended.any():
            env.reset(options={"reset_mask": ended})
    return results


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("against_opponents", [False, True])
def test_episode_statistics(mode: str, against_opponents: bool) -> None:
    if mode == "SameStep" and not COUNTS_SAME_STEP:
        pytest.skip("this Gymnasium counts wrong in this mode")
    core: Any = _env(mode, max_plies=6 if against_opponents else 3)
    if against_opponents:
        core = OpponentVectorEnv(core, "random", "black")
    results = _played(vector.RecordEpisodeStatistics(core), core, 20)
    ended = 0
    for *_, truncations, infos in results:
        assert ("episode" in infos) == truncations.any()
        if truncations.any():
            assert infos["episode"]["l"].tolist() == (3 * truncations).tolist()
        ended += int(truncations.sum())
    assert ended >= 3 * 5


@pytest.mark.parametrize("mode", MODES)
def test_episode_statistics_after_partial_resets(mode: str) -> None:
    core = _env(mode)
    env = vector.RecordEpisodeStatistics(core)
    env.reset(seed=0)
    env.step(core.sample_actions())
    env.reset(options={"reset_mask": np.array([True, False, False])})
    env.step(core.sample_actions())
    *_, truncations, infos = env.step(core.sample_actions())
    assert truncations.tolist() == [False, True, True]
    assert infos["_episode"].tolist() == [False, True, True]
    assert infos["episode"]["l"].tolist() == [0, 3, 3]


def tripled(reward: Any) -> Any:
    return 3 * reward


REWARD_WRAPPERS: dict[str, tuple[float, Callable[[Any], Any]]] = {
    "clip": (0.5, lambda env: vector.ClipReward(env, -0.5, 0.5)),
    "transform": (3.0, lambda env: vector.TransformReward(env, tripled)),
    "each game": (
        3.0,
        lambda env: vector.VectorizeTransformReward(env, SingleTransformReward, func=tripled),
    ),
}


def _rewards_of_one_mate(env: Any, core: ShogiVectorEnv) -> list[float]:
    env.reset(seed=0)
    return env.step(actions(core, "5i5h", "G*5b"))[1].tolist()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", list(REWARD_WRAPPERS))
def test_rewards(name: str, mode: str) -> None:
    winning, wrap = REWARD_WRAPPERS[name]
    core = _env(mode, 2, initial_sfens=[BARE_KINGS, MATE_IN_ONE])
    assert _rewards_of_one_mate(wrap(core), core) == [0.0, winning]


@pytest.mark.parametrize("mode", MODES)
def test_normalised_rewards(mode: str) -> None:
    core = _env(mode, 2, initial_sfens=[BARE_KINGS, MATE_IN_ONE])
    quiet, winning = _rewards_of_one_mate(vector.NormalizeReward(core), core)
    assert quiet == 0.0
    assert 0.0 < winning < 100.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["dict", "compact", "box"])
def test_infos_as_a_list(mode: str, form: str) -> None:
    core: Any = _env(mode, obs=form, max_plies=1)
    env = vector.DictInfoToList(core)
    assert env.reset(seed=0)[1] == [{}, {}, {}]
    infos: Any = env.step(core.sample_actions())[4]
    for info in infos:
        assert {key: int(value) for key, value in info["final_info"].items()} == {
            "termination": 6,
            "winner": -1,
            "plies": 1,
        }
        assert ("final_obs" in info) == (mode == "SameStep")
        if mode == "SameStep":
            assert core.single_observation_space.contains(info["final_obs"])


HALVES = Box(0, 0.5, (47, 9, 9), np.float32)
OBSERVATION_WRAPPERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "flatten": ("dict", vector.FlattenObservation),
    "filter": ("dict", lambda env: vector.FilterObservation(env, ["observation"])),
    "dtype": ("box", lambda env: vector.DtypeObservation(env, np.float64)),
    "rescale": ("box", lambda env: vector.RescaleObservation(env, -1.0, 1.0)),
    "reshape": ("box", lambda env: vector.ReshapeObservation(env, (47 * 81,))),
    "transform": (
        "box",
        lambda env: vector.TransformObservation(
            env, lambda obs: obs / 2, single_observation_space=HALVES
        ),
    ),
    "normalise": ("box", vector.NormalizeObservation),
}


# Gymnasium warns when it casts the bounds of its own boxes.
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", list(OBSERVATION_WRAPPERS))
def test_observations(name: str, mode: str) -> None:
    form, wrap = OBSERVATION_WRAPPERS[name]
    core = _env(mode, obs=form, dtype="float32")
    # The new game's observation would be changed and the final one not, so Gymnasium refuses.
    refused = {"SameStep"} if name != "normalise" else {"SameStep", "Disabled"}
    if mode in refused:
        with pytest.raises((ValueError, AssertionError)):
            wrap(core)
        return
    env = wrap(core)
    seen = _played(env, core)[-1][0]
    if name == "normalise":
        assert np.isfinite(seen).all()
    else:
        assert env.observation_space.contains(seen)


def test_actions() -> None:
    core: Any = _env("SameStep", initial_sfens=None)

    def raised(chosen: Any) -> Any:
        return chosen + 50

    env: Any = vector.TransformAction(core, raised, core.action_space)
    env.reset(seed=0)
    env.step(np.full(3, 9))
    assert [str(core.last_move(game)) for game in range(3)] == ["7g7f"] * 3


@pytest.mark.parametrize("mode", MODES)
def test_wrappers_given_to_make_vec_meet_single_games(mode: str) -> None:
    env: Any = gymnasium.make_vec(
        "keisei/Shogi-v0",
        num_envs=2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": gymnasium.vector.AutoresetMode(mode)},
        wrappers=[lambda game: SingleTransformReward(game, tripled)],
        initial_sfens=[MATE_IN_ONE],
        obs="compact",
    )
    env.reset(seed=0)
    mate = actions(env.envs[0].unwrapped._games, "G*5b")
    _, rewards, terminations, _, infos = env.step(np.repeat(mate, 2))
    assert (rewards.tolist(), terminations.tolist()) == ([3.0, 3.0], [True, True])
    final = infos["final_info"] if mode == "SameStep" else infos
    assert final["winner"].tolist() == [0, 0]
