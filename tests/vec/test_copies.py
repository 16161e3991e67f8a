"""With ``copy=True``, nothing that a call returned is changed by a later call."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

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


def address(obs: Any) -> int:
    """Where the first entry of an observation lies."""
    entries: list[Any] = [obs] if isinstance(obs, np.ndarray) else [*obs.values()]
    return entries[0].ctypes.data


@pytest.mark.parametrize("form", ["dict", "box", "compact"])
def test_memory_that_nobody_looks_at_is_used_again(form: str) -> None:
    env = ShogiVectorEnv(NUM_ENVS, obs=form)
    env.reset(seed=0)
    places = {address(env.step(env.sample_actions())[0]) for _ in range(20)}
    assert len(places) == 1
    obs = env.step(env.sample_actions())[0]
    taken_turns: set[int] = set()
    for _ in range(20):
        obs = env.step(env.sample_actions())[0]
        taken_turns.add(address(obs))
    assert len(taken_turns) == 2


LOOKS: dict[str, Callable[[Any], Any]] = {
    "all entries": lambda obs: obs,
    "the mask alone": lambda obs: obs["action_mask"],
    "one game": lambda obs: obs["observation"][1],
    "turned": lambda obs: obs["observation"].T[::-1, 3],
    "as bytes": lambda obs: memoryview(obs["observation"]),
    "as a tensor": lambda obs: torch.as_tensor(obs["observation"])[0],
    "with another type": lambda obs: obs["action_mask"].view(np.bool_),
}


@pytest.mark.parametrize("look", LOOKS)
def test_memory_that_somebody_looks_at_is_left_alone(look: str) -> None:
    env = ShogiVectorEnv(NUM_ENVS)
    held = LOOKS[look](env.reset(seed=0)[0])
    before = copy.deepcopy(held) if not isinstance(held, memoryview) else held.tolist()
    for _ in range(20):
        env.step(env.sample_actions())
    if isinstance(held, dict):
        assert snapshot(held) == snapshot(before)
    elif isinstance(held, memoryview):
        assert held.tolist() == before
    else:
        assert (held == before).all()
