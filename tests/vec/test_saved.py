"""Copies of environments and of their states go on with the same games."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from keisei.vec import OpponentVectorEnv, ShogiEnv, ShogiVectorEnv
from tests.vec.games import BARE_KINGS, MATE_IN_ONE

MODES = ["SameStep", "NextStep", "Disabled"]
NUM_ENVS = 70  # two blocks of games, so that two threads have work
MAX_PLIES = 9

Env = ShogiVectorEnv | OpponentVectorEnv


def shogi(mode: str, **settings: Any) -> Env:
    given: dict[str, Any] = {"obs": "compact", "num_threads": 2, **settings}
    starts = [BARE_KINGS, MATE_IN_ONE, BARE_KINGS]
    return ShogiVectorEnv(
        NUM_ENVS, max_plies=MAX_PLIES, initial_sfens=starts, autoreset_mode=mode, **given
    )


def with_opponents(mode: str, **settings: Any) -> Env:
    inner = shogi(mode, **settings)
    assert isinstance(inner, ShogiVectorEnv)
    return OpponentVectorEnv(inner, ["random", "random"], "random")


def deep_copied(env: Env, mode: str) -> Env:
    del mode
    return copy.deepcopy(env)


def pickled(env: Env, mode: str) -> Env:
    del mode
    return pickle.loads(pickle.dumps(env))


def with_state_set(env: Env, mode: str) -> Env:
    make = shogi if isinstance(env, ShogiVectorEnv) else with_opponents
    other = make(mode, num_threads=1)
    state = pickle.loads(pickle.dumps(env.get_state()))
    obs: Any = other.set_state(state)
    np.testing.assert_array_equal(obs["state"][:, 97], _seen(env)["state"][:, 97])
    return other


def _seen(env: Env) -> Any:
    """The present observations, from a state that is set where it was."""
    return env.set_state(env.get_state())


def advance(env: Env, mode: str, steps: int) -> list[bytes]:
    """All that some steps of random play take and give, as bytes a step."""
    rows: list[bytes] = []
    for _ in range(steps):
        actions = env.sample_actions()
        obs, rewards, terminations, truncations, infos = env.step(actions)
        ended = terminations | truncations
        row: list[Any] = [actions, *dict(obs).values(), rewards, terminations, truncations]
        if ended.any():
            row += [infos["final_info"][name] for name in sorted(infos["final_info"])]
        rows.append(b"".join(array.tobytes() for array in row))
        if mode == "Disabled" and ended.any():
            env.reset(options={"reset_mask": ended})
    return rows


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [shogi, with_opponents])
@pytest.mark.parametrize("duplicate", [deep_copied, pickled, with_state_set])
def test_a_copy_goes_on_alike(
    make: Callable[[str], Env], duplicate: Callable[[Env, str], Env], mode: str
) -> None:
    env = make(mode)
    env.reset(seed=3)
    advance(env, mode, MAX_PLIES + 3)
    other = duplicate(env, mode)
    expected = advance(env, mode, 3 * MAX_PLIES)
    assert advance(other, mode, 3 * MAX_PLIES) == expected
    for each in (env, other):
        each.close()


@pytest.mark.parametrize("mode", ["NextStep", "Disabled"])
def test_a_state_brings_back_games_that_wait(mode: str) -> None:
    env, other = (ShogiVectorEnv(2, obs="compact", max_plies=2, autoreset_mode=mode) for _ in "ab")
    env.reset(seed=3)
    for active in ([True, False], [True, True]):
        env.step(env.sample_actions(), active=np.array(active))
    seen: Any = other.set_state(env.get_state())
    assert seen["state"][:, 99].tolist() == [0, 1]
    if mode == "Disabled":
        with pytest.raises(ResetNeeded, match="Game 0"):
            other.step(other.sample_actions())
    else:
        seen = other.step(other.sample_actions())[0]
        assert seen["state"][:, 99].tolist() == [2, 0]


def test_what_a_copy_plays_does_not_show_in_the_other() -> None:
    env = shogi("SameStep")
    env.reset(seed=3)
    advance(env, "SameStep", 2)
    before = env.get_state()
    advance(copy.deepcopy(env), "SameStep", 5)
    after = env.get_state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


PROGRAM = """
import sys
import numpy as np
from tests.vec.test_saved import advance, shogi, with_opponents

make = {"shogi": shogi, "with_opponents": with_opponents}[sys.argv[1]]
env = make("SameStep")
with np.load(sys.argv[2]) as state:
    env.set_state(dict(state))
print(b"".join(advance(env, "SameStep", 12)).hex())
"""


@pytest.mark.parametrize("make", [pytest.param(shogi, marks=pytest.mark.slow), with_opponents])
def test_a_saved_file_goes_on_in_another_process(
    make: Callable[[str], Env], tmp_path: Path
) -> None:
    env = make("SameStep")
    env.reset(seed=8)
    advance(env, "SameStep", 5)
    state: Any = env.get_state()
    np.savez(tmp_path / "state.npz", **state)
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, make.__name__, str(tmp_path / "state.npz")],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert finished.stdout.strip() == b"".join(advance(env, "SameStep", 12)).hex()


def test_a_single_game_is_copied_for_a_search() -> None:
    env = ShogiEnv(initial_sfens=[BARE_KINGS])
    env.reset(seed=0)
    env.step(int(env.action_masks().argmax()))
    text = env.board().sfen()
    branch = copy.deepcopy(env)
    for _ in range(3):
        branch.step(int(branch.action_masks().argmax()))
    assert env.board().sfen() == text
    assert branch.board().sfen() != text


def test_states_that_do_not_fit_are_refused() -> None:
    waiting = shogi("Disabled")
    waiting.reset(seed=0)
    advance(waiting, "NextStep", 1)
    state = waiting.get_state()
    assert state["over"].any()
    with pytest.raises(ValueError, match="none waits"):
        shogi("SameStep").set_state(state)

    one_start = ShogiVectorEnv(NUM_ENVS, max_plies=MAX_PLIES, autoreset_mode="Disabled")
    with pytest.raises(ValueError, match="start position 2"):
        one_start.set_state(state)

    with pytest.raises(ValueError, match="lacks"):
        with_opponents("Disabled").set_state(state)
    league = with_opponents("SameStep")
    league.reset(seed=0)
    state = league.get_state()
    state["opponents"][0] = 2
    with pytest.raises(ValueError, match="'opponents' holds 2; there are 2"):
        league.set_state(state)


def test_a_state_of_another_ply_cap_is_refused() -> None:
    env = ShogiVectorEnv(1, max_plies=10)
    env.reset(seed=0)
    other = ShogiVectorEnv(1, max_plies=11)
    with pytest.raises(ValueError, match=r"at most 10 plies.*is 11"):
        other.set_state(env.get_state())
