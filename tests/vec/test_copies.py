"""With ``copy=True``, nothing that a call returned is changed by a later call."""

from typing import Any

import numpy as np
import pytest

from keisei.vec import ShogiVectorEnv

NUM_ENVS = 3


def snapshot(obs: Any) -> list[bytes]:
    """The bytes of an observation's arrays."""
    arrays: list[Any] = [obs] if isinstance(obs, np.ndarray) else [*obs.values()]
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("form", ["dict", "box", "compact"])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_observations_outlive_games_that_begin_anew(form: str, mode: str) -> None:
    env = ShogiVectorEnv(NUM_ENVS, obs=form, autoreset_mode=mode, max_plies=2)
    held: list[tuple[Any, list[bytes]]] = []

    def hold(obs: Any) -> None:
        held.append((obs, snapshot(obs)))

    hold(env.reset(seed=0)[0])
    for _ in range(5):
        obs, _, _, truncations, _ = env.step(env.sample_actions())
        hold(obs)
        if mode == "Disabled" and truncations.any():
            hold(env.reset(options={"reset_mask": truncations.copy()})[0])
    hold(env.reset(options={"reset_mask": np.array([True, False, True])})[0])
    env.set_state(env.get_state())
    env.step(env.sample_actions(), active=np.array([False, True, False]))
    for obs, before in held:
        assert snapshot(obs) == before
