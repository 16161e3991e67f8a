"""Seeds, partial resets, and what they leave alone."""

from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from keisei.vec import ShogiEnv, ShogiVectorEnv
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, WHITE_WILL_DECLARE

NUM_ENVS = 5


def _sampled(env: ShogiVectorEnv, steps: int) -> NDArray[np.int64]:
    """int64 [steps, N], actions of a random game in each slot."""
    rows: list[NDArray[np.int64]] = []
    for _ in range(steps):
        rows.append(env.sample_actions().copy())
        env.step(rows[-1])
    return np.stack(rows)


def _env(num_envs: int = NUM_ENVS, max_plies: int = 30) -> ShogiVectorEnv:
    return ShogiVectorEnv(num_envs, obs="compact", max_plies=max_plies)


def test_a_seed_repeats_the_games() -> None:
    env = _env()
    env.reset(seed=7)
    first = _sampled(env, 70)
    env.reset(seed=7)
    np.testing.assert_array_equal(_sampled(env, 70), first)
    other = _env()
    other.reset(seed=7)
    np.testing.assert_array_equal(_sampled(other, 70), first)
    env.reset(seed=8)
    assert not np.array_equal(_sampled(env, 70), first)


def test_games_of_one_seed_differ() -> None:
    env = _env()
    env.reset(seed=7)
    sampled = _sampled(env, 25)
    assert len({tuple(column) for column in sampled.T}) == NUM_ENVS


def test_a_seed_for_each_game() -> None:
    env = _env()
    env.reset(seed=[4, 3, 4, 1, 0])
    sampled = _sampled(env, 25)
    np.testing.assert_array_equal(sampled[:, 0], sampled[:, 2])
    assert not np.array_equal(sampled[:, 0], sampled[:, 1])
    env.reset(seed=[0, 1, 2, 3, 4])
    np.testing.assert_array_equal(_sampled(env, 25)[:, 4], sampled[:, 0])


def test_one_seed_counts_up_game_by_game() -> None:
    env = _env()
    env.reset(seed=40)
    sampled = _sampled(env, 25)
    env.reset(seed=[40, 41, 42, 43, 44])
    np.testing.assert_array_equal(_sampled(env, 25), sampled)


def test_a_reset_without_seed_goes_on_with_the_streams() -> None:
    env = _env()
    env.reset(seed=7)
    first = _sampled(env, 10)
    env.reset()
    second = _sampled(env, 10)
    assert not np.array_equal(first, second)
    env.reset(seed=7)
    _sampled(env, 10)
    env.reset()
    np.testing.assert_array_equal(_sampled(env, 10), second)


def test_a_first_reset_without_seed_is_random() -> None:
    first, second = _env(), _env()
    first.reset()
    second.reset()
    assert not np.array_equal(_sampled(first, 25), _sampled(second, 25))


def test_games_that_a_first_reset_names_no_seed_for_are_random() -> None:
    first, second = _env(), _env()
    first.reset(seed=[None, 3, None, 3, None])
    second.reset(seed=[None, 3, None, 3, None])
    one, other = _sampled(first, 25), _sampled(second, 25)
    np.testing.assert_array_equal(one[:, [1, 3]], other[:, [1, 3]])
    assert not np.array_equal(one[:, 0], one[:, 2])
    assert not np.array_equal(one[:, 0], other[:, 0])


@pytest.mark.parametrize(
    ("seed", "bad_part"), [([1, 2], "2"), (-1, "-1"), ([0, 1, 2, 3, -4], "-4")]
)
def test_bad_seeds_are_refused(seed: int | list[int], bad_part: str) -> None:
    with pytest.raises(ValueError, match=bad_part):
        _env().reset(seed=seed)


def test_only_masked_games_begin_anew() -> None:
    env = _env()
    obs, _ = env.reset(seed=1)
    start = obs["state"].copy()
    _sampled(env, 9)
    before, *_ = env.step(env.sample_actions())
    before = before["state"].copy()
    mask = np.array([True, False, False, True, False])
    options = {"reset_mask": mask}
    obs, infos = env.reset(options=options)
    np.testing.assert_array_equal(obs["state"][mask], start[mask])
    np.testing.assert_array_equal(obs["state"][~mask], before[~mask])
    assert infos == {}
    assert list(options) == ["reset_mask"]
    assert options["reset_mask"] is mask
    assert mask.tolist() == [True, False, False, True, False]


def test_a_partial_reset_keeps_the_history_of_the_others() -> None:
    env = ShogiVectorEnv(2, obs="compact", max_plies=5)
    env.reset(seed=1)
    for _ in range(3):
        env.step(env.sample_actions())
    env.reset(options={"reset_mask": np.array([True, False])})
    truncated: list[list[bool]] = []
    for _ in range(5):
        *_, truncations, _ = env.step(env.sample_actions())
        truncated.append(truncations.tolist())
    assert truncated == [
        [False, False],
        [False, True],
        [False, False],
        [False, False],
        [True, False],
    ]


def test_a_masked_reset_with_a_seed_reseeds_those_games_only() -> None:
    env = _env()
    env.reset(seed=40)
    reference = _sampled(env, 25)
    env.reset(seed=40)
    _sampled(env, 3)
    env.reset(seed=40, options={"reset_mask": np.array([True, False, False, False, False])})
    again = _sampled(env, 22)
    np.testing.assert_array_equal(again[:, 0], reference[:22, 0])
    np.testing.assert_array_equal(again[:, 1:], reference[3:25, 1:])


def test_masked_resets_of_all_games_take_the_next_start_positions() -> None:
    starts = [BARE_KINGS, MATE_IN_ONE, WHITE_WILL_DECLARE]
    env: Any = ShogiVectorEnv(2, obs="compact", initial_sfens=starts)
    begins: list[list[int]] = []
    everything = {"reset_mask": np.array([True, True])}
    for options in (everything, everything, everything, None):
        state = env.reset(options=options)[0]["state"]
        begins.append((state[:, :81] > 0).sum(axis=1).tolist())
    pieces = [2, 3, 12]
    assert begins == [pieces[:2], pieces[1:], [12, 2], pieces[:2]]


def test_a_single_game_takes_the_next_start_position_unless_it_is_seeded() -> None:
    env = ShogiEnv(obs="compact", initial_sfens=[BARE_KINGS, MATE_IN_ONE])
    begins = [(env.reset(seed=seed)[0]["state"][:81] > 0).sum() for seed in (None, None, None, 5)]
    assert begins == [2, 3, 2, 2]


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        (np.ones(NUM_ENVS), TypeError),
        ([True] * NUM_ENVS, TypeError),
        (np.ones(NUM_ENVS - 1, np.bool_), ValueError),
        (np.zeros(NUM_ENVS, np.bool_), ValueError),
    ],
)
def test_bad_masks_are_refused(mask: object, error: type[Exception]) -> None:
    env = _env()
    env.reset(seed=1)
    with pytest.raises(error, match="reset_mask"):
        env.reset(options={"reset_mask": mask})


def test_stepping_before_a_reset_is_refused() -> None:
    with pytest.raises(ResetNeeded, match="reset"):
        _env().step(np.zeros(NUM_ENVS, np.int64))


def test_games_begin_at_the_starts_that_are_named() -> None:
    sfens = [BARE_KINGS, MATE_IN_ONE, WHITE_WILL_DECLARE]
    env = ShogiVectorEnv(3, obs="compact", initial_sfens=sfens, declaration="off")
    options = {"starts": np.array([2, 2, 1])}
    env.reset(seed=1, options=options)
    begun = [env.board(game).sfen() for game in range(3)]
    alone = [ShogiVectorEnv(1, initial_sfens=[sfen], declaration="off") for sfen in sfens]
    for each in alone:
        each.reset(seed=1)
    whole = [each.board(0).sfen() for each in alone]
    assert begun == [whole[2], whole[2], whole[1]]
    env.reset(options={"starts": np.array([0, 1, 0]), "reset_mask": np.array([True, False, True])})
    assert [env.board(game).sfen() for game in range(3)] == [whole[0], whole[2], whole[0]]
    # Without a name a game takes the start after its last one, as ever.
    env.reset(options={"reset_mask": np.array([True, True, False])})
    assert [env.board(game).sfen() for game in range(3)] == [whole[1], whole[0], whole[0]]


@pytest.mark.parametrize(
    ("starts", "error", "part"),
    [
        (np.array([0, 1]), ValueError, "shape"),
        (np.array([0, 1, 2]), ValueError, "numbers from 0 to 1"),
        (np.array([0, 1, -1]), ValueError, "numbers from 0 to 1"),
        (np.array([0, 1, 2**63], np.uint64), ValueError, "numbers from 0 to 1"),
        (np.array([0.0, 1.0, 0.0]), TypeError, "float64"),
        ([0, 1, 0], TypeError, "list"),
    ],
)
def test_starts_that_are_none_are_refused(starts: Any, error: type, part: str) -> None:
    env = ShogiVectorEnv(3, initial_sfens=[BARE_KINGS, MATE_IN_ONE])
    env.reset(seed=0)
    with pytest.raises(error, match=part):
        env.reset(options={"starts": starts})
