"""Who sits where against whom: draws of seats and opponents, and opponents that go wrong."""

import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from numpy.typing import NDArray

from keisei.shogi import BLACK, WHITE, Board
from keisei.vec import IllegalActionError, OpponentVectorEnv, ShogiVectorEnv
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, action, label

MODES = ["SameStep", "NextStep", "Disabled"]
MATE = label("G*5b", white=False)


def lowest(obs: Any, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The legal action of the lowest label."""
    del obs
    return masks.argmax(axis=1)


def mates(obs: Any, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Mate in one where there is one."""
    return np.where(masks[:, MATE], MATE, lowest(obs, masks))


class Recorder:
    """An opponent that notes the colour it moves and how many games it is shown."""

    def __init__(self) -> None:
        self.colours: list[list[int]] = []

    def __call__(self, obs: dict[str, Any], masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        assert len(obs["state"]) == len(masks)
        packed = np.packbits(masks, axis=1, bitorder="little")
        np.testing.assert_array_equal(packed, obs["action_mask_bits"])
        self.colours.append(obs["state"][:, 97].tolist())
        return lowest(obs, masks)


def _env(
    opponent: Any = lowest, seats: str = "random", num_envs: int = 8, **settings: Any
) -> OpponentVectorEnv:
    given: dict[str, Any] = {"obs": "compact", "max_plies": 4, **settings}
    return OpponentVectorEnv(ShogiVectorEnv(num_envs, **given), opponent, seats)


def _played(env: OpponentVectorEnv, steps: int) -> list[list[int]]:
    """Actions, seats and opponents of some steps of random play."""
    rows: list[list[int]] = []
    for _ in range(steps):
        chosen = env.sample_actions()
        rows.append(np.concatenate([chosen, env.seats, env.opponents]).tolist())
        env.step(chosen)
    return rows


def test_a_seed_repeats_games_seats_and_opponents() -> None:
    env = _env([lowest, "random", mates])
    env.reset(seed=5)
    first = _played(env, 30)
    env.reset(seed=5)
    assert _played(env, 30) == first
    other = _env([lowest, "random", mates])
    other.reset(seed=5)
    assert _played(other, 30) == first
    other.reset(seed=6)
    assert _played(other, 30) != first
    other.reset()
    assert _played(other, 30) != first


def test_a_game_draws_from_its_own_seed() -> None:
    env = _env([lowest, mates], num_envs=3)
    env.reset(seed=[7, 8, 7])
    for _ in range(20):
        assert env.seats[0] == env.seats[2]
        assert env.opponents[0] == env.opponents[2]
        env.step(env.action_masks().argmax(axis=1))
    before = env.seats
    env.reset(seed=[7, 8, 7], options={"reset_mask": np.array([True, False, False])})
    assert env.seats[1:].tolist() == before[1:].tolist()


def test_what_a_game_draws_does_not_depend_on_the_others() -> None:
    def seats_of_game_1(resets_of_game_0: int) -> list[int]:
        env = _env([lowest, mates], num_envs=2)
        env.reset(seed=3)
        for _ in range(resets_of_game_0):
            env.reset(options={"reset_mask": np.array([True, False])})
        rows: list[int] = []
        for _ in range(20):
            env.reset(options={"reset_mask": np.array([False, True])})
            rows += [int(env.seats[1]), int(env.opponents[1])]
        return rows

    assert seats_of_game_1(0) == seats_of_game_1(3)


def test_draws_are_even() -> None:
    env = _env(["random", lowest, mates], num_envs=512)
    env.reset(seed=0)
    seats, opponents = [env.seats], [env.opponents]
    for _ in range(10):
        env.step(env.sample_actions())
        seats.append(env.seats)
        opponents.append(env.opponents)
    # 512 games of each of at least four rounds: 3 standard deviations are below 0.04.
    assert abs(np.mean(seats) - 0.5) < 0.04
    counts = np.bincount(np.ravel(opponents), minlength=3) / np.size(opponents)
    np.testing.assert_allclose(counts, 1 / 3, atol=0.04)
    together = np.corrcoef(np.ravel(seats), np.ravel(opponents))[0, 1]
    assert abs(together) < 0.05


def test_alternating_seats() -> None:
    env = _env(seats="alternate", num_envs=3, max_plies=2)
    env.reset(seed=3)
    rows = [env.seats.tolist()]
    for _ in range(3):
        env.step(env.sample_actions())  # two plies or, for White, its one ply end the game
        rows.append(env.seats.tolist())
    assert rows == [[0, 1, 0], [1, 0, 1], [0, 1, 0], [1, 0, 1]]
    env.reset()
    assert env.seats.tolist() == [0, 1, 0]
    env.reset(options={"reset_mask": np.array([False, True, True])})
    assert env.seats.tolist() == [0, 0, 1]
    env.reset(seed=3)
    assert env.seats.tolist() == [0, 1, 0]


def test_an_opponent_is_shown_its_own_games_in_its_own_view() -> None:
    recorders = [Recorder(), Recorder()]
    env = _env(recorders, seats="white", num_envs=6, max_plies=40)
    env.reset(seed=1)
    sizes = np.bincount(env.opponents, minlength=2)
    assert sizes.min() > 0
    for _ in range(5):
        env.step(env.sample_actions())
    for recorder, size in zip(recorders, sizes, strict=True):
        assert recorder.colours == [[BLACK] * size] * 6


@pytest.mark.parametrize("mode", MODES)
def test_games_without_a_turn_of_the_learner_are_left_out(mode: str) -> None:
    env = _env(
        mates,
        "white",
        num_envs=2,
        max_plies=2,
        initial_sfens=[MATE_IN_ONE, BARE_KINGS],
        autoreset_mode=mode,
    )
    obs, infos = env.reset(seed=0)
    # Slot 0 should have begun with the mate; both have gone on to bare kings.
    assert infos == {}
    assert obs["state"][:, :81].astype(bool).sum(axis=1).tolist() == [2, 2]
    assert obs["state"][:, 98].tolist() == [127, 127]
    obs, rewards, _, truncations, infos = env.step(env.sample_actions())
    assert (rewards.tolist(), truncations.tolist()) == ([0.0] * 2, [True] * 2)
    assert infos["final_info"]["plies"].tolist() == [2, 2]
    if mode == "NextStep":
        obs, rewards, terminations, truncations, infos = env.step(env.sample_actions())
        assert not rewards.any()
        assert not (terminations | truncations).any()
        assert infos == {}
    if mode == "Disabled":
        obs, _ = env.reset(options={"reset_mask": truncations})
    assert obs["state"][:, :81].astype(bool).sum(axis=1).tolist() == [2, 2]


def test_the_games_inside_keep_their_own_view() -> None:
    env: Any = _env(seats="black", max_plies=1, autoreset_mode="Disabled", copy=False)
    env.reset(seed=0)
    obs, *_ = env.step(env.sample_actions())
    assert not obs["action_mask_bits"].any()
    assert not env.action_masks().any()
    # The opponent's, in the position that the learner's move has made.
    assert env.env.action_masks().sum(axis=1).tolist() == [30] * 8
    obs, _ = env.reset(options={"reset_mask": np.eye(8, dtype=np.bool_)[0]})
    assert env.action_masks().sum(axis=1).tolist() == [30, *[0] * 7]
    assert obs["state"][:, 97].tolist() == [BLACK] * 8


def test_a_learner_that_never_moves_is_noticed() -> None:
    env = _env(mates, "white", initial_sfens=[MATE_IN_ONE])
    with pytest.raises(RuntimeError, match="before the learner could move"):
        env.reset(seed=0)


def test_an_illegal_action_of_the_learner_leaves_the_games_alone() -> None:
    env = _env(seats="black", num_envs=2)
    before, _ = env.reset(seed=0)
    wrong = env.sample_actions()
    wrong[1] = MATE
    with pytest.raises(IllegalActionError, match=r"^Game 1"):
        env.step(wrong)
    pawn = action(Board(), "7g7f")
    obs, *_ = env.step(np.full(2, pawn))
    assert env.env.placement(0).move_number == 3
    assert not np.array_equal(obs["state"], before["state"])


def test_an_illegal_action_of_an_opponent_is_told_as_such() -> None:
    def illegal(obs: Any, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        del obs
        return (~masks).argmax(axis=1)

    env = _env(illegal, "black")
    env.reset(seed=0)
    with pytest.raises(IllegalActionError, match="opponent's action: Game 0"):
        env.step(env.sample_actions())
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(env.sample_actions())
    env.reset()


@pytest.mark.parametrize("given", [np.zeros(3, np.int64), np.zeros(8), np.zeros((8, 1), np.int64)])
def test_what_no_opponent_may_give(given: NDArray[Any]) -> None:
    def opponent(obs: Any, masks: NDArray[np.bool_]) -> NDArray[Any]:
        del obs, masks
        return given

    env = _env(opponent, "white")
    with pytest.raises(ValueError, match="Opponent 0 gave"):
        env.reset(seed=0)


@pytest.mark.parametrize(
    ("opponent", "seats", "bad_part"),
    [(lowest, "both", "'both'"), ("best", "black", "'best'"), ([], "black", "opponent")],
)
def test_bad_arguments_are_refused(opponent: Any, seats: str, bad_part: str) -> None:
    with pytest.raises(ValueError, match=bad_part):
        _env(opponent, seats)


def test_nothing_moves_before_the_first_reset() -> None:
    with pytest.raises(ResetNeeded, match="reset"):
        _env().step(np.zeros(8, np.int64))
    with pytest.raises(ResetNeeded, match="reset"):
        _env().reset(options={"reset_mask": np.eye(8, dtype=np.bool_)[0]})


@pytest.mark.parametrize("mode", MODES)
def test_episode_statistics_count_the_learners_turns(mode: str) -> None:
    core = _env(seats="black", num_envs=2, max_plies=6, autoreset_mode=mode)
    env = RecordEpisodeStatistics(core)
    env.reset(seed=0)
    for _ in range(2):
        env.step(core.sample_actions())
    env.reset(options={"reset_mask": np.array([True, False])})
    *_, truncations, infos = env.step(core.sample_actions())
    assert truncations.tolist() == [False, True]
    assert infos["episode"]["l"].tolist() == [0, 3]


def test_a_pickled_environment_goes_on_alike() -> None:
    env = _env([lowest, "random"], num_envs=4)
    env.reset(seed=2)
    _played(env, 9)
    copied = pickle.loads(pickle.dumps(env))
    assert _played(copied, 20) == _played(env, 20)


def test_seats_that_a_caller_holds_stay() -> None:
    env = _env(seats="alternate", num_envs=2, max_plies=2)
    env.reset(seed=0)
    held = env.seats
    env.step(env.sample_actions())
    assert held.tolist() == [BLACK, WHITE]
