"""Saved games can be joined and divided, whatever their number, and go on as they would have."""

import numpy as np
import pytest

from keisei.vec import ShogiVectorEnv
from keisei.vec.saved import divide, join

MAX_PLIES = 9


def played(num_envs: int, first_seed: int = 0, plies: int = 13) -> ShogiVectorEnv:
    """Games of which some have ended and begun anew."""
    env = ShogiVectorEnv(num_envs, max_plies=MAX_PLIES, obs="compact")
    env.reset(seed=first_seed)
    go_on(env, plies)
    return env


def go_on(env: ShogiVectorEnv, plies: int) -> None:
    for _ in range(plies):
        env.step(env.sample_actions())


@pytest.mark.parametrize("sizes", [(5, 5), (32, 32), (40, 40), (3, 70, 33)])
def test_joined_games_go_on_as_they_would_have_apart(sizes: tuple[int, ...]) -> None:
    first = np.cumsum((0, *sizes))
    parts = [played(size, int(seed)) for size, seed in zip(sizes, first[:-1], strict=True)]
    whole = played(sum(sizes))
    other = ShogiVectorEnv(sum(sizes), max_plies=MAX_PLIES, obs="compact")
    other.set_state(join([part.get_state() for part in parts]))
    for plies in (0, 12):
        go_on(whole, plies)
        go_on(other, plies)
        assert [other.board(game).sfen() for game in range(sum(sizes))] == [
            whole.board(game).sfen() for game in range(sum(sizes))
        ]


@pytest.mark.parametrize("sizes", [(5, 5), (32, 32), (40, 40), (3, 70, 33)])
def test_divided_games_go_on_as_they_would_have_together(sizes: tuple[int, ...]) -> None:
    whole = played(sum(sizes))
    parts = [ShogiVectorEnv(size, max_plies=MAX_PLIES, obs="compact") for size in sizes]
    for part, state in zip(parts, divide(whole.get_state(), sizes), strict=True):
        part.set_state(state)
    go_on(whole, 12)
    games = iter(range(sum(sizes)))
    for part in parts:
        go_on(part, 12)
        for game in range(part.num_envs):
            assert part.board(game).sfen() == whole.board(next(games)).sfen()


def test_what_was_divided_can_be_joined_again() -> None:
    state = played(80).get_state()
    again = join(divide(state, (33, 47)))
    assert again.keys() == state.keys()
    for name in ("hashes", "boards", "history", "random", "next_start", "max_plies"):
        np.testing.assert_array_equal(again[name], state[name])


def test_one_state_stays_as_it_is() -> None:
    state = played(5).get_state()
    assert join([state]) == state
    assert divide(state, (5,)) == [state]
