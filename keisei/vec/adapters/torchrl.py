"""N games as a TorchRL environment, more than twice as fast as through its ``GymWrapper``."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# (torch, tensordict and torchrl leave parts of their signatures open.)

from typing import Any, cast

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from torchrl.data import Binary, Bounded, Categorical, Composite, Unbounded
from torchrl.envs import EnvBase

_ENDS = ("done", "terminated", "truncated")


class ShogiTorchRL(EnvBase):
    """Batched environment of TorchRL over ``ShogiVectorEnv`` or ``OpponentVectorEnv``.

    TensorDicts share memory with the arrays of the games and have batch size [N]. Their keys are
    those of the observation ("observation" for planes alone), "action" int64 [N], "reward"
    float32 [N, 1], and "done", "terminated" and "truncated" bool [N, 1]. A mask of one byte an
    action is bool [N, 2187], True = legal, as ``torchrl.modules.MaskedCategorical`` wants it.
    ``rand_action`` and rollouts without a policy choose among the legal actions; no ``ActionMask``
    is needed.

    Two players share the rollout of a ``ShogiVectorEnv``: the value of the next position is the
    opponent's. Losses that know one player only need an ``OpponentVectorEnv``.

    Args:
        env: The games, in the mode "SameStep" and with copies. From now on only this environment
            may reset and step them.

    Raises:
        ValueError: When the environment has another autoreset mode.

    Examples:
        >>> from keisei.vec import ShogiVectorEnv
        >>> env = ShogiTorchRL(ShogiVectorEnv(4))
        >>> env.rollout(3)["action_mask"].sum(-1)[:, 0].tolist()
        [30, 30, 30, 30]
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        games: Any = env
        if games.autoreset_mode != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"autoreset_mode is {games.autoreset_mode.value!r}; ShogiTorchRL needs 'SameStep'."
            )
        size = torch.Size((games.num_envs,))
        super().__init__(device="cpu", batch_size=size)
        self._games = games
        self._seed_of_next_reset: int | None = None
        self._begun = np.zeros(games.num_envs, np.bool_)
        self._first: dict[str, Tensor] = {}
        space = games.single_observation_space
        spaces: dict[str, Any] = {"observation": space}
        if isinstance(space, gym.spaces.Dict):
            spaces = cast(Any, space.spaces)
        self.observation_spec = Composite(
            {name: _observation_spec(each, size) for name, each in spaces.items()}, shape=size
        )
        self.action_spec = Categorical(int(games.single_action_space.n), shape=size)
        column = torch.Size((*size, 1))
        self.reward_spec = Unbounded(column)
        flag = Binary(1, column, dtype=torch.bool)
        self.done_spec = Composite({name: flag.clone() for name in _ENDS}, shape=size)

    def rand_action(self, tensordict: TensorDictBase | None = None) -> TensorDictBase:
        """Write a uniformly random legal action of each game into a TensorDict."""
        chosen = torch.from_numpy(self._games.sample_actions())
        if tensordict is None:
            return TensorDict({"action": chosen}, self.batch_size)
        return tensordict.set("action", chosen)

    def maybe_reset(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Go on with the next game wherever one is over; those have begun within the step."""
        if not self.any_done(tensordict):
            return tensordict
        # TorchRL would merge old and new rows by a mask; the rows kept here are right for all.
        keys = self.reset_keys
        return tensordict.update(self._reset(tensordict.select(*keys))).exclude(*keys)

    def _reset(self, tensordict: TensorDictBase | None = None, **_: Any) -> TensorDictBase:
        mask = None if tensordict is None else cast(Any, tensordict.get("_reset", None))
        if mask is None:
            obs, _ = self._games.reset(seed=self._seed_of_next_reset)
            self._seed_of_next_reset = None
            self._first = _tensors(obs)
        else:
            asked = cast(NDArray[np.bool_], mask.numpy()).reshape(-1)
            running = asked & ~self._begun
            if running.any():
                obs, _ = self._games.reset(options={"reset_mask": running})
                self._first = _tensors(obs)
        self._begun = np.zeros(len(self._begun), np.bool_)
        ends = {name: torch.zeros((*self.batch_size, 1), dtype=torch.bool) for name in _ENDS}
        return TensorDict(self._first | ends, self.batch_size)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        actions = cast(Tensor, tensordict["action"]).numpy()
        obs, rewards, terminations, truncations, infos = self._games.step(actions)
        self._first = last = _tensors(obs)
        self._begun = terminations | truncations
        if infos:
            ended = torch.from_numpy(np.flatnonzero(self._begun))
            final = [_tensors(each) for each in infos["final_obs"][self._begun]]
            last = {name: tensor.clone() for name, tensor in last.items()}
            for name, tensor in last.items():
                tensor[ended] = torch.stack([each[name] for each in final])
        outcome = {
            "reward": torch.from_numpy(rewards),
            "done": torch.from_numpy(self._begun),
            "terminated": torch.from_numpy(terminations),
            "truncated": torch.from_numpy(truncations),
        }
        columns = {name: tensor.unsqueeze(-1) for name, tensor in outcome.items()}
        return TensorDict(last | columns, self.batch_size)

    def _set_seed(self, seed: int | None) -> None:
        self._seed_of_next_reset = seed


def _observation_spec(space: Any, batch_size: torch.Size) -> Any:
    """The spec of N observations of a space of one; masks of a byte an action become bool."""
    size = torch.Size((*batch_size, *space.shape))
    if space.dtype == np.int8:
        return Binary(space.shape[-1], size, dtype=torch.bool)
    dtype = torch.uint8 if space.dtype == np.uint8 else torch.float32
    return Bounded(float(space.low.min()), float(space.high.max()), size, dtype=dtype)


def _tensors(obs: Any) -> dict[str, Tensor]:
    """Observations as tensors on the same memory; masks of a byte an action become bool."""
    arrays: dict[str, Any] = {"observation": obs}
    if isinstance(obs, dict):
        arrays = cast(Any, obs)
    return {
        name: torch.from_numpy(array.view(np.bool_) if array.dtype == np.int8 else array)
        for name, array in arrays.items()
    }
