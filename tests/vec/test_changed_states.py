"""States that somebody has changed: refused with a sentence, or games that go on."""

import faulthandler
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keisei.vec import IllegalActionError, OpponentVectorEnv, ShogiVectorEnv
from keisei.vec.consistency import check_observations
from tests.vec.games import BARE_KINGS, MATE_IN_ONE

NUM_ENVS, MAX_PLIES = 5, 41
MODES = ("SameStep", "NextStep", "Disabled")
SEATS = ("seats", "opponents", "seat_streams", "games_begun", "waiting")


def games(mode: str) -> ShogiVectorEnv:
    return ShogiVectorEnv(
        NUM_ENVS,
        max_plies=MAX_PLIES,
        autoreset_mode=mode,
        render_mode="ansi",
        initial_sfens=None if mode == "Disabled" else [BARE_KINGS, MATE_IN_ONE, BARE_KINGS],
    )


def saved_states() -> list[tuple[str, Any, dict[str, np.ndarray[Any, Any]]]]:
    """States of each mode after different numbers of plies, of games that are over, too."""
    states: list[Any] = []
    for mode in MODES:
        for with_opponent in (False, True):
            inner = games(mode)
            env: Any = OpponentVectorEnv(inner, "random") if with_opponent else inner
            env.reset(seed=3)
            for ply in range(MAX_PLIES):
                if ply % 10 == 0 or ply == MAX_PLIES - 1:
                    states.append((mode, with_opponent, env.get_state()))
                try:
                    env.step(env.sample_actions())
                except ResetNeeded:
                    break
            states.append((mode, with_opponent, env.get_state()))
    return states


def go_on(mode: str, with_opponent: bool, state: dict[str, Any], plies: int) -> bool:
    """Set a state and play on; whether it was taken."""
    inner = games(mode)
    env: Any = OpponentVectorEnv(inner, "random") if with_opponent else inner
    try:
        env.set_state(state)
    except ValueError:
        return False
    inner.render()
    env.get_state()
    for _ in range(plies):
        try:
            env.step(env.sample_actions())
        except (ResetNeeded, IllegalActionError):
            # Of games that wait for the learner or for a reset, which only the caller can tell.
            break
        for game in range(NUM_ENVS):
            inner.last_move(game)
    inner.render()
    env.get_state()
    return True


def test_every_state_of_a_game_is_taken() -> None:
    states = saved_states()
    assert len(states) > 20
    assert any(state["over"].any() for _, _, state in states)
    assert all(go_on(*state, 5) for state in states)


numbers = st.one_of(
    st.integers(-3, 200),
    st.sampled_from([255, 2**15, 2**31 - 1, -(2**31), 7 * 10**8, 2**62, -(2**63), 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
changes = st.lists(
    st.tuples(st.integers(0, 99), st.integers(0, 2**31), numbers), min_size=1, max_size=4
)


def changed(state: dict[str, Any], edits: list[tuple[int, int, int]]) -> dict[str, Any]:
    """A copy with other numbers in some places of some arrays, as the bits of their types."""
    state = {name: array.copy() for name, array in state.items()}
    for which, place, number in edits:
        name = sorted(state)[which % len(state)]
        array = state[name]
        flat = array.reshape(-1).view(f"u{array.dtype.itemsize}")
        flat[place % flat.size] = number % 2 ** (8 * array.dtype.itemsize)
    return state


def try_changes(examples: int) -> None:
    """What the child process does; it prints how many states were taken and refused."""
    faulthandler.enable()
    states = saved_states()
    counts = [0, 0]

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.sampled_from(range(len(states))), changes)
    def attempt(index: int, edits: list[tuple[int, int, int]]) -> None:
        mode, with_opponent, state = states[index]
        counts[go_on(mode, with_opponent, changed(state, edits), 100)] += 1

    attempt()
    sys.stdout.write(f"{counts[0]} {counts[1]}\n")


def in_a_child(examples: int, seconds: int) -> tuple[int, int]:
    """How many states were refused and taken in a process that neither died nor hung."""
    code = f"from tests.vec.test_changed_states import try_changes; try_changes({examples})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    refused, taken = map(int, done.stdout.split())
    return refused, taken


def test_whatever_is_changed_no_process_dies_or_hangs() -> None:
    refused, taken = in_a_child(150, 600)
    assert refused > 50
    assert taken > 5


@pytest.mark.slow
def test_whatever_is_changed_no_process_dies_or_hangs_at_length() -> None:
    refused, taken = in_a_child(5000, 3600)
    assert refused > 1000
    assert taken > 100


@pytest.mark.parametrize(
    ("name", "place", "number", "part"),
    [
        ("plies", 0, 7 * 10**8, "out of range"),
        ("plies", 0, -1, "out of range"),
        ("plies", 0, MAX_PLIES, "history"),
        ("history", 0, 1, "history"),
        ("hashes", 0, 1, "board"),
        ("boards", 40, 99, "unknown piece"),
        ("boards", 81, 19, "too many pieces"),
        ("words", 0, 1, "board"),
        ("legal", 0, 0, "board"),
        ("in_check", 0, 1, "board"),
        ("seen", 0, 2**64 - 1, "history"),
        ("repeats", 0, 3, "history"),
        ("check_runs", 0, 100, "out of range"),
        ("last_actions", 0, 2187, "out of range"),
        ("last_origins", 0, 81, "out of range"),
        ("last_actions", 0, -1, "out of range"),
        ("next_start", 0, 1, "start position 1"),
        ("over", 0, 1, "goes on"),
    ],
)
def test_a_change_is_named(name: str, place: int, number: int, part: str) -> None:
    env = ShogiVectorEnv(NUM_ENVS, max_plies=MAX_PLIES)
    env.reset(seed=2)
    for _ in range(5):
        env.step(env.sample_actions())
    before = env.get_state()
    state: Any = env.get_state()
    state[name].reshape(-1)[place] = number
    with pytest.raises(ValueError, match=part) as refusal:
        env.set_state(state)
    assert part in str(refusal.value)
    after = env.get_state()
    assert all(np.array_equal(before[each], after[each]) for each in before)


def test_what_is_no_array_is_named() -> None:
    env = ShogiVectorEnv(NUM_ENVS, max_plies=MAX_PLIES)
    env.reset(seed=2)
    state: Any = env.get_state()
    for other in (
        state | {"plies": [0] * NUM_ENVS},
        state | {"plies": state["plies"].astype(np.int64)},
        state | {"plies": state["plies"][:-1]},
        state | {"max_plies": np.array([MAX_PLIES])},
        state | {"max_plies": "41"},
        state | {3: state["plies"]},
        {name: state[name] for name in state if name != "seen"},
        state | {"over": np.full(NUM_ENVS, 2, np.uint8).view(np.bool_)},
        state | {"next_start": np.ma.masked_array(state["next_start"] + 9, mask=True)},
    ):
        with pytest.raises(ValueError, match=r"(?i)state"):
            env.set_state(other)
    env.set_state({name: np.array(array, order="F") for name, array in state.items()})


def test_observations_of_games_are_told_from_others() -> None:
    env = ShogiVectorEnv(64, max_plies=MAX_PLIES, obs="compact")
    obs: Any = env.reset(seed=2)[0]
    for _ in range(60):
        check_observations(obs["state"], obs["action_mask_bits"])
        obs = env.step(env.sample_actions())[0]
    for name, column in (("state", 3), ("state", 95), ("state", 97), ("action_mask_bits", 100)):
        wrong = {key: array.copy() for key, array in obs.items()}
        wrong[name][7, column] ^= 255
        with pytest.raises(ValueError, match=r"position 7|game 7"):
            check_observations(wrong["state"], wrong["action_mask_bits"])


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"num_envs": 10**12}, "num_envs"),
        ({"max_plies": 10**20}, "max_plies"),
        ({"max_episode_steps": 10**20}, "max_plies"),
        ({"num_envs": 999_999, "max_plies": 999_999}, "num_envs=999999 .* max_plies=999999"),
    ],
)
def test_sizes_that_no_machine_has_room_for_are_refused(
    arguments: dict[str, Any], key: str
) -> None:
    with pytest.raises(ValueError, match=key):
        ShogiVectorEnv(**arguments)
