"""What the rollout stores, gives out and refuses."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

from typing import cast

import pytest
import torch
from torch import Tensor

from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.gae import negamax_gae

STEPS, GAMES, BYTES = 3, 4, 5


def _step(t: int, **changes: Tensor) -> dict[str, Tensor]:
    """One vector step whose actions 10 * t + n tell where they were stored."""
    step = {
        "state": torch.full((GAMES, BYTES), t, dtype=torch.uint8),
        "mask_bits": torch.full((GAMES, 2), t + 1, dtype=torch.uint8),
        "actions": 10 * t + torch.arange(GAMES),
        "log_probs": -torch.arange(GAMES) - 0.5 * t,
        "values": 0.1 * torch.arange(GAMES) - 0.2 * t,
        "rewards": torch.zeros(GAMES),
        "terminated": torch.zeros(GAMES, dtype=torch.bool),
        "truncated": torch.zeros(GAMES, dtype=torch.bool),
        "final_values": torch.zeros(GAMES),
    }
    return step | changes


def _full_buffer() -> ExperienceBuffer:
    buffer = ExperienceBuffer(STEPS, GAMES, BYTES, 2, "cpu")
    ends = torch.tensor([False, True, False, False])
    cuts = torch.tensor([False, False, True, False])
    buffer.add(**_step(0))
    changes = {"terminated": ends, "rewards": ends.float()}
    buffer.add(**_step(1, **changes, truncated=cuts, final_values=0.7 * cuts))
    buffer.add(**_step(2))
    return buffer


def test_counts_steps_and_plies() -> None:
    buffer = ExperienceBuffer(STEPS, GAMES, BYTES, 2, "cpu")
    assert (buffer.ptr, buffer.plies, buffer.full) == (0, 0, False)
    buffer.add(**_step(0))
    assert (buffer.ptr, buffer.plies, buffer.full) == (1, GAMES, False)
    full = _full_buffer()
    assert (full.ptr, full.plies, full.full) == (STEPS, STEPS * GAMES, True)


def test_finish_is_negamax_gae_with_the_final_position_where_cut_off() -> None:
    buffer = _full_buffer()
    last_values = torch.tensor([0.3, -0.3, 0.2, 0.1])
    buffer.finish(last_values, 0.9, 0.8)
    values = buffer.column("values")
    next_values = torch.stack((values[1], values[2], last_values))
    next_values[1, 2] = 0.7
    expected = negamax_gae(
        buffer.column("rewards"),
        values,
        next_values,
        buffer.column("terminated"),
        buffer.column("truncated"),
        0.9,
        0.8,
    )
    assert torch.equal(buffer.column("advantages"), expected)
    assert torch.equal(buffer.column("returns"), expected + values)
    # Game 2, ply 1: cut off in a position that is worth 0.7 to the opponent.
    assert expected[1, 2].item() == pytest.approx(-0.9 * 0.7 - values[1, 2].item())


def test_minibatches_visit_each_ply_once_and_keep_its_columns_together() -> None:
    buffer = _full_buffer()
    buffer.finish(torch.zeros(GAMES), 0.9, 0.8)
    generator = torch.Generator().manual_seed(1)
    seen: list[int] = []
    for minibatch in buffer.minibatches(5, generator):
        column = cast(dict[str, Tensor], minibatch)
        for row, action in enumerate(column["actions"].tolist()):
            t, n = divmod(action, 10)
            seen.append(action)
            assert column["state"][row].tolist() == [t] * BYTES
            assert column["mask_bits"][row].tolist() == [t + 1] * 2
            assert column["advantages"][row] == buffer.column("advantages")[t, n]
            assert column["log_probs"][row].item() == -n - 0.5 * t
    assert sorted(seen) == [10 * t + n for t in range(STEPS) for n in range(GAMES)]
    assert seen != sorted(seen)


def _partly_learned_buffer() -> ExperienceBuffer:
    """Games 1 and 3 of step 1, and all of step 2, are somebody else's."""
    buffer = ExperienceBuffer(STEPS, GAMES, BYTES, 2, "cpu")
    buffer.add(**_step(0))
    buffer.add(**_step(1), loss_mask=torch.tensor([True, False, True, False]))
    buffer.add(**_step(2), loss_mask=torch.zeros(GAMES, dtype=torch.bool))
    return buffer


def test_plies_of_others_are_kept_but_not_learned_from() -> None:
    buffer = _partly_learned_buffer()
    assert (buffer.plies, buffer.learned_plies) == (12, 6)
    assert buffer.learned_from("actions").tolist() == [0, 1, 2, 3, 10, 12]
    buffer.finish(torch.zeros(GAMES), 0.9, 0.8)
    whole = ExperienceBuffer(STEPS, GAMES, BYTES, 2, "cpu")
    for t in range(STEPS):
        whole.add(**_step(t))
    whole.finish(torch.zeros(GAMES), 0.9, 0.8)
    assert torch.equal(buffer.column("advantages"), whole.column("advantages"))
    seen = [
        action
        for minibatch in buffer.minibatches(4, torch.Generator().manual_seed(1))
        for action in cast(dict[str, Tensor], minibatch)["actions"].tolist()
    ]
    assert sorted(seen) == [0, 1, 2, 3, 10, 12]
    with pytest.raises(ValueError, match="between 1 and the 6 plies of a rollout, not 7"):
        next(buffer.minibatches(7, torch.Generator()))
    buffer.clear()
    buffer.add(**_step(0))
    assert buffer.learned_plies == GAMES


def test_what_is_learned_from_survives_saving() -> None:
    stored = _partly_learned_buffer().state_dict()
    resumed = ExperienceBuffer(STEPS, GAMES, BYTES, 2, "cpu")
    resumed.load_state_dict(stored)
    assert resumed.learned_from("actions").tolist() == [0, 1, 2, 3, 10, 12]


def test_refusals() -> None:
    buffer = ExperienceBuffer(STEPS, GAMES, BYTES, 2, "cpu")
    buffer.add(**_step(0))
    with pytest.raises(RuntimeError, match="holds 1 of 3 steps"):
        buffer.finish(torch.zeros(GAMES), 0.9, 0.8)
    full = _full_buffer()
    with pytest.raises(RuntimeError, match="already holds its 3 steps"):
        full.add(**_step(3))
    with pytest.raises(RuntimeError, match="no advantages yet"):
        next(full.minibatches(4, torch.Generator()))
    full.finish(torch.zeros(GAMES), 0.9, 0.8)
    with pytest.raises(RuntimeError, match="finished already"):
        full.finish(torch.zeros(GAMES), 0.9, 0.8)
    with pytest.raises(ValueError, match="between 1 and the 12 plies of a rollout, not 13"):
        next(full.minibatches(13, torch.Generator()))


def test_clear_makes_room() -> None:
    buffer = _full_buffer()
    buffer.finish(torch.zeros(GAMES), 0.9, 0.8)
    buffer.clear()
    assert (buffer.ptr, buffer.full) == (0, False)
    buffer.add(**_step(7))
    assert buffer.column("actions")[0].tolist() == [70, 71, 72, 73]


def test_a_half_filled_rollout_survives_saving() -> None:
    buffer = ExperienceBuffer(STEPS, GAMES, BYTES, 2, "cpu")
    buffer.add(**_step(0))
    buffer.add(**_step(1))
    stored = buffer.state_dict()
    buffer.clear()
    buffer.add(**_step(9))
    resumed = ExperienceBuffer(STEPS, GAMES, BYTES, 2, "cpu")
    resumed.load_state_dict(stored)
    assert resumed.ptr == 2
    assert resumed.column("actions")[:2].tolist() == [[0, 1, 2, 3], [10, 11, 12, 13]]
