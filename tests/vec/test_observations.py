"""Observations beside ones that are recomputed from boards, square by square."""

from typing import Any

import numpy as np
import pytest

from keisei.shogi import BLACK, WHITE
from keisei.shogi.constants import NUM_ACTIONS
from keisei.vec import ShogiVectorEnv
from tests.conformance import records
from tests.vec.games import BARE_KINGS, Shadow, actions, plane_maxima, planes

MAX_PLIES = 40
STARTS: list[str] = [r["sfen"] for r in records("legal_moves")[:400:50] if r["n"]] + [BARE_KINGS]


def _envs(obs_form: str, dtype: str = "uint8") -> Any:
    return ShogiVectorEnv(
        len(STARTS),
        max_plies=MAX_PLIES,
        obs=obs_form,
        dtype=dtype,
        initial_sfens=STARTS,
        declaration="off",
    )


def test_compact_observations_follow_the_boards() -> None:
    env = _envs("compact")
    shadow = Shadow([*STARTS])
    obs, _ = env.reset(seed=3)
    for _ in range(2 * MAX_PLIES + 5):
        np.testing.assert_array_equal(obs["state"], shadow.states(MAX_PLIES))
        masks = shadow.masks()
        np.testing.assert_array_equal(env.action_masks(), masks)
        np.testing.assert_array_equal(
            obs["action_mask_bits"], np.packbits(masks, axis=1, bitorder="little")
        )
        chosen = env.sample_actions()
        shadow.step(chosen)
        obs, _, terminations, truncations, _ = env.step(chosen)
        shadow.restart(terminations | truncations)


def test_the_forms_agree() -> None:
    compact, boxed, in_parts = _envs("compact"), _envs("box"), _envs("dict")
    scaled = _envs("box", "float32")
    seen, _ = compact.reset(seed=5)
    box, _ = boxed.reset(seed=5)
    parts, _ = in_parts.reset(seed=5)
    floats, _ = scaled.reset(seed=5)
    for _ in range(MAX_PLIES + 3):
        expected = np.stack([planes(state) for state in seen["state"]])
        np.testing.assert_array_equal(box, expected)
        np.testing.assert_array_equal(parts["observation"], expected)
        np.testing.assert_array_equal(parts["action_mask"], compact.action_masks())
        np.testing.assert_array_equal(boxed.action_masks(), compact.action_masks())
        np.testing.assert_allclose(floats, expected / plane_maxima()[:, None, None], rtol=1e-6)
        chosen = compact.sample_actions()
        for env in (boxed, in_parts, scaled):
            np.testing.assert_array_equal(env.sample_actions(), chosen)
        seen, *_ = compact.step(chosen)
        box, *_ = boxed.step(chosen)
        parts, *_ = in_parts.step(chosen)
        floats, *_ = scaled.step(chosen)


def test_the_start_plane_by_plane() -> None:
    env = ShogiVectorEnv(1, obs="box", max_plies=512)
    obs: Any = env.reset(seed=0)[0]
    start = obs[0]
    pieces = [9, 2, 2, 2, 1, 1, 2, 1, 0, 0, 0, 0, 0, 0]
    assert start[:14].sum(axis=(1, 2)).tolist() == pieces
    assert start[14:28].sum(axis=(1, 2)).tolist() == pieces
    assert start[0, :, 6].all()  # own pawns on rank g of every file
    assert start[4, 7, 7] == 1  # own bishop on 8h: file 8, rank 8
    assert start[14 + 4, 1, 1] == 1  # the other bishop on 2b
    assert not start[28:46].any()
    assert (start[46] == 255).all()  # 512 plies left, capped


def test_the_view_turns_with_the_mover() -> None:
    env = ShogiVectorEnv(1, obs="box", max_plies=100)
    env.reset(seed=0)
    obs: Any = env.step(actions(env, "7g7f"))[0]
    after = obs[0]
    assert after[0, :, 6].all()  # White's own pawns stand on rank g in White's view
    assert after[14, 2, 3] == 1  # Black's pawn on 7f is on 3d in White's view
    assert (after[44] == WHITE).all()
    assert (after[45] == 2).all()  # floor(255 / 100)
    assert (after[46] == 99).all()


def test_repetition_and_check_show() -> None:
    env = ShogiVectorEnv(1, obs="compact", max_plies=300, initial_sfens=[BARE_KINGS])
    obs, _ = env.reset(seed=0)
    earlier = [int(obs["state"][0, 96])]
    colours = [int(obs["state"][0, 97])]
    for usi in ["5i5h", "5a5b", "5h5i", "5b5a"] * 2 + ["5i5h", "5a5b", "5h5i"]:
        obs, *_ = env.step(actions(env, usi))
        earlier.append(int(obs["state"][0, 96]))
        colours.append(int(obs["state"][0, 97]))
    assert earlier == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert colours == [BLACK, WHITE] * 6
    assert int(obs["state"][0, 99]) == 255
    checked = ShogiVectorEnv(1, obs="compact", initial_sfens=["4k4/9/9/9/9/9/9/9/4K4 b R 1"])
    checked.reset(seed=0)
    obs, *_ = checked.step(actions(checked, "R*5e"))
    assert int(obs["state"][0, 95]) == 1


@pytest.mark.parametrize("num_envs", [1, 7, 33, 70])
def test_sampled_actions_are_legal_whatever_the_number_of_games(num_envs: int) -> None:
    env = ShogiVectorEnv(num_envs, obs="compact")
    env.reset(seed=1)
    for _ in range(60):
        chosen = env.sample_actions()
        assert env.action_masks()[np.arange(num_envs), chosen].all()
        env.step(chosen)


def test_sampled_actions_are_uniform() -> None:
    num_envs = 3000
    env = ShogiVectorEnv(num_envs, obs="compact", initial_sfens=[BARE_KINGS])
    env.reset(seed=11)
    counts = np.bincount(env.sample_actions(), minlength=NUM_ACTIONS)
    legal = np.flatnonzero(env.action_masks()[0])
    assert legal.size == 5
    assert counts[legal].sum() == num_envs
    # 600 expected of each; five standard deviations are 110.
    assert np.abs(counts[legal] - num_envs / 5).max() < 110
