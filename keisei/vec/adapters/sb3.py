"""N games for Stable-Baselines3, and for the masked algorithms of sb3-contrib."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# (Stable-Baselines3 leaves parts of its signatures open.)

import time
from collections.abc import Sequence
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import MASK_BYTES
from keisei.vec.env import ShogiVectorEnv

_MASK_SHAPES = ((NUM_ACTIONS,), (MASK_BYTES,))


class _Rows(list[Any]):
    """The rows of masks bool [N, 2187], which ``np.stack`` puts together again at no cost.

    sb3-contrib stacks the rows of ``env_method("action_masks")`` before each action. Copying them
    one by one takes about as long as a step of the games.
    """

    def __init__(self, masks: NDArray[np.bool_]) -> None:
        super().__init__(masks)
        self.masks = masks
        self[0] = masks[0].view(_FirstRow)


class _FirstRow(np.ndarray[Any, np.dtype[np.bool_]]):
    """A row like any other, by which NumPy finds out that its list is to be asked."""

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.stack and isinstance(args[0], _Rows) and not kwargs:
            return args[0].masks
        return super().__array_function__(func, types, args, kwargs)


class Sb3VecEnv(VecEnv):
    """A ``VecEnv`` over an environment with one player, such as ``OpponentVectorEnv``.

    Observations are the planes or the compact states alone. The masks, which would be stored twice
    and read as features, are left to ``action_masks``, where ``MaskablePPO`` looks for them; the
    environment says so by itself and needs no ``ActionMasker``.

    Games that go on share one empty info. Those that ended have "terminal_observation",
    "TimeLimit.truncated", "episode" (as ``Monitor`` writes it; the length counts the learner's
    moves), "is_success" (the learner won), and what the environment says of the end. No
    ``VecMonitor`` is needed.

    Args:
        env: The games, in the mode "SameStep". From now on only this environment may reset and step
            them.

    Raises:
        ValueError: When the environment has two players or another autoreset mode.

    Examples:
        >>> from keisei.vec import OpponentVectorEnv, ShogiVectorEnv
        >>> env = Sb3VecEnv(OpponentVectorEnv(ShogiVectorEnv(2, obs="compact"), "random"))
        >>> env.reset().shape
        (2, 100)
        >>> env.step(env.action_masks().argmax(axis=1))[1]
        array([0., 0.], dtype=float32)
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        games: Any = env
        if isinstance(env.unwrapped, ShogiVectorEnv):
            raise ValueError(
                "ShogiVectorEnv has two players, and the algorithms of Stable-Baselines3 know one; "
                "give OpponentVectorEnv(env, opponent) instead."
            )
        mode = games.metadata["autoreset_mode"]
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(f"autoreset_mode is {mode.value!r}; Sb3VecEnv needs 'SameStep'.")
        self.env = games
        space = games.single_observation_space
        self._position_name = self._mask_name = ""
        if isinstance(space, gym.spaces.Dict):
            entries = cast(dict[str, Any], space.spaces)
            for name, each in entries.items():
                if each.shape in _MASK_SHAPES:
                    self._mask_name = name
                else:
                    self._position_name = name
            space = entries[self._position_name]
        self._dense_masks: NDArray[np.bool_] | None = None
        self._actions = np.zeros(games.num_envs, np.int64)
        self._lengths = np.zeros(games.num_envs, np.int64)
        self._began = time.time()
        super().__init__(games.num_envs, space, games.single_action_space)

    def reset(self) -> Any:
        """Begin all games, with the seeds that ``seed`` has set, and return the observations."""
        seeded = all(each is not None for each in self._seeds)
        obs, _ = self.env.reset(seed=self._seeds if seeded else None)
        self._reset_seeds()
        self._reset_options()
        self._lengths[:] = 0
        return self._take(obs)

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take the actions int [N] of the coming step."""
        self._actions = actions

    def step_wait(self) -> Any:
        """Play them.

        Returns:
            Observations; rewards float32 [N]; dones bool [N]; a list of N infos.

        Raises:
            IllegalActionError: When an action is not legal.
        """
        obs, rewards, terminations, truncations, ends = self.env.step(self._actions)
        dones = terminations | truncations
        self._lengths += 1
        nothing: dict[str, Any] = {}
        infos = [nothing] * self.num_envs
        for game in np.flatnonzero(dones):
            infos[game] = self._end(ends, int(game), float(rewards[game]), truncations[game])
        self._lengths[dones] = 0
        return self._take(obs), rewards, dones, infos

    def action_masks(self) -> NDArray[np.bool_]:
        """Legal actions, bool [N, 2187], True = legal."""
        return self.env.action_masks() if self._dense_masks is None else self._dense_masks

    def get_images(self) -> Sequence[Any]:
        """A picture of each game, where the environment draws pictures."""
        return list(self.env.render())

    def has_attr(self, attr_name: str) -> bool:
        """Whether the environment has an attribute."""
        return hasattr(self.env, attr_name)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of the environment, once for each game asked for."""
        return [getattr(self.env, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the environment.

        Raises:
            ValueError: When only some games are named: they share their attributes.
        """
        if indices is not None:
            raise ValueError(f"indices={indices!r}: all games share {attr_name!r}; leave it out.")
        setattr(self.env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the environment once, and give each game asked for its row."""
        if method_name == "action_masks":
            rows: list[Any] = _Rows(self.action_masks())
        else:
            rows = list(getattr(self.env, method_name)(*method_args, **method_kwargs))
        return rows if indices is None else [rows[game] for game in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: Any = None) -> list[bool]:
        """True for ``Monitor``, whose work is done here, else False."""
        return [issubclass(wrapper_class, Monitor) for _ in self._get_indices(indices)]

    def close(self) -> None:
        """Close the games."""
        self.env.close()

    def _take(self, obs: Any) -> Any:
        """Observations without the masks, which are kept if they have a byte an action."""
        if self._mask_name and obs[self._mask_name].dtype == np.int8:
            self._dense_masks = obs[self._mask_name].view(np.bool_)
        return self._position(obs)

    def _position(self, obs: Any) -> Any:
        """Planes or state of one or all games, without the mask."""
        return obs[self._position_name] if self._position_name else obs

    def _end(
        self, ends: dict[str, Any], game: int, reward: float, truncated: np.bool_
    ) -> dict[str, Any]:
        """The info of a game that has just ended."""
        final: dict[str, Any] = ends["final_info"]
        said = {name: value[game] for name, value in final.items() if not name.startswith("_")}
        elapsed = round(time.time() - self._began, 6)
        return said | {
            "terminal_observation": self._position(ends["final_obs"][game]),
            "TimeLimit.truncated": bool(truncated),
            "episode": {"r": reward, "l": int(self._lengths[game]), "t": elapsed},
            "is_success": reward > 0,
        }
