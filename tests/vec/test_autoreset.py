"""The three autoreset modes, step by step with the arrays that they must give.

Three games: 0 is mated by Black's first move, 1 runs into the cap of three plies, 2 is lost by
declaration after its first move. A later game takes the next of the three start positions.
"""

from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from keisei.shogi import Board
from keisei.vec import ShogiVectorEnv
from tests.vec.games import (
    BARE_KINGS,
    MATE_IN_ONE,
    WHITE_WILL_DECLARE,
    action,
    compact_state,
    legal_mask,
)

STARTS = [MATE_IN_ONE, BARE_KINGS, WHITE_WILL_DECLARE]
KINGS = ["5i5h", "5a5b", "5h5i"]
MAX_PLIES = 3
WIN, LOSS = 1.0, -1.0


def _env(mode: str) -> ShogiVectorEnv:
    env = ShogiVectorEnv(
        3,
        obs="compact",
        max_plies=MAX_PLIES,
        initial_sfens=STARTS,
        autoreset_mode=mode,
    )
    env.reset(seed=0)
    return env


def _after(sfen: str, *moves: str) -> NDArray[np.uint8]:
    """uint8 [100], the compact state after some moves."""
    board = Board(sfen)
    for usi in moves:
        board.push_usi(usi)
    return compact_state(board, MAX_PLIES)


def _assert_step(
    result: tuple[Any, ...],
    rewards: list[float],
    terminations: list[bool],
    truncations: list[bool],
    states: list[NDArray[np.uint8]],
) -> None:
    assert result[1].tolist() == rewards
    assert result[2].tolist() == terminations
    assert result[3].tolist() == truncations
    np.testing.assert_array_equal(result[0]["state"], np.stack(states))


def _label(sfen: str, *moves: str) -> int:
    """Action of the last of some moves."""
    board = Board(sfen)
    for usi in moves[:-1]:
        board.push_usi(usi)
    return action(board, moves[-1])


MATE = _label(MATE_IN_ONE, "G*5b")
DECLARED = _label(WHITE_WILL_DECLARE, "1a1b")
KING_LABELS = [_label(BARE_KINGS, *KINGS[: ply + 1]) for ply in range(MAX_PLIES)]
FIRST_ACTIONS = np.array([MATE, KING_LABELS[0], DECLARED])

MATED = _after(MATE_IN_ONE, "G*5b")
LOST = _after(WHITE_WILL_DECLARE, "1a1b")
KINGS_AFTER = [_after(BARE_KINGS, *KINGS[:ply]) for ply in range(MAX_PLIES + 1)]
NEW_MATE, NEW_KINGS, NEW_DECLARATION = (_after(sfen) for sfen in STARTS)


def _assert_finals(infos: dict[str, Any], finals: list[NDArray[np.uint8] | None]) -> None:
    """Compares the final states in infos, None where no game ended."""
    ended = [final is not None for final in finals]
    assert infos["_final_obs"].tolist() == ended
    assert infos["_final_info"].tolist() == ended
    for seen, final in zip(infos["final_obs"], finals, strict=True):
        if final is None:
            assert seen is None
        else:
            np.testing.assert_array_equal(seen["state"], final)


def test_same_step() -> None:
    env = _env("SameStep")
    result = env.step(FIRST_ACTIONS)
    _assert_step(
        result,
        [WIN, 0.0, LOSS],
        [True, False, True],
        [False] * 3,
        [NEW_KINGS, KINGS_AFTER[1], NEW_MATE],
    )
    _assert_finals(result[4], [MATED, None, LOST])

    # Games 0 and 2 have taken the next start position each.
    result = env.step(np.array([KING_LABELS[0], KING_LABELS[1], MATE]))
    _assert_step(
        result,
        [0.0, 0.0, WIN],
        [False, False, True],
        [False] * 3,
        [KINGS_AFTER[1], KINGS_AFTER[2], NEW_KINGS],
    )
    _assert_finals(result[4], [None, None, MATED])

    result = env.step(np.array([KING_LABELS[1], KING_LABELS[2], KING_LABELS[0]]))
    _assert_step(
        result,
        [0.0] * 3,
        [False] * 3,
        [False, True, False],
        [KINGS_AFTER[2], NEW_DECLARATION, KINGS_AFTER[1]],
    )
    _assert_finals(result[4], [None, KINGS_AFTER[3], None])

    result = env.step(np.array([KING_LABELS[2], DECLARED, KING_LABELS[1]]))
    _assert_step(
        result,
        [0.0, LOSS, 0.0],
        [False, True, False],
        [True, False, False],
        [NEW_DECLARATION, NEW_MATE, KINGS_AFTER[2]],
    )
    _assert_finals(result[4], [KINGS_AFTER[3], LOST, None])


def test_masks_of_final_observations() -> None:
    env = _env("SameStep")
    mated = env.step(FIRST_ACTIONS)[4]["final_obs"][0]
    assert not mated["action_mask_bits"].any()
    env.step(np.array([KING_LABELS[0], KING_LABELS[1], MATE]))
    capped = env.step(np.array([KING_LABELS[1], KING_LABELS[2], KING_LABELS[0]]))
    board = Board(BARE_KINGS)
    for usi in KINGS:
        board.push_usi(usi)
    bits = capped[4]["final_obs"][1]["action_mask_bits"]
    np.testing.assert_array_equal(bits, np.packbits(legal_mask(board), bitorder="little"))


def test_infos_are_empty_while_no_game_ends() -> None:
    env = ShogiVectorEnv(1, initial_sfens=[BARE_KINGS])
    env.reset(seed=0)
    assert env.step(np.array([KING_LABELS[0]]))[4] == {}


def test_next_step() -> None:
    env = _env("NextStep")
    result = env.step(FIRST_ACTIONS)
    _assert_step(
        result,
        [WIN, 0.0, LOSS],
        [True, False, True],
        [False] * 3,
        [MATED, KINGS_AFTER[1], LOST],
    )
    assert sorted(result[4]) == ["_final_info", "final_info"]
    assert result[4]["_final_info"].tolist() == [True, False, True]

    # The games that ended take no move now: their actions are not looked at.
    result = env.step(np.array([0, KING_LABELS[1], -1]))
    _assert_step(result, [0.0] * 3, [False] * 3, [False] * 3, [NEW_KINGS, KINGS_AFTER[2], NEW_MATE])

    result = env.step(np.array([KING_LABELS[0], KING_LABELS[2], MATE]))
    _assert_step(
        result,
        [0.0, 0.0, WIN],
        [False, False, True],
        [False, True, False],
        [KINGS_AFTER[1], KINGS_AFTER[3], MATED],
    )

    result = env.step(np.array([KING_LABELS[1], 0, 0]))
    _assert_step(
        result,
        [0.0] * 3,
        [False] * 3,
        [False] * 3,
        [KINGS_AFTER[2], NEW_DECLARATION, NEW_KINGS],
    )


def test_disabled() -> None:
    env = _env("Disabled")
    _assert_step(
        env.step(FIRST_ACTIONS),
        [WIN, 0.0, LOSS],
        [True, False, True],
        [False] * 3,
        [MATED, KINGS_AFTER[1], LOST],
    )
    with pytest.raises(ResetNeeded, match="Game 0"):
        env.step(np.array([MATE, KING_LABELS[1], DECLARED]))

    obs, _ = env.reset(options={"reset_mask": np.array([True, False, True])})
    np.testing.assert_array_equal(obs["state"], np.stack([NEW_KINGS, KINGS_AFTER[1], NEW_MATE]))
    _assert_step(
        env.step(np.array([KING_LABELS[0], KING_LABELS[1], MATE])),
        [0.0, 0.0, WIN],
        [False, False, True],
        [False] * 3,
        [KINGS_AFTER[1], KINGS_AFTER[2], MATED],
    )


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_a_whole_reset_ends_all_waiting(mode: str) -> None:
    env = _env(mode)
    env.step(FIRST_ACTIONS)
    obs, infos = env.reset()
    np.testing.assert_array_equal(obs["state"], np.stack([_after(sfen) for sfen in STARTS]))
    assert infos == {}
    _, rewards, *_ = env.step(FIRST_ACTIONS)
    assert rewards.tolist() == [WIN, 0.0, LOSS]


@pytest.mark.parametrize("obs_form", ["dict", "box"])
def test_final_observations_have_the_form_of_observations(obs_form: str) -> None:
    env: Any = ShogiVectorEnv(
        3,
        obs=obs_form,
        max_plies=MAX_PLIES,
        initial_sfens=STARTS,
    )
    env.reset(seed=0)
    final = env.step(FIRST_ACTIONS)[4]["final_obs"]
    assert final.dtype == object
    assert final[1] is None
    assert env.single_observation_space.contains(final[0])
    assert env.single_observation_space.contains(final[2])
