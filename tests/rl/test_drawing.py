"""Plies that an epoch draws by their advantage, and the weights that make up for it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tic_tac_toe import SETTINGS, SelfPlay, new_agent

from keisei.rl.drawing import draw_plies, priorities_of


def test_priorities_are_the_size_of_the_advantage_and_one() -> None:
    found = priorities_of(torch.tensor([0.0, -1.0, 0.5, 1e9]))
    assert (found / found[0]).tolist() == [1.0, 2.0, 1.5, 1024.0]


@given(
    sizes=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=60),
    share=st.floats(0.01, 1.0),
    seed=st.integers(0, 2**31),
)
def test_each_ply_comes_as_often_as_its_priority_asks(
    sizes: list[float], share: float, seed: int
) -> None:
    priorities = priorities_of(torch.tensor(sizes))
    count = max(1, int(share * len(sizes)))
    drawn, weights = draw_plies(priorities, count, torch.Generator().manual_seed(seed))
    assert drawn.shape == weights.shape == (count,)
    expected = count * priorities.double() / priorities.sum()
    times = torch.bincount(drawn, minlength=len(sizes))
    # Marks at equal distances: each ply comes as often as expected, rounded down or up.
    assert ((times >= (expected - 1e-5).floor()) & (times <= (expected + 1e-5).ceil())).all()
    # What it counts for is the reciprocal of that, so that the mean stays what it was.
    assert (weights * expected[drawn]).tolist() == pytest.approx([count / len(sizes)] * count)


def test_weighted_means_are_on_average_those_of_all_plies() -> None:
    generator = torch.Generator().manual_seed(3)
    advantages, numbers = torch.randn(2, 400, generator=generator)
    priorities = priorities_of(advantages)
    means: list[float] = []
    for _ in range(2000):
        drawn, weights = draw_plies(priorities, 100, generator)
        means.append(float((weights * numbers[drawn]).mean()))
    found = torch.tensor(means)
    error = float(found.std()) / len(means) ** 0.5
    assert float(found.mean()) == pytest.approx(float(numbers.mean()), abs=4 * error)
    assert error < 0.01


def test_minibatches_hold_the_plies_drawn_from_those_that_are_learned_from() -> None:
    play = SelfPlay(new_agent(1), num_envs=32)
    play.fill()
    buffer = play.buffer
    learned = torch.arange(buffer.plies).view(buffer.num_steps, -1) % 3 > 0
    buffer.column("loss_mask").copy_(learned)
    state = buffer.state_dict()
    state["finished"] = True
    buffer.load_state_dict(state)
    buffer.column("actions").copy_(torch.arange(buffer.plies).view_as(learned))
    priorities = priorities_of(buffer.learned_from("advantages").flatten())
    generator = torch.Generator().manual_seed(5)
    parts = list(buffer.minibatches(50, generator, 60, priorities, drawn=120))
    assert [len(part) for part in parts] == [60, 60, 60]
    assert [int((part["weights"] > 0).sum()) for part in parts] == [50, 50, 20]
    visited = torch.cat([part["actions"][part["weights"] > 0] for part in parts])
    assert learned.flatten()[visited].all()
    heavy = torch.cat([part["weights"] for part in parts])
    assert float(heavy.sum() / 120) == pytest.approx(1.0, abs=0.1)


def test_an_agent_learns_from_a_share_with_means_near_those_of_all() -> None:
    told: list[dict[str, float]] = []
    for share in (1.0, 0.5):
        settings = SETTINGS.model_copy(update={"ply_share": share, "learning_rate": 1e-9})
        told.append(SelfPlay(new_agent(2, settings), num_envs=256).update())
    for name in ("policy_loss", "value_loss", "entropy", "entropy_normalised"):
        assert told[1][name] == pytest.approx(told[0][name], rel=0.1, abs=0.02), name
    assert told[0]["optimizer_steps"] == told[1]["optimizer_steps"]


def test_a_share_learns_the_same_again() -> None:
    settings = SETTINGS.model_copy(update={"ply_share": 0.3})
    runs = [SelfPlay(new_agent(4, settings), num_envs=32) for _ in range(2)]
    for _ in range(3):
        left, right = (run.update() for run in runs)
        assert left == right
