"""TorchRL: its own wrapper over the environment, and the environment made for it."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import pytest

from keisei.vec import ShogiVectorEnv
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, label

pytest.importorskip("torchrl")

import torch
from torchrl.envs import ActionMask, EnvBase, GymWrapper, TransformedEnv
from torchrl.envs.utils import check_env_specs

from keisei.vec.adapters.torchrl import ShogiTorchRL

MATE = label("G*5b", white=False)


def wrapped(num_envs: int, **options: Any) -> EnvBase:
    """The environment as TorchRL wraps it by itself."""
    games = ShogiVectorEnv(num_envs, autoreset_mode="Disabled", **options)
    return TransformedEnv(GymWrapper(games, categorical_action_encoding=True), ActionMask())


def native(num_envs: int, **options: Any) -> EnvBase:
    """The environment made for TorchRL."""
    return ShogiTorchRL(ShogiVectorEnv(num_envs, **options))


def legal_share(rollout: Any) -> float:
    """Of the actions of a rollout [N, T], the share that the masks before them allow."""
    mask = rollout["action_mask"].bool()
    return mask.gather(-1, rollout["action"].unsqueeze(-1)).float().mean().item()


def play(env: EnvBase, tensordict: Any, *actions: int) -> tuple[Any, Any]:
    """One step: what it brought, and where the next begins."""
    return env.step_and_maybe_reset(tensordict.set("action", torch.tensor(actions)))


@pytest.mark.parametrize("make", [wrapped, native])
def test_specs_hold_and_every_action_is_legal(make: Any) -> None:
    check_env_specs(make(4))
    rollout = make(4, max_plies=20).rollout(50, break_when_any_done=False)
    assert rollout["next", "done"].any(), "no game ended, so no reset was tried"
    assert legal_share(rollout) == 1.0


@pytest.mark.parametrize("options", [{"obs": "box"}, {"obs": "compact"}, {"dtype": "float32"}])
def test_specs_hold_in_other_forms(options: dict[str, Any]) -> None:
    check_env_specs(native(3, **options))


@pytest.mark.parametrize("make", [wrapped, native])
def test_a_step_brings_the_last_position_and_goes_on_with_the_first(make: Any) -> None:
    env = make(2, initial_sfens=[MATE_IN_ONE, BARE_KINGS])
    begun = env.reset()
    first = {name: begun[name].clone() for name in ("observation", "action_mask")}
    brought, following = play(env, begun, MATE, label("5i5h", white=False))
    assert brought["next", "reward"].tolist() == [[1.0], [0.0]]
    assert brought["next", "terminated"].tolist() == [[True], [False]]
    assert brought["next", "truncated"].tolist() == [[False], [False]]
    assert not brought["next", "action_mask"][0].any(), "mated"
    assert following["done"].tolist() == [[False], [False]]
    # Game 0 goes on with the next start position, which game 1 began with.
    assert torch.equal(following["observation"][0], first["observation"][1])
    assert torch.equal(following["action_mask"][0], first["action_mask"][1])
    for name in first:
        assert torch.equal(following[name][1], brought["next", name][1])


def test_rows_asked_for_begin_anew_in_the_middle_of_a_game() -> None:
    env = native(2, initial_sfens=[BARE_KINGS])
    begun = env.reset()
    first = begun["observation"].clone()
    kings = label("5i5h", white=False)
    _, following = play(env, begun, kings, kings)
    moved = following["observation"].clone()
    again = env.reset(following.set("_reset", torch.tensor([[False], [True]])))
    assert torch.equal(again["observation"][0], moved[0])
    assert torch.equal(again["observation"][1], first[1])


def test_an_ended_game_is_not_begun_twice() -> None:
    env = native(1, initial_sfens=[MATE_IN_ONE, BARE_KINGS])
    brought = env.step(env.reset().set("action", torch.tensor([MATE])))["next"]
    begun = env.reset(brought.set("_reset", torch.tensor([[True]])))
    assert begun["action_mask"].sum().item() == 5, "a bare king at the edge"


def test_a_seed_repeats_the_rollout() -> None:
    env = native(2)
    rollouts: list[Any] = []
    for _ in range(2):
        env.set_seed(7)
        rollouts.append(env.rollout(5)["action"])
    assert torch.equal(rollouts[0], rollouts[1])


def test_other_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="'Disabled'"):
        ShogiTorchRL(ShogiVectorEnv(1, autoreset_mode="Disabled"))
