"""One vector step: what is asked of whom, what is stored, how truncated games bootstrap."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.config_schema import TrainingConfig
from keisei.games.board import Board, action_from_move
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.networks import build_network
from keisei.rl.ppo_agent import PPOAgent
from keisei.shogi.constants import START_SFEN, Termination
from keisei.shogi.features import MASK_BYTES, STATE_SIZE, TO_MOVE
from keisei.shogi.moves import Move
from keisei.training.game_statistics import GameStatistics
from keisei.training.metrics_manager import MetricsManager
from keisei.training.seating import Seating
from keisei.training.step_manager import StepManager
from keisei.vec import ShogiVectorEnv

N, K, M = 3, 2, 1
CPU = torch.device("cpu")


class FakeEnv:
    """Three games whose state bytes count the steps; it reuses its arrays, as the real one does."""

    num_envs = N

    def __init__(self, state_size: int = K) -> None:
        self.obs = {
            "state": np.zeros((N, state_size), np.uint8),
            "action_mask_bits": np.full((N, M), 255, np.uint8),
        }
        self.ends: dict[int, tuple[list[int], Mapping[str, Any]]] = {}
        self.steps = 0
        self.actions: list[list[int]] = []
        self.seed: int | None = None

    def reset(self, *, seed: int | None = None) -> tuple[Any, Any]:
        self.seed = seed
        return self.obs, {}

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, ...]:
        self.steps += 1
        self.actions.append(actions.tolist())
        self.obs["state"][:] = self.steps
        rewards = np.zeros(N, np.float32)
        terminated, truncated = np.zeros(N, np.bool_), np.zeros(N, np.bool_)
        if self.steps == 2:
            # Game 0 is mated, game 2 reaches the cap.
            rewards[0], terminated[0], truncated[2] = 1.0, True, True
            infos = {
                "final_obs": np.array(
                    [{"state": np.full(K, 70, np.uint8)}, None, {"state": np.full(K, 90, np.uint8)}]
                ),
                "final_info": {
                    "termination": np.array(
                        [Termination.CHECKMATE, 0, Termination.MAX_PLIES], np.uint8
                    ),
                    "winner": np.array([1, -1, -1], np.int8),
                    "plies": np.array([80, 0, 200], np.int32),
                },
            }
            return self.obs, rewards, terminated, truncated, infos
        return self.obs, rewards, terminated, truncated, {}


class FakeAgent:
    """Acts by the first state byte; values a position by it, too."""

    def act(self, state: Tensor, mask_bits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        assert (mask_bits == 255).all()
        actions = state[:, 0].long() + torch.arange(N)
        return actions, -torch.ones(N), state[:, 0] / 100

    def value(self, state: Tensor) -> Tensor:
        return state[:, 0] / 100


class FakeBuffer:
    """Keeps what is added."""

    ptr, num_steps = 0, 100

    def __init__(self) -> None:
        self.rows: list[list[list[float]]] = []
        self.loss_masks: list[list[bool] | None] = []
        self.mates: list[list[bool]] = []

    def add(self, *arrays: Tensor, loss_mask: Tensor | None, mates: Tensor) -> None:
        self.rows.append([cast(Any, array).tolist() for array in arrays])
        self.mates.append(cast(Any, mates).tolist())
        self.loss_masks.append(None if loss_mask is None else cast(Any, loss_mask).tolist())


class FakeSeating:
    """Game 1 is always somebody else's, who plays move 66."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self.ended: list[tuple[list[int], list[int]]] = []
        self.turns: list[list[int]] = []

    def begin(self, games: NDArray[np.int64]) -> None:
        self.begun.append(games.tolist())

    def end(self, games: NDArray[np.int64], winners: NDArray[np.int8]) -> None:
        self.ended.append((games.tolist(), winners.tolist()))

    def move(
        self,
        actions: Tensor,
        state: Tensor,
        mask_bits: Tensor,
        to_move: NDArray[np.uint8],
        part: int,
    ) -> Tensor:
        assert part == 0
        assert (state[:, TO_MOVE].numpy() == to_move).all()
        assert (mask_bits == 255).all()
        self.turns.append(to_move.tolist())
        actions[1] = 66
        return torch.tensor([True, False, True])


def build() -> tuple[StepManager, FakeEnv, FakeBuffer, MetricsManager]:
    env, buffer, metrics = FakeEnv(), FakeBuffer(), MetricsManager(1000, GameStatistics())
    steps = StepManager(
        [cast(ShogiVectorEnv, env)],
        cast(PPOAgent, FakeAgent()),
        cast(ExperienceBuffer, buffer),
        metrics,
        CPU,
    )
    return steps, env, buffer, metrics


def test_no_step_before_the_games_begin() -> None:
    with pytest.raises(RuntimeError, match="no game has begun"):
        build()[0].step()


def test_what_is_stored_is_the_position_that_was_acted_in() -> None:
    steps, env, buffer, _ = build()
    steps.start(seed=5)
    assert env.seed == 5
    steps.step()
    steps.step()
    first, second = buffer.rows
    state, mask_bits, actions, log_probs, values = first[:5]
    assert state == [[0, 0]] * N
    assert mask_bits == [[255]] * N
    assert actions == env.actions[0] == [0, 1, 2]
    assert log_probs == [-1.0] * N
    assert values == [0.0] * N
    # The environment has overwritten its arrays; the carried copies have kept the position.
    assert second[0] == [[1, 1]] * N
    assert second[2] == env.actions[1] == [1, 2, 3]


def test_ends_are_stored_and_truncated_games_bring_their_final_value() -> None:
    steps, _, buffer, _ = build()
    steps.start(seed=0)
    steps.step()
    steps.step()
    rewards, terminated, truncated, final_values = buffer.rows[1][5:]
    assert rewards == [1.0, 0.0, 0.0]
    assert terminated == [True, False, False]
    assert truncated == [False, False, True]
    # Of the mated game 0 no value is asked, of game 2 that of its last position.
    assert final_values == pytest.approx([0.0, 0.0, 0.9])
    assert buffer.rows[0][8] == [0.0] * N


def test_games_are_counted_once_in_the_step_that_ends_them() -> None:
    steps, _, _, metrics = build()
    steps.start(seed=0)
    for _ in range(4):
        steps.step()
    statistics = metrics.statistics
    assert (statistics.games, statistics.white_wins, statistics.truncations) == (2, 1, 1)
    assert statistics.plies == 280


def test_the_carried_positions_go_on_from_their_state() -> None:
    steps, _, _, _ = build()
    steps.start(seed=0)
    steps.step()
    saved = steps.state_dict()
    other = build()[0]
    other.load_state_dict(saved)
    assert torch.equal(other.episode.state, steps.episode.state)
    assert torch.equal(other.episode.mask_bits, steps.episode.mask_bits)


def test_moves_of_others_are_played_and_stored_as_not_learned_from() -> None:
    env, buffer, seating = FakeEnv(STATE_SIZE), FakeBuffer(), FakeSeating()
    steps = StepManager(
        [cast(ShogiVectorEnv, env)],
        cast(PPOAgent, FakeAgent()),
        cast(ExperienceBuffer, buffer),
        MetricsManager(1000, GameStatistics()),
        CPU,
        cast(Seating, seating),
    )
    steps.start(seed=0)
    assert seating.begun == [[0, 1, 2]]
    for _ in range(3):
        steps.step()
    # The fake fills its states with the number of the step.
    assert seating.turns == [[0] * N, [1] * N, [2] * N]
    assert env.actions == [[0, 66, 2], [1, 66, 3], [2, 66, 4]]
    assert [row[2] for row in buffer.rows] == env.actions
    assert buffer.loss_masks == [[True, False, True]] * 3
    # The learner's values are stored at every position.
    assert buffer.rows[1][4] == pytest.approx([0.01] * N)
    assert seating.ended == [([0, 2], [1, -1])]
    saved = steps.state_dict()
    steps.load_state_dict(saved)
    steps.step()
    assert seating.turns[-1] == [3] * N


def test_without_others_everything_is_learned_from() -> None:
    steps, _, buffer, _ = build()
    steps.start(seed=0)
    steps.step()
    assert buffer.loss_masks == [None]


MATE_OR_NOT = ("4k4/9/4P4/9/9/9/9/9/4K4 b G 1", START_SFEN)


@pytest.mark.parametrize("parts", [1, 2])
def test_mates_in_one_are_played_and_noted(parts: int) -> None:
    envs = [
        ShogiVectorEnv(2, obs="compact", copy=False, initial_sfens=MATE_OR_NOT)
        for _ in range(parts)
    ]
    agent = PPOAgent(
        build_network("embedding", width=64), TrainingConfig(mate_coef=1.0), device=CPU, seed=1
    )
    buffer = ExperienceBuffer(3, 2 * parts, STATE_SIZE, MASK_BYTES, CPU)
    metrics = MetricsManager(1000, GameStatistics())
    steps = StepManager(envs, agent, buffer, metrics, CPU, finds_mates=True)
    steps.start(seed=0)
    steps.step()
    mate = action_from_move(Board(MATE_OR_NOT[0]), Move.from_usi("G*5b"))
    assert torch.equal(buffer.column("mates")[0], torch.tensor([True, False] * parts))
    assert torch.equal(buffer.column("actions")[0, ::2], torch.tensor([mate] * parts))
    assert torch.equal(buffer.column("rewards")[0], torch.tensor([1.0, 0.0] * parts))
    # The next game in its place begins from the other position, where there is no mate.
    other = StepManager(envs, agent, buffer, metrics, CPU, finds_mates=True)
    other.load_state_dict(steps.state_dict())
    other.step()
    assert not buffer.column("mates")[1].any()


def test_without_being_asked_nobody_looks_for_mates() -> None:
    steps, _, buffer, _ = build()
    steps.start(seed=0)
    steps.step()
    assert buffer.mates == [[False] * N]
