"""A small vector environment that may be given one fault."""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

LENGTH = 6
"""Steps of game 0; each other game takes one more than the one before it."""
ACTIONS = 4


class Walks(VectorEnv[Any, Any, Any]):
    """N random walks; an action may not be the one before.

    Args:
        mode: The autoreset mode.
        fault: The fault to plant; "" for none.
        num_envs: N.
    """

    def __init__(self, mode: str, fault: str = "", num_envs: int = 3) -> None:
        self.num_envs = num_envs
        self.fault = fault
        self.mode = AutoresetMode(mode)
        named: dict[str, Any] = {
            "no mode": {},
            "mode as text": {"autoreset_mode": mode},
            "other mode": {"autoreset_mode": AutoresetMode.NEXT_STEP},
        }
        self.metadata = named.get(fault, {"autoreset_mode": self.mode})
        self.render_mode = "ansi"
        self.single_observation_space = spaces.Dict(
            {
                "place": spaces.Box(-10, 10, (2,), np.float32),
                "action_mask": spaces.Box(0, 1, (ACTIONS,), np.int8),
            }
        )
        self.single_action_space = spaces.Discrete(ACTIONS)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        batch = num_envs + 1 if fault == "space of more games" else num_envs
        self.action_space = batch_space(self.single_action_space, batch)
        self.randoms = [np.random.default_rng() for _ in range(num_envs)]
        self.place = np.zeros((num_envs, 2), np.float32)
        self.last = np.full(num_envs, -1)
        self.steps = np.zeros(num_envs, np.int64)
        self.over = np.zeros(num_envs, np.bool_)
        self.buffer = np.zeros((num_envs, 2), np.float32)
        self.reward_buffer = np.zeros(num_envs)
        self.closings = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        mask = np.ones(self.num_envs, np.bool_)
        if options is not None and "reset_mask" in options:
            mask = options["reset_mask"].copy()
            if self.fault == "mask taken out":
                options.pop("reset_mask")
            if self.fault == "mask written to":
                options["reset_mask"][:] = False
            if self.fault == "resets all":
                mask[:] = True
            if self.fault == "resets none":
                mask[:] = False
        if self.fault == "always the same seed" and seed is None:
            seed = 0
        if seed is not None and self.fault != "seed not looked at":
            shared = self.fault == "one seed for all"
            self.randoms = [
                np.random.default_rng(seed if shared else seed + i) for i in range(self.num_envs)
            ]
        self._begin(mask)
        infos: dict[str, Any] = {"begun": np.ones(self.num_envs), "_begun": mask}
        if self.fault == "reset infos of all":
            infos["_begun"] = np.ones(self.num_envs, np.bool_)
        return self._obs() if self.fault == "no infos" else (self._obs(), infos)

    def step(self, actions: Any) -> Any:
        resting = self.over & (self.mode == AutoresetMode.NEXT_STEP)
        if self.fault == "rests not":
            self._begin(resting)
            resting = np.zeros_like(resting)
        moving = ~resting
        if (actions == self.last)[moving].any():
            raise ValueError("An action was the one before.")
        noise = [
            (np.random.default_rng() if self.fault == "noise" else random).normal(size=2)
            for random in self.randoms
        ]
        moves = np.array(noise) / 9 + actions[:, None] / 9
        self.place = np.where(moving[:, None], self.place + moves, self.place).astype(np.float32)
        self.last = np.where(moving, actions, self.last)
        self.steps += moving
        ended = moving & (self.steps >= LENGTH + np.arange(self.num_envs))
        rewards = np.where(moving | (self.fault == "reward at rest"), 1.0, 0.0)
        infos = self._infos(ended)
        self.over = ended.copy()
        finals = self._finals(ended)
        if self.fault != "never begins":
            self._begin(resting)
        if self.mode == AutoresetMode.SAME_STEP or self.fault == "begins at once":
            self._begin(ended)
            infos |= finals
        if self.fault == "final of the next game":
            infos |= self._finals(ended)
        return self._results(rewards, ended, infos)

    def _begin(self, mask: NDArray[np.bool_]) -> None:
        for game in np.flatnonzero(mask):
            self.place[game] = self.randoms[game].normal(size=2)
            self.last[game] = -1
            self.steps[game] = 0
            self.over[game] = False

    def _mask(self) -> NDArray[np.int8]:
        mask = (np.arange(ACTIONS) != self.last[:, None]).astype(np.int8)
        if self.fault == "nothing legal":
            mask[:] = 0
        if self.fault == "mask of all":
            mask[:] = 1
        return mask

    def action_masks(self) -> NDArray[np.bool_]:
        masks = self._mask().astype(np.bool_)
        return ~masks if self.fault == "masks differ" else masks

    def _obs(self) -> Any:
        place: Any = self.place.copy()
        if self.fault == "obs overwritten":
            self.buffer[:] = place
            place = self.buffer
        if self.fault == "float64":
            place = place.astype(np.float64)
        if self.fault == "obs of another shape":
            place = place[:, None]
        if self.fault == "obs as a list":
            place = place.tolist()
        if self.fault == "NaN":
            place[0, 1] = np.nan
        if self.fault == "out of bounds":
            place[0, 1] = 11
        obs = {"place": place, "action_mask": self._mask()}
        if self.fault == "a key missing":
            del obs["action_mask"]
        return obs

    def _finals(self, ended: NDArray[np.bool_]) -> dict[str, Any]:
        if not ended.any() or self.fault == "no final_obs":
            return {}
        finals = np.full(self.num_envs, None, dtype=object)
        for game in np.flatnonzero(ended):
            place = self.place[game].copy()
            if self.fault == "final_obs overwritten":
                self.buffer[game] = place
                place = self.buffer[game]
            if self.fault == "final of another type":
                place = place.astype(np.float64)
            finals[game] = {"place": place, "action_mask": self._mask()[game]}
        marked = np.ones_like(ended) if self.fault == "final mask wrong" else ended.copy()
        if self.fault == "final of None":
            finals[:] = None
        return {"final_obs": finals, "_final_obs": marked}

    def _infos(self, ended: NDArray[np.bool_]) -> dict[str, Any]:
        infos: dict[str, Any] = {"steps": self.steps.copy(), "_steps": np.ones_like(ended)}
        if self.fault == "no mask in infos":
            del infos["_steps"]
        if self.fault == "mask of numbers in infos":
            infos["_steps"] = np.ones(self.num_envs)
        if self.fault == "short infos":
            infos["steps"] = infos["steps"][1:]
        return infos

    def _results(self, rewards: Any, ended: Any, infos: Any) -> Any:
        self.buffer += self.fault == "final_obs overwritten"
        if self.fault == "rewards overwritten":
            self.reward_buffer[:] = rewards * self.place[:, 0]
            rewards = self.reward_buffer
        changed: dict[str, Any] = {
            "whole rewards": rewards.astype(np.int64),
            "rewards of another shape": rewards[:, None],
            "reward of all": 1.0,
            "NaN rewards": np.full(self.num_envs, np.nan),
        }
        rewards = changed.get(self.fault, rewards)
        truncations: Any = ended.copy()
        if self.fault == "flags of numbers":
            truncations = ended.astype(np.uint8)
        if self.fault == "one flag":
            truncations = bool(ended.any())
        if self.fault == "infos as a list":
            infos = [infos] * self.num_envs
        obs = self._obs()
        if self.fault == "four results":
            return obs, rewards, truncations, infos
        return obs, rewards, np.zeros(self.num_envs, np.bool_), truncations, infos

    def render(self) -> Any:
        frames = tuple(str(place) for place in self.place)
        return frames[1:] if self.fault == "a frame missing" else frames

    def close_extras(self, **kwargs: Any) -> None:
        del kwargs

    def close(self, **kwargs: Any) -> None:
        self.closings += 1
        if self.fault == "closes once" and self.closings > 1:
            raise RuntimeError("closed already")
        super().close(**kwargs)
