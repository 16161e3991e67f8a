"""The environment by its registered name, under Gymnasium's own tools."""

import subprocess
import sys
from typing import Any, cast

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import keisei  # noqa: F401  # pyright: ignore[reportUnusedImport]  # registers keisei/Shogi-v0
from keisei.pictures.raster import board_pixels
from keisei.shogi import Board
from keisei.vec import ShogiEnv, ShogiVectorEnv
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, action, actions

NAME = "keisei/Shogi-v0"


def test_make_vec_gives_the_batched_environment() -> None:
    env = gymnasium.make_vec(NAME, num_envs=4, obs="compact", max_plies=77)
    assert isinstance(env.unwrapped, ShogiVectorEnv)
    assert env.num_envs == 4
    assert env.spec is not None
    assert env.spec.id == NAME
    obs, _ = env.reset(seed=0)
    assert obs["state"].shape == (4, 100)
    assert obs["state"][:, 99].tolist() == [77] * 4
    env.close()
    env.close()


@pytest.mark.parametrize("mode", ["NextStep", AutoresetMode.NEXT_STEP])
def test_make_vec_takes_a_mode_by_name_or_member(mode: str | AutoresetMode) -> None:
    env: Any = gymnasium.make_vec(NAME, num_envs=2, autoreset_mode=mode)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.autoreset_mode is AutoresetMode.NEXT_STEP


def test_a_spec_in_json_makes_the_same_environment() -> None:
    env: Any = gymnasium.make_vec(
        NAME,
        num_envs=2,
        obs="compact",
        obs_keys=["a", "b"],
        autoreset_mode="Disabled",
        initial_sfens=[BARE_KINGS],
        max_plies=7,
    )
    spec = EnvSpec.from_json(env.spec.to_json())
    other: Any = gymnasium.make_vec(spec, num_envs=2)
    assert other.spec == env.spec
    assert other.autoreset_mode is AutoresetMode.DISABLED
    obs, _ = other.reset(seed=0)
    np.testing.assert_array_equal(obs["a"], env.reset(seed=0)[0]["a"])
    game: Any = gymnasium.make(NAME, obs="box", max_plies=7)
    again: Any = gymnasium.make(EnvSpec.from_json(game.spec.to_json()))
    np.testing.assert_array_equal(again.reset()[0], game.reset()[0])


def test_the_module_can_stand_before_the_name() -> None:
    program = (
        "import gymnasium as g; print(g.make_vec('keisei:keisei/Shogi-v0', num_envs=2).num_envs)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "2"


def test_single_games_in_sync() -> None:
    env = gymnasium.make_vec(NAME, num_envs=3, vectorization_mode="sync")
    obs, _ = env.reset(seed=0)
    assert obs["observation"].shape == (3, 47, 9, 9)
    obs, rewards, *_ = env.step(np.array([59, 59, 59]))  # 7g7f
    assert obs["action_mask"].shape == (3, 2187)
    assert rewards.tolist() == [0.0] * 3


def test_make_gives_the_single_game() -> None:
    env = gymnasium.make(NAME)
    assert isinstance(env.unwrapped, ShogiEnv)
    obs, _ = env.reset(seed=0)
    assert obs["observation"].shape == (47, 9, 9)
    assert obs["action_mask"].sum() == 30


class AnyAction(ShogiEnv):
    """A game that takes any action for a legal one: Gymnasium's checker knows no masks."""

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        legal = np.flatnonzero(self.action_masks())
        return super().step(int(legal[action % legal.size]))


@pytest.mark.parametrize("obs_form", ["dict", "box", "compact"])
def test_gymnasium_checks_the_single_game(obs_form: str) -> None:
    env = AnyAction(obs=obs_form, render_mode="ansi")
    check_env(env, skip_render_check=True)


def test_a_single_game_ends_and_waits_for_reset() -> None:
    env = ShogiEnv(initial_sfens=[MATE_IN_ONE])
    env.reset(seed=0)
    mate = action(Board(MATE_IN_ONE), "G*5b")
    obs, reward, terminated, truncated, _ = env.step(mate)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert isinstance(reward, float)
    assert isinstance(terminated, bool)
    assert obs["action_mask"].sum() == 0
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(mate)
    obs, _ = env.reset()
    assert obs["action_mask"][mate] == 1


def test_the_ply_cap_is_reached_in_a_single_game() -> None:
    env = ShogiEnv(initial_sfens=[BARE_KINGS], max_plies=2)
    env.reset(seed=0)
    up = action(Board(BARE_KINGS), "5i5h")  # in White's view the same: 5a5b
    first, second = env.step(up), env.step(up)
    assert (first[2:4], second[2:4]) == ((False, False), (False, True))


def test_max_episode_steps_is_another_name_of_the_cap() -> None:
    env = gymnasium.make_vec(NAME, num_envs=2, max_episode_steps=3, initial_sfens=[BARE_KINGS])
    env.reset(seed=0)
    core = env.unwrapped
    assert isinstance(core, ShogiVectorEnv)
    truncated = [env.step(actions(core, usi, usi))[3].tolist() for usi in ("5i5h", "5a5b", "5h5i")]
    assert truncated == [[False] * 2, [False] * 2, [True] * 2]


def test_a_board_to_look_at() -> None:
    env = ShogiVectorEnv(2, render_mode="ansi", initial_sfens=[BARE_KINGS])
    env.reset(seed=0)
    env.step(actions(env, "5i5h", "5i4i"))
    pictures = env.render()
    assert pictures is not None
    assert len(pictures) == 2
    assert pictures[0].splitlines()[-1] == "last move 5i5h"
    assert pictures[1].splitlines()[-1] == "last move 5i4i"
    assert ShogiVectorEnv(1).render() is None
    single = gymnasium.make(NAME, render_mode="ansi")
    single.reset(seed=0)
    frame = single.render()
    assert isinstance(frame, str)
    assert "Black to move" in frame


def test_a_picture_to_look_at() -> None:
    env = gymnasium.make_vec(NAME, num_envs=2, render_mode="rgb_array")
    assert env.metadata["render_fps"] == 1
    core = env.unwrapped
    assert isinstance(core, ShogiVectorEnv)
    env.reset(seed=0)
    env.step(actions(core, "7g7f", "2g2f"))
    frames = core.render()
    assert frames is not None
    for frame, usi in zip(frames, ("7g7f", "2g2f"), strict=True):
        board = Board()
        board.push_usi(usi)
        assert np.array_equal(frame, board_pixels(board.placement(), board.last_move))
    single = gymnasium.make(NAME, render_mode="rgb_array")
    single.reset(seed=0)
    single.step(action(Board(), "7g7f"))
    assert np.array_equal(cast(Any, single.render()), frames[0])
