"""Several processes learn what one would learn from all games, and go on with each other's."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.multiprocessing.spawn import ProcessRaisedException

from keisei.config_schema import ConfigError, TrainingConfig
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ranks import Ranks
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.training.checkpoint import read_checkpoint
from keisei.training.processes import run_processes
from keisei.training.trainer import Trainer
from keisei.vec import ShogiVectorEnv
from tests.training import ranks as work
from tests.training.late_imports import import_within
from tests.training.runs import (
    EMBEDDING,
    NUM_ENVS,
    ROLLOUT,
    assert_same,
    rows_without_time,
    small_config,
)
from tests.training.test_resume import AGAINST_OTHERS, newest

STEPS, GAMES = 5, 8
OTHERS = {**EMBEDDING, **AGAINST_OTHERS}


def rollout(learned: Callable[[int, int], bool]) -> dict[str, Any]:
    """A finished rollout of random moves with made-up advantages; (step, game) says what counts."""
    env = ShogiVectorEnv(GAMES, obs="compact")
    obs, _ = env.reset(seed=3)
    buffer = ExperienceBuffer(STEPS, GAMES, STATE_SIZE, MASK_BYTES, "cpu")
    noise = np.random.default_rng(4)

    def numbers() -> torch.Tensor:
        return torch.from_numpy(noise.normal(size=GAMES).astype(np.float32))

    never = torch.zeros(GAMES, dtype=torch.bool)
    for step in range(STEPS):
        actions = env.sample_actions()
        state, bits = (torch.from_numpy(obs[each]) for each in ("state", "action_mask_bits"))
        marks = torch.tensor([learned(step, game) for game in range(GAMES)])
        buffer.add(
            state, bits, torch.from_numpy(actions), numbers() / 9 - 3.4, numbers() / 3,
            numbers(), never, never, numbers(), marks,
        )  # fmt: skip
        obs, *_ = env.step(actions)
    buffer.finish(numbers(), 0.9, 0.8)
    return buffer.state_dict()


def learn_on_two(tmp_path: Path, settings: TrainingConfig, whole: dict[str, Any]) -> dict[str, Any]:
    assert run_processes(2, work.learn_rank, settings, whole, tmp_path / "learned.pt") == 0
    return torch.load(tmp_path / "learned.pt", weights_only=True)


@pytest.mark.slow
def test_two_ranks_have_the_gradient_of_one_process_with_all_plies(tmp_path: Path) -> None:
    # 40 plies of which the first rank learns from 20 and the second from 8.
    whole = rollout(lambda step, game: game < 4 or step < 2)
    settings = TrainingConfig(update_epochs=1, ply_share=1.0, num_minibatches=1, max_grad_norm=0.01)
    alone = work.learn(settings, whole, Ranks())
    together = learn_on_two(tmp_path, settings, whole)
    assert together["row"] == pytest.approx(alone["row"], rel=1e-5, abs=1e-6)
    assert alone["row"]["grad_norm"] > 0.01
    for name, gradient in alone["gradients"].items():
        torch.testing.assert_close(together["gradients"][name], gradient, rtol=1e-4, atol=1e-8)
    assert len(set(together["digests"])) == 1


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_rank_with_hardly_any_plies_keeps_up_with_the_other(tmp_path: Path, count: int) -> None:
    whole = rollout(lambda step, game: game < 4 or (game == 4 and step < count))
    settings = TrainingConfig(update_epochs=2, num_minibatches=4, target_kl=1e9)
    learned = learn_on_two(tmp_path, settings, whole)
    assert learned["row"]["optimizer_steps"] == 8.0
    assert all(np.isfinite(value) for value in learned["row"].values())
    assert len(set(learned["digests"])) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("count", "plies"), [(2, 2 * ROLLOUT + 3 * NUM_ENVS), (4, 3 * ROLLOUT)])
def test_stopped_and_resumed_with_as_many_processes(tmp_path: Path, count: int, plies: int) -> None:
    straight, stopped = (
        small_config(tmp_path / name, 5, **OTHERS, **{"session.processes": count})
        for name in ("straight", "stopped")
    )
    work.train(straight)
    work.train(stopped, stop_at=plies)
    assert newest(tmp_path / "stopped").name == f"checkpoint-{plies:012d}.pt"
    work.train(stopped, resume="latest")
    ends = [read_checkpoint(newest(tmp_path / name)) for name in ("straight", "stopped")]
    assert_same(ends[0], ends[1])
    assert len(ends[0]["other_ranks"]) == count - 1
    rows = rows_without_time(tmp_path / "straight")
    assert rows_without_time(tmp_path / "stopped") == rows
    assert [row["step"] for row in rows] == [ROLLOUT * update for update in range(1, 6)]
    assert rows[-1]["run/games"] == sum(row["games/finished"] for row in rows)
    assert sum(row["opponents/games"] for row in rows) > 0


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [(1, 2), (2, 1)])
def test_another_number_of_processes_goes_on_with_the_same_games(
    tmp_path: Path, first: int, then: int
) -> None:
    plies = 2 * ROLLOUT + 3 * NUM_ENVS
    settings = OTHERS | {"session.processes": first}
    work.train(small_config(tmp_path, 4, **settings), stop_at=plies)
    before = read_checkpoint(newest(tmp_path))
    settings["session.processes"] = then
    # Resumed at its very end, it saves what it has read.
    same = small_config(tmp_path, 4, **settings, **{"training.total_timesteps": plies})
    work.train(same, resume="latest")
    after = read_checkpoint(newest(tmp_path))
    for name in ("env", "episode", "buffer", "statistics"):
        assert_same(after[name], before[name], name)
    for name in ("opponent", "colour", "opening", "pool"):
        assert_same(after["seating"][name], before["seating"][name], name)
    assert_same(after["agent"], before["agent"])
    work.train(small_config(tmp_path, 4, **settings), resume="latest")
    rows = rows_without_time(tmp_path)
    assert [row["step"] for row in rows] == [ROLLOUT * update for update in range(1, 5)]
    assert rows[-1]["run/games"] == sum(row["games/finished"] for row in rows)


@pytest.mark.slow
def test_an_exception_of_one_process_ends_all_and_is_shown() -> None:
    with pytest.raises(ProcessRaisedException, match="rank 1 has a bug"):
        run_processes(2, work.fail_alone)


@pytest.mark.slow
def test_no_thread_of_the_group_outlives_it() -> None:
    """One that does aborts the process where Python ends around it, one time in ten."""
    assert run_processes(2, import_within) == 0


def test_what_fails_on_the_first_rank_fails_on_all(tmp_path: Path) -> None:
    assert run_processes(2, work.fail_on_first, tmp_path) == 3
    assert (tmp_path / "0").read_text() == (tmp_path / "1").read_text() == "division by zero"


def test_sizes_that_the_processes_do_not_divide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"session.processes = 3 does not divide env.num_envs = 8"
    ):
        small_config(tmp_path, 1, **{"session.processes": 3})
    many = {"session.processes": 4, "training.num_minibatches": 24}
    with pytest.raises(ConfigError, match=r"processes = 4 does not divide minibatches of 2 plies"):
        small_config(tmp_path, 1, **many)


def test_a_trainer_alone_refuses_settings_for_several(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"session.processes = 2, but .* is 1; start them with"):
        Trainer(small_config(tmp_path, 1, **{"session.processes": 2}))
