"""Who moves in which game, and that games against snapshots are those that were asked for."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.config_schema import AppConfig, EnvConfig, OpponentsConfig, TrainingConfig
from keisei.rl.ppo_agent import PPOAgent
from keisei.shogi.constants import BLACK, WHITE
from keisei.training.opponent_pool import OpponentPool
from keisei.training.seating import Seating
from keisei.vec import ShogiVectorEnv

N = 2000
LEARNERS, RANDOM = 7, 99
SLOT_MOVES = (100, 101)


class FakePlayer:
    """Plays always the same move, and notes that it was asked."""

    def __init__(self, slot: int, asked: list[int]) -> None:
        self._slot, self._asked = slot, asked

    def act(self, state: Tensor, mask_bits: Tensor) -> Tensor:
        # Each state holds its game's number, so that a mix-up of rows would be seen.
        assert (mask_bits[:, 0] == state[:, 0]).all()
        self._asked.append(self._slot)
        return torch.full((len(state),), SLOT_MOVES[self._slot])


class FakePool:
    """Two slots, filled in turn."""

    def __init__(self) -> None:
        self.ended: list[tuple[list[int], list[float]]] = []
        self.asked: list[int] = []
        self.players = [FakePlayer(slot, self.asked) for slot in range(2)]

    def begin_games(self, count: int) -> NDArray[np.int64]:
        return np.arange(count) % 2

    def end_games(self, slots: NDArray[np.int64], points: NDArray[np.float64]) -> None:
        self.ended.append((slots.tolist(), points.tolist()))


class FakeEnv:
    """Its random moves are all the same."""

    num_envs = N

    def sample_actions(self, active: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.where(active, RANDOM, -1)


def build(
    share: float = 0.0, opening_share: float = 0.0, plies: int = 4
) -> tuple[Seating, FakePool]:
    config = AppConfig(
        env=EnvConfig(num_envs=N, random_opening_share=opening_share, random_opening_plies=plies),
        training=TrainingConfig(num_steps=8),
        opponents=OpponentsConfig(share=share),
    )
    # The pool of the real thing copies the network; here it is replaced before it is used.
    parts = {"network": torch.nn.Identity(), "device": "cpu", "autocast": None}
    agent = cast(PPOAgent, type("Agent", (), parts)())
    seating, pool = Seating(config, agent, [cast(ShogiVectorEnv, FakeEnv())], seed=1), FakePool()
    if seating.pool is not None:
        seating.pool = cast(OpponentPool, pool)
    seating.begin(np.arange(N))
    return seating, pool


def move(seating: Seating, colour: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """One step in which everybody of a colour moves: the moves, and what is learned from."""
    actions = torch.full((N,), LEARNERS)
    states = torch.arange(N).to(torch.uint8).unsqueeze(1)
    learned = seating.move(actions, states, states, np.full(N, colour, np.uint8))
    return actions.numpy(), learned.numpy()


def test_a_share_of_the_games_is_against_snapshots_with_either_colour() -> None:
    seating, pool = build(share=0.2)
    black_moves, black_learned = move(seating, BLACK)
    white_moves, white_learned = move(seating, WHITE)
    theirs_black, theirs_white = ~black_learned, ~white_learned
    assert not (theirs_black & theirs_white).any()
    # 0.2 of 2000 games, half with each colour: four standard deviations are 72 and 54.
    assert 400 - 72 < (theirs_black | theirs_white).sum() < 400 + 72
    assert 200 - 54 < theirs_black.sum() < 200 + 54
    assert set(pool.asked) == {0, 1}
    for moves, learned in ((black_moves, black_learned), (white_moves, white_learned)):
        assert (moves[learned] == LEARNERS).all()
        assert set(moves[~learned]) == set(SLOT_MOVES)


def test_without_a_share_all_moves_are_the_learners() -> None:
    seating, _ = build()
    assert seating.pool is None
    moves, learned = move(seating, BLACK)
    assert learned.all()
    assert (moves == LEARNERS).all()


def test_the_same_seats_until_the_game_ends_and_then_others() -> None:
    seating, pool = build(share=0.5)
    before = [move(seating, colour)[1] for colour in (BLACK, WHITE)]
    again = [move(seating, colour)[1] for colour in (BLACK, WHITE)]
    assert (before[0] == again[0]).all()
    assert (before[1] == again[1]).all()
    half = np.arange(N // 2)
    seating.end(half, np.full(N // 2, -1, np.int8))
    after = [move(seating, colour)[1] for colour in (BLACK, WHITE)]
    assert (before[0][N // 2 :] == after[0][N // 2 :]).all()
    assert not (before[0][: N // 2] == after[0][: N // 2]).all()
    slots, points = pool.ended[0]
    assert len(slots) == int((~before[0] | ~before[1])[: N // 2].sum())
    assert set(points) == {0.5}


def test_points_are_the_learners_whatever_its_colour() -> None:
    seating, pool = build(share=1.0)
    learner_is_black = move(seating, BLACK)[1]
    games = np.array([int(learner_is_black.argmax()), int((~learner_is_black).argmax())])
    seating.end(games, np.array([BLACK, BLACK], np.int8))
    seating_2, pool_2 = build(share=1.0)
    seating_2.end(games, np.array([WHITE, WHITE], np.int8))
    assert pool.ended[0][1] == [1.0, 0.0]
    assert pool_2.ended[0][1] == [0.0, 1.0]


def test_openings_are_random_for_some_plies_and_not_learned_from() -> None:
    seating, _ = build(opening_share=0.5, plies=4)
    unlearned = np.zeros(N, np.int64)
    for ply in range(6):
        moves, learned = move(seating, ply % 2)
        assert (moves[~learned] == RANDOM).all()
        assert (moves[learned] == LEARNERS).all()
        # Random plies come first, without a gap.
        assert (unlearned[~learned] == ply).all()
        unlearned += ~learned
    counts = np.bincount(unlearned, minlength=5)
    # 1000 games without, 250 with each number of plies from 1 to 4: four standard deviations.
    assert abs(counts[0] - 1000) < 90
    assert (abs(counts[1:] - 250) < 60).all()
    assert len(counts) == 5


def test_snapshots_do_not_move_in_an_opening() -> None:
    seating, pool = build(share=1.0, opening_share=1.0, plies=1)
    moves, learned = move(seating, BLACK)
    assert (moves == RANDOM).all()
    assert not learned.any()
    assert pool.asked == []
    assert set(move(seating, BLACK)[0]) == {LEARNERS, *SLOT_MOVES}


def test_seats_go_on_from_their_state() -> None:
    straight, _ = build(opening_share=0.5)
    saved, _ = build(opening_share=0.5)
    resumed, _ = build(opening_share=0.5)
    resumed.begin(np.arange(N))
    for seating in (straight, saved):
        move(seating, BLACK)
    resumed.load_state_dict(saved.state_dict())
    for seating in (straight, resumed):
        seating.end(np.arange(0, N, 3), np.zeros(len(range(0, N, 3)), np.int8))
    for _ in range(4):
        for one, other in zip(move(straight, WHITE), move(resumed, WHITE), strict=True):
            assert (one == other).all()


@pytest.mark.parametrize(
    ("share", "opening", "needed"), [(0, 0, False), (0.1, 0, True), (0, 1, True)]
)
def test_seating_is_needed_only_when_others_move(
    share: float, opening: float, needed: bool
) -> None:
    config = AppConfig(
        env=EnvConfig(random_opening_share=float(opening)),
        opponents=OpponentsConfig(share=float(share)),
    )
    assert Seating.is_needed(config) is needed


def test_an_opening_as_long_as_a_rollout_is_refused() -> None:
    with pytest.raises(ValueError, match=r"random_opening_plies = 64 leaves nothing to learn"):
        AppConfig(env=EnvConfig(random_opening_share=0.1, random_opening_plies=64))


@pytest.mark.parametrize("sizes", [(64, 32), (32, 32, 32)])
def test_openings_do_not_depend_on_how_the_games_are_grouped(sizes: tuple[int, ...]) -> None:
    """A game draws from its own stream, and only while it is in its opening."""

    def opened(parts: tuple[int, ...]) -> list[int]:
        """The first legal move wherever the learner moves; hashes of all games in the end."""
        config = AppConfig(env=EnvConfig(num_envs=96, random_opening_share=0.5))
        envs = [ShogiVectorEnv(size, obs="compact") for size in parts]
        firsts = [sum(parts[:place]) for place in range(len(parts))]
        for env, first in zip(envs, firsts, strict=True):
            env.reset(seed=first)
        agent = cast(PPOAgent, None)
        seating = Seating(config, agent, envs, seed=1)
        seating.begin(np.arange(96))
        for _ in range(20):
            for place, env in enumerate(envs):
                actions = torch.as_tensor(env.action_masks().argmax(1))
                nothing = torch.zeros(len(actions), 1)
                to_move = env.colours_to_move().astype(np.uint8)
                seating.move(actions, nothing, nothing, to_move, place)
                env.step(actions.numpy())
        return [game for env in envs for game in env.get_state()["hashes"].tolist()]

    assert opened(sizes) == opened((96,))
