"""Plies a second of each adapter's rollout loop with a policy that costs nothing.

256 games with planes and the dense mask unless a row says otherwise; every action is drawn by the
environment itself, so that what is added to the peer, the bare environment, is the adapter's and
its library's. Where an opponent moves inside the step, a step is two plies.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Measurement

from keisei.vec import OpponentVectorEnv, ShogiVectorEnv

NUM_ENVS = 256
WARM_UP_STEPS = 400
STEPS_A_ROUND = 50

pytestmark = pytest.mark.benchmark(group="adapters, N = 256")

Rollout = Callable[[int], object]


def _measure(measure: Measurement, label: str, rollout: Rollout, **options: Any) -> None:
    """Measure a loop that plays so many steps."""
    plies_a_step = options.pop("plies_a_step", 1)
    rollout(WARM_UP_STEPS // plies_a_step)
    amount = options.pop("num_envs", NUM_ENVS) * STEPS_A_ROUND * plies_a_step
    measure(label, lambda: rollout(STEPS_A_ROUND), amount=amount, unit="plies", **options)


def _stepper(env: Any) -> Rollout:
    env.reset(seed=1)

    def play(num_steps: int) -> None:
        for _ in range(num_steps):
            env.step(env.sample_actions())

    return play


def _opponents(obs: str) -> OpponentVectorEnv:
    return OpponentVectorEnv(ShogiVectorEnv(NUM_ENVS, obs=obs), "random")


def test_bare_environment(measure: Measurement) -> None:
    _measure(measure, "bare environment", _stepper(ShogiVectorEnv(NUM_ENVS)), peer=True)


def test_opponent_inside(measure: Measurement) -> None:
    _measure(measure, "OpponentVectorEnv", _stepper(_opponents("dict")), plies_a_step=2)


@pytest.mark.parametrize(
    ("label", "obs"),
    [
        ("Stable-Baselines3, MaskablePPO's loop", "dict"),
        ("Stable-Baselines3, MaskablePPO's loop, compact states", "compact"),
    ],
)
def test_stable_baselines3(measure: Measurement, label: str, obs: str) -> None:
    masks = pytest.importorskip("sb3_contrib.common.maskable.utils")
    adapter = pytest.importorskip("keisei.vec.adapters.sb3")
    env = adapter.Sb3VecEnv(_opponents(obs))
    env.seed(1)
    env.reset()

    def play(num_steps: int) -> None:
        for _ in range(num_steps):
            masks.get_action_masks(env)
            env.step(env.env.sample_actions())

    _measure(measure, label, play, plies_a_step=2)


@pytest.mark.parametrize("native", [True, False], ids=["native", "wrapper"])
def test_torchrl(measure: Measurement, native: bool) -> None:
    torchrl = pytest.importorskip("torchrl.envs")
    torch = pytest.importorskip("torch")
    adapter = pytest.importorskip("keisei.vec.adapters.torchrl")
    games = ShogiVectorEnv(NUM_ENVS, autoreset_mode="SameStep" if native else "Disabled")
    if native:
        env = adapter.ShogiTorchRL(games)
    else:
        env = torchrl.GymWrapper(games, categorical_action_encoding=True)
    following = [env.reset()]

    def play(num_steps: int) -> None:
        for _ in range(num_steps):
            actions = torch.from_numpy(games.sample_actions())
            following[0] = env.step_and_maybe_reset(following[0].set("action", actions))[1]

    _measure(measure, "TorchRL, ShogiTorchRL" if native else "TorchRL, GymWrapper", play)


def test_skrl(measure: Measurement) -> None:
    wrappers = pytest.importorskip("skrl.envs.wrappers.torch")
    torch = pytest.importorskip("torch")
    games = _opponents("dict")
    env = wrappers.wrap_env(games, wrapper="gymnasium")
    env.reset()

    def play(num_steps: int) -> None:
        for _ in range(num_steps):
            env.step(torch.from_numpy(games.sample_actions()).unsqueeze(-1))

    _measure(measure, "skrl, wrap_env", play, plies_a_step=2)


def test_pettingzoo(measure: Measurement) -> None:
    adapter = pytest.importorskip("keisei.vec.adapters.pettingzoo")
    env = adapter.ShogiAEC()
    env.reset(seed=1)

    def play(num_steps: int) -> None:
        for _ in range(num_steps):
            obs, _, termination, truncation, _ = env.last()
            if termination or truncation:
                env.reset()
            else:
                env.step(int(obs["action_mask"].argmax()))

    _measure(measure, "PettingZoo, one game", play, num_envs=1)
