"""What the games must not depend on: threads, saved states, views of the arrays."""

from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from keisei.shogi import move_from_action
from keisei.vec import ShogiVectorEnv

NUM_ENVS = 70
MAX_PLIES = 60
STEPS = 150


def _env(num_threads: int | None = None, **settings: Any) -> ShogiVectorEnv:
    return ShogiVectorEnv(
        NUM_ENVS,
        obs="compact",
        max_plies=MAX_PLIES,
        num_threads=num_threads,
        **settings,
    )


def test_games_do_not_depend_on_the_number_of_threads() -> None:
    envs = [_env(threads) for threads in (1, 2, 3)]
    seen = [env.reset(seed=9)[0] for env in envs]
    ended = 0
    for _ in range(STEPS):
        for other in seen[1:]:
            np.testing.assert_array_equal(other["state"], seen[0]["state"])
            np.testing.assert_array_equal(other["action_mask_bits"], seen[0]["action_mask_bits"])
        chosen = [env.sample_actions() for env in envs]
        results = [env.step(actions) for env, actions in zip(envs, chosen, strict=True)]
        for actions, result in zip(chosen[1:], results[1:], strict=True):
            np.testing.assert_array_equal(actions, chosen[0])
            for part in (1, 2, 3):
                np.testing.assert_array_equal(result[part], results[0][part])
        ended += int(results[0][3].sum() + results[0][2].sum())
        seen = [result[0] for result in results]
    assert ended > NUM_ENVS


def _pictures(env: ShogiVectorEnv) -> list[str]:
    """Each game as text, last move included."""
    return [env.board_text(game) for game in range(env.num_envs)]


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_a_saved_state_continues_identically(mode: str) -> None:
    env = _env(autoreset_mode=mode)
    env.reset(seed=9)
    for _ in range(MAX_PLIES + 7):
        env.step(env.sample_actions())
    saved = {key: value.copy() for key, value in env.get_state().items()}
    other = _env(2, autoreset_mode=mode)
    other.set_state(saved)
    np.testing.assert_array_equal(other.action_masks(), env.action_masks())
    assert _pictures(other) == _pictures(env)
    for _ in range(STEPS):
        chosen = env.sample_actions()
        np.testing.assert_array_equal(other.sample_actions(), chosen)
        first, second = env.step(chosen), other.step(chosen)
        np.testing.assert_array_equal(first[0]["state"], second[0]["state"])
        for part in (1, 2, 3):
            np.testing.assert_array_equal(first[part], second[part])


def test_a_saved_state_holds_arrays_and_stays_as_it_was() -> None:
    env = _env()
    env.reset(seed=9)
    saved = env.get_state()
    assert all(isinstance(value, np.ndarray) for value in saved.values())
    kept = {key: value.copy() for key, value in saved.items()}
    for _ in range(10):
        env.step(env.sample_actions())
    for key, value in kept.items():
        np.testing.assert_array_equal(saved[key], value, err_msg=key)


def test_a_saved_state_keeps_the_history_of_repetitions() -> None:
    settings: dict[str, Any] = {"initial_sfens": ["4k4/9/9/9/9/9/9/9/4K4 b - 1"], "obs": "compact"}
    env = ShogiVectorEnv(1, **settings)
    env.reset(seed=0)
    shuffle = ["5i5h", "5a5b", "5h5i", "5b5a"]
    for usi in shuffle * 2:
        _step_usi(env, usi)
    other = ShogiVectorEnv(1, **settings)
    other.set_state(env.get_state())
    for usi in shuffle[:3]:
        assert not _step_usi(other, usi)
    assert _step_usi(other, shuffle[3])


def _step_usi(env: ShogiVectorEnv, usi: str) -> bool:
    """Plays one move in a single game; True when it ended the game."""
    board = env.board(0)
    chosen = [label for label in board.legal_actions() if _usi(env, int(label)) == usi]
    return bool(env.step(np.array(chosen))[2][0])


def _usi(env: ShogiVectorEnv, label: int) -> str:
    return move_from_action(env.board(0), label).usi()


def test_there_is_no_state_before_the_first_reset() -> None:
    with pytest.raises(ResetNeeded, match="reset"):
        _env().get_state()


def test_a_foreign_state_is_refused() -> None:
    env = _env()
    env.reset(seed=0)
    saved = env.get_state()
    smaller = ShogiVectorEnv(3, obs="compact")
    with pytest.raises(ValueError, match="State array"):
        smaller.set_state(saved)
    incomplete = dict(saved)
    name = sorted(incomplete)[0]
    del incomplete[name]
    with pytest.raises(ValueError, match=name):
        env.set_state(incomplete)


@pytest.mark.parametrize("obs_form", ["compact", "dict", "box"])
def test_copied_arrays_stay_as_they_were(obs_form: str) -> None:
    env = ShogiVectorEnv(4, obs=obs_form, max_plies=6)

    def arrays(obs: Any) -> list[NDArray[Any]]:
        return [obs] if obs_form == "box" else list(obs.values())

    obs, _ = env.reset(seed=0)
    held = arrays(obs)
    for _ in range(15):
        chosen = env.sample_actions()
        held.append(chosen)
        held.append(env.action_masks())
        obs, rewards, terminations, truncations, _ = env.step(chosen)
        held += [*arrays(obs), rewards, terminations, truncations]
    kept = [array.copy() for array in held]
    for _ in range(15):
        env.step(env.sample_actions())
    env.reset(seed=5)
    for array, copy in zip(held, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_final_observations_stay_as_they_were() -> None:
    env = ShogiVectorEnv(2, obs="compact", max_plies=2)
    env.reset(seed=0)
    env.step(env.sample_actions())
    final = env.step(env.sample_actions())[4]["final_obs"][0]
    kept = {key: value.copy() for key, value in final.items()}
    for _ in range(6):
        env.step(env.sample_actions())
    for key, value in kept.items():
        np.testing.assert_array_equal(final[key], value)


def test_views_hold_the_same_values_as_copies() -> None:
    copies, views = _env(), _env(copy=False)
    first, _ = copies.reset(seed=4)
    second, _ = views.reset(seed=4)
    for _ in range(MAX_PLIES + 5):
        np.testing.assert_array_equal(second["state"], first["state"])
        chosen = copies.sample_actions()
        np.testing.assert_array_equal(views.sample_actions(), chosen)
        first, *rest = copies.step(chosen)
        second, *others = views.step(chosen)
        for part in range(3):
            np.testing.assert_array_equal(others[part], rest[part])
