"""Results of games as the movers saw them, and how far values are from them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import pytest
import torch

from keisei.rl.diagnostics import judge_values, results_in_rollout, value_errors
from keisei.rl.experience_buffer import ExperienceBuffer


def test_results_go_back_to_the_beginning_of_their_game_and_no_further() -> None:
    """Game 0: plies 0-2 are won by ply 2, then one goes on. Game 1: plies 0-1 are cut off, ply 3
    loses by a rule of its own mover. Game 2: plies 0-3 end without a winner."""
    rewards, terminated, truncated = (torch.zeros((4, 3)) for _ in range(3))
    rewards[2, 0], terminated[2, 0] = 1.0, 1.0
    truncated[1, 1] = 1.0
    rewards[3, 1], terminated[3, 1] = -1.0, 1.0
    terminated[3, 2] = 1.0
    results, known = results_in_rollout(rewards, terminated.bool(), truncated.bool(), 0.5)
    assert known.T.tolist() == [
        [True, True, True, False],
        [False, False, True, True],
        [True, True, True, True],
    ]
    assert results.T.tolist() == [[0.25, -0.5, 1.0, 0.0], [0.0, 0.0, 0.5, -1.0], [0.0] * 4]


def test_errors_by_hand() -> None:
    # Bins of width 0.2: the first three share [0.6, 0.8), the fourth is alone, the last is out.
    values = torch.tensor([[0.7, 0.7, 0.61, -0.95, 0.3]])
    results = torch.tensor([[1.0, -1.0, 1.0, -1.0, -1.0]])
    counted = torch.tensor([[True, True, True, True, False]])
    squared, calibration, number = value_errors(values, results, counted).tolist()
    assert squared == pytest.approx((0.09 + 2.89 + 0.1521 + 0.0025) / 4)
    assert calibration == pytest.approx((abs(-0.3 + 1.7 - 0.39) + 0.05) / 4, abs=1e-6)
    assert number == 4


def test_values_that_are_right_on_average_are_calibrated() -> None:
    values = torch.tensor([[0.5, 0.5, 0.5, 0.5, 1.0, -1.0]])
    results = torch.tensor([[1.0, 1.0, 1.0, -1.0, 1.0, -1.0]])
    squared, calibration, _ = value_errors(values, results, torch.ones_like(values).bool()).tolist()
    assert calibration == pytest.approx(0.0, abs=1e-6)
    assert squared == pytest.approx((3 * 0.25 + 2.25) / 6)


def test_no_result_is_no_error() -> None:
    nothing = torch.zeros((2, 2))
    assert value_errors(nothing + 0.5, nothing, nothing.bool()).tolist() == [0.0, 0.0, 0.0]


def test_only_plies_that_are_learned_from_are_judged() -> None:
    """One ply in each of four games: all are won but the last, which goes on."""
    buffer = ExperienceBuffer(1, 4, 1, 1, "cpu")
    ended = torch.tensor([True, True, True, False])
    never, nothing = torch.zeros(4, dtype=torch.bool), torch.zeros(4)
    values = torch.tensor([0.5, -0.9, 0.7, 0.3])
    states = torch.ones((4, 1), dtype=torch.uint8)
    buffer.add(
        states, states, never.long(), nothing, values, ended.float(), ended, never, nothing,
        torch.tensor([True, False, True, True]),
    )  # fmt: skip
    judged = judge_values(buffer, 0.9)
    assert judged == {
        "value_known": pytest.approx(2 / 3),
        "value_error": pytest.approx((0.25 + 0.09) / 2),
        "value_calibration": pytest.approx((0.5 + 0.3) / 2),
        "value_spread": pytest.approx((0.08 / 3) ** 0.5),
    }


def test_without_ended_games_nothing_is_judged() -> None:
    buffer = ExperienceBuffer(1, 2, 1, 1, "cpu")
    never, nothing = torch.zeros(2, dtype=torch.bool), torch.zeros(2)
    states = torch.ones((2, 1), dtype=torch.uint8)
    buffer.add(states, states, never.long(), nothing, nothing, nothing, never, never, nothing)
    assert judge_values(buffer, 0.9) == {"value_spread": 0.0, "value_known": 0.0}
