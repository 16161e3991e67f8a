"""States of games from strangers, for ``set_state``: numbers, types, shapes and names changed."""

from functools import cache
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from numpy.typing import NDArray

from keisei.vec import IllegalActionError, OpponentVectorEnv, ShogiVectorEnv
from tests.fuzz.harness import fuzz, guarded, refused
from tests.fuzz.mutations import ODD_NUMBERS, mutated_tree
from tests.vec.games import BARE_KINGS, MATE_IN_ONE

NUM_ENVS, MAX_PLIES = 3, 30
MODES = ("SameStep", "NextStep", "Disabled")
Kind = tuple[str, bool, int]


def games(mode: str, has_opponent: bool) -> Any:
    inner = ShogiVectorEnv(
        NUM_ENVS,
        max_plies=MAX_PLIES,
        autoreset_mode=mode,
        initial_sfens=[BARE_KINGS, MATE_IN_ONE],
        num_threads=1,
        obs="compact",
    )
    return OpponentVectorEnv(inner, "random") if has_opponent else inner


@cache
def saved(kind: Kind) -> dict[str, Any]:
    """A state after some plies."""
    mode, has_opponent, plies = kind
    env = games(mode, has_opponent)
    env.reset(seed=plies)
    for _ in range(plies):
        try:
            env.step(env.sample_actions())
        except ResetNeeded:
            break
    return env.get_state()


@st.composite
def changed_array(draw: DrawFn, array: NDArray[Any]) -> Any:
    """An array of another type or shape, or with other numbers in it."""
    kind = draw(st.sampled_from(("type", "shape", "other", *5 * ("bits",))))
    if kind == "type":
        return array.astype(draw(st.sampled_from(("u1", "i8", "f8", "?", "U3", "O", ">u4", "c8"))))
    if kind == "shape":
        flat = array.ravel()
        return draw(
            st.sampled_from((flat, flat[:-1], array[None], flat[:0], array.T, array[..., None]))
        )
    if kind == "other":
        odd = (
            np.full(array.shape, np.nan),
            np.full(array.shape, None),
            array[::-1].tolist() if array.ndim else 1,
        )
        return draw(st.sampled_from(odd))
    array = array.copy()
    flat = array.reshape(-1).view(f"u{array.dtype.itemsize}")
    number = draw(st.one_of(st.sampled_from(ODD_NUMBERS), st.integers(0, 2**64 - 1)))
    first = draw(st.integers(0, flat.size - 1))
    count = draw(st.sampled_from((1, 1, 1, 9, flat.size)))
    flat[first : first + count] = number % (1 << 8 * array.dtype.itemsize)
    return array


@st.composite
def states(draw: DrawFn) -> tuple[Kind, Any]:
    """A state with up to three changes, and to which environment it is given."""
    kind = (draw(st.sampled_from(MODES)), draw(st.booleans()), draw(st.integers(0, MAX_PLIES)))
    state = saved(kind)
    if draw(st.integers(0, 4)) == 0:
        return kind, draw(mutated_tree(st.just(state)))
    names = draw(st.lists(st.sampled_from(sorted(state)), min_size=1, max_size=3))
    return kind, {**state, **{name: draw(changed_array(np.asarray(state[name]))) for name in names}}


@fuzz(states(), examples=40, warm_up=(("SameStep", True, 3), saved(("SameStep", True, 3))))
def test_a_state_is_gone_on_with_or_refused(value: tuple[Kind, Any]) -> None:
    (mode, has_opponent, _), state = value
    env = games(mode, has_opponent)
    env.reset(seed=0)
    before = env.get_state()
    with guarded():
        if refused(lambda: env.set_state(state), ValueError) is not None:
            after = env.get_state()
            assert all(np.array_equal(before[name], after[name]) for name in before)
        for _ in range(MAX_PLIES + 5):
            try:
                env.step(env.sample_actions())
            except (ResetNeeded, IllegalActionError):
                break  # Of games that wait for the learner or for a reset.
        env.render()
