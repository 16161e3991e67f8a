"""Looking one move ahead on behalf of several callers in turn."""

from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from keisei.games.children import Lookahead
from keisei.vec import ShogiVectorEnv

NUM_GAMES = 70
"""Whose children are more than are looked at together."""


def middle(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    env = ShogiVectorEnv(NUM_GAMES, obs="compact")
    env.reset(seed=seed)
    for _ in range(80):
        env.step(env.sample_actions())
    obs = env.observe()
    assert isinstance(obs, dict)
    return obs["state"], obs["action_mask_bits"]


def test_two_that_look_by_turns_do_not_disturb_each_other() -> None:
    lookahead = Lookahead()
    first, second = middle(1), middle(2)
    alone = [list(lookahead.children(*each)) for each in (first, second)]
    assert min(map(len, alone)) > 2
    by_turns = zip_longest(lookahead.children(*first), lookahead.children(*second))
    expected = zip_longest(*alone)
    for found, known in zip(chain(*by_turns), chain(*expected), strict=True):
        if known is None:
            assert found is None
        else:
            assert all(np.array_equal(a, b) for a, b in zip(found, known, strict=True))
