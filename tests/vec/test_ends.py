"""Rewards, terminations and truncations of short games."""

from collections.abc import Sequence

import numpy as np
import pytest

from keisei.shogi import BLACK, WHITE, Termination
from keisei.vec import ShogiVectorEnv
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, WHITE_WILL_DECLARE, Infos, actions

STALEMATE_IN_ONE = "8k/9/6N2/7G1/9/9/9/9/4K4 b - 1"
SHUFFLE = ["5i5h", "5a5b", "5h5i", "5b5a"]
# Black's rook follows the king between two ranks and never stops giving check.
PERPETUAL = "8k/9/9/9/9/9/9/7R1/4K4 b - 1"
CHECKS = ["2h1h", "1a2a", "1h2h", "2a1a"]
PERPETUAL_IN_CHECK = "8k/9/9/9/9/9/9/8R/4K4 w - 1"
EVASIONS = [*CHECKS[1:], CHECKS[0]]
NO_WINNER = -1


def _play(
    sfen: str, moves: Sequence[str], *, max_plies: int = 512, declaration: str = "auto"
) -> tuple[list[float], bool, bool, Infos]:
    """Rewards of all moves; termination, truncation and infos of the last one."""
    env = ShogiVectorEnv(
        1,
        obs="compact",
        max_plies=max_plies,
        declaration=declaration,
        initial_sfens=[sfen],
    )
    env.reset(seed=0)
    rewards: list[float] = []
    terminated = truncated = False
    infos: Infos = {}
    for usi in moves:
        assert not terminated
        assert not truncated
        _, reward, termination, truncation, infos = env.step(actions(env, usi))
        rewards.append(float(reward[0]))
        terminated, truncated = bool(termination[0]), bool(truncation[0])
    return rewards, terminated, truncated, infos


def _assert_end(infos: Infos, termination: Termination, winner: int, plies: int) -> None:
    assert sorted(infos) == ["_final_info", "_final_obs", "final_info", "final_obs"]
    final = infos["final_info"]
    assert final["termination"].tolist() == [termination]
    assert final["winner"].tolist() == [winner]
    assert final["plies"].tolist() == [plies]
    assert infos["_final_info"].tolist() == infos["_final_obs"].tolist() == [True]


def test_mating_wins() -> None:
    rewards, terminated, truncated, infos = _play(MATE_IN_ONE, ["G*5b"])
    assert (rewards, terminated, truncated) == ([1.0], True, False)
    _assert_end(infos, Termination.CHECKMATE, BLACK, 1)


def test_stalemating_wins() -> None:
    rewards, terminated, truncated, infos = _play(STALEMATE_IN_ONE, ["2d2c"])
    assert (rewards, terminated, truncated) == ([1.0], True, False)
    _assert_end(infos, Termination.STALEMATE, BLACK, 1)


def test_the_fourth_occurrence_is_a_draw() -> None:
    rewards, terminated, truncated, infos = _play(BARE_KINGS, SHUFFLE * 3)
    assert (rewards, terminated, truncated) == ([0.0] * 12, True, False)
    _assert_end(infos, Termination.SENNICHITE, NO_WINNER, 12)
    assert infos["final_obs"][0]["state"][96] == 2  # three earlier occurrences, capped


def test_perpetual_check_wins_for_the_evader_who_moved_last() -> None:
    rewards, terminated, truncated, infos = _play(PERPETUAL, CHECKS * 3)
    assert (rewards, terminated, truncated) == ([0.0] * 11 + [1.0], True, False)
    _assert_end(infos, Termination.PERPETUAL_CHECK, WHITE, 12)


def test_perpetual_check_loses_for_the_checker_who_moved_last() -> None:
    rewards, terminated, truncated, infos = _play(PERPETUAL_IN_CHECK, EVASIONS * 3)
    assert (rewards, terminated, truncated) == ([0.0] * 11 + [-1.0], True, False)
    _assert_end(infos, Termination.PERPETUAL_CHECK, WHITE, 12)


@pytest.mark.parametrize(
    ("sfen", "moves"),
    [
        (PERPETUAL, ["2h5h", "1a2a", "5h2h", "2a1a", *CHECKS * 2]),
        (PERPETUAL_IN_CHECK, ["1a2a", "1h5h", "2a1a", "5h1h", *EVASIONS * 2]),
    ],
)
def test_one_quiet_first_move_saves_the_checker(sfen: str, moves: list[str]) -> None:
    rewards, terminated, truncated, infos = _play(sfen, moves)
    assert (rewards, terminated, truncated) == ([0.0] * 12, True, False)
    _assert_end(infos, Termination.SENNICHITE, NO_WINNER, 12)


def test_a_declaration_is_lost_by_the_player_who_moved() -> None:
    rewards, terminated, truncated, infos = _play(WHITE_WILL_DECLARE, ["1a1b"])
    assert (rewards, terminated, truncated) == ([-1.0], True, False)
    _assert_end(infos, Termination.DECLARATION, WHITE, 1)


def test_declarations_can_be_switched_off() -> None:
    rewards, terminated, truncated, infos = _play(WHITE_WILL_DECLARE, ["1a1b"], declaration="off")
    assert (rewards, terminated, truncated, infos) == ([0.0], False, False, {})


def test_the_ply_cap_truncates_without_reward() -> None:
    rewards, terminated, truncated, infos = _play(BARE_KINGS, SHUFFLE[:3], max_plies=3)
    assert (rewards, terminated, truncated) == ([0.0] * 3, False, True)
    _assert_end(infos, Termination.MAX_PLIES, NO_WINNER, 3)


@pytest.mark.parametrize(
    ("sfen", "moves", "termination"),
    [
        (MATE_IN_ONE, ["G*5b"], Termination.CHECKMATE),
        (STALEMATE_IN_ONE, ["2d2c"], Termination.STALEMATE),
        (BARE_KINGS, SHUFFLE * 3, Termination.SENNICHITE),
        (PERPETUAL, CHECKS * 3, Termination.PERPETUAL_CHECK),
        (WHITE_WILL_DECLARE, ["1a1b"], Termination.DECLARATION),
    ],
)
def test_an_end_on_the_last_ply_wins_over_the_cap(
    sfen: str, moves: list[str], termination: Termination
) -> None:
    _, terminated, truncated, infos = _play(sfen, moves, max_plies=len(moves))
    assert (terminated, truncated) == (True, False)
    assert infos["final_info"]["termination"].tolist() == [termination]


def test_games_that_are_over_at_the_start_are_refused() -> None:
    mated = "4k4/4G4/4P4/9/9/9/9/9/4K4 w - 1"
    with pytest.raises(ValueError, match=r"4k4/4G4.*CHECKMATE"):
        ShogiVectorEnv(1, initial_sfens=[mated])
    declarable = WHITE_WILL_DECLARE.replace(" b ", " w ")
    with pytest.raises(ValueError, match=r"(?i)declar"):
        ShogiVectorEnv(1, initial_sfens=[BARE_KINGS, declarable])
    ShogiVectorEnv(1, initial_sfens=[declarable], declaration="off")


def test_rewards_stay_with_their_games() -> None:
    starts = [BARE_KINGS, MATE_IN_ONE, WHITE_WILL_DECLARE, BARE_KINGS]
    env = ShogiVectorEnv(4, obs="compact", initial_sfens=starts)
    env.reset(seed=0)
    _, rewards, terminations, truncations, infos = env.step(
        actions(env, "5i5h", "G*5b", "1a1b", "5i4h")
    )
    np.testing.assert_array_equal(rewards, np.array([0, 1, -1, 0], np.float32))
    assert terminations.tolist() == [False, True, True, False]
    assert not truncations.any()
    final = infos["final_info"]
    assert final["_winner"].tolist() == [False, True, True, False]
    assert final["winner"][1:3].tolist() == [BLACK, WHITE]
    assert final["plies"][1:3].tolist() == [1, 1]
