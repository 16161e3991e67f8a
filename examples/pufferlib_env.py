"""The games as a PufferLib environment: python examples/pufferlib_env.py plays some of them.

PufferLib 3 knows no masks, so an observation is the compact state (100 bytes), then the mask as
bits (274 bytes); a policy splits it and unpacks the bits as ``unpack`` does. Its pins (numpy<2,
gymnasium<=0.29) exclude those of keisei; this file is tried with the fork pufferlib-core.
"""

import argparse

import numpy as np
from gymnasium.spaces import Box, Discrete
from pufferlib import PufferEnv

from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.vec import OpponentVectorEnv, ShogiVectorEnv


def unpack(obs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States uint8 [N, 100] and masks bool [N, 2187], True = legal, of observations [N, 374]."""
    bits = np.unpackbits(obs[:, STATE_SIZE:], axis=1, bitorder="little")
    return obs[:, :STATE_SIZE], bits[:, :NUM_ACTIONS].astype(bool)


class ShogiPuffer(PufferEnv):
    """N games against an opponent inside the step; each place of a game is one agent."""

    def __init__(self, num_envs: int = 256, opponent="random", buf=None, **options) -> None:
        self.single_observation_space = Box(0, 255, (STATE_SIZE + MASK_BYTES,), np.uint8)
        self.single_action_space = Discrete(NUM_ACTIONS)
        self.num_agents = num_envs
        super().__init__(buf)
        games = ShogiVectorEnv(num_envs, obs="compact", **options)
        self.games = OpponentVectorEnv(games, opponent)

    def reset(self, seed=None):
        obs, _ = self.games.reset(seed=seed)
        self._write(obs)
        return self.observations, []

    def step(self, actions):
        obs, rewards, terminations, truncations, infos = self.games.step(actions)
        self._write(obs)
        self.rewards[:], self.terminals[:], self.truncations[:] = rewards, terminations, truncations
        logs = []
        if "final_info" in infos:
            ended, final = infos["_final_info"], infos["final_info"]
            won = final["result"][ended] == 1
            logs = [{"win_rate": won.mean(), "plies": final["plies"][ended].mean()}]
        return self.observations, self.rewards, self.terminals, self.truncations, logs

    def close(self) -> None:
        self.games.close()

    def _write(self, obs) -> None:
        self.observations[:, :STATE_SIZE] = obs["state"]
        self.observations[:, STATE_SIZE:] = obs["action_mask_bits"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-envs", type=int, default=256)
    parser.add_argument("--num-steps", type=int, default=500)
    args = parser.parse_args()
    env = ShogiPuffer(args.num_envs)
    obs, _ = env.reset(seed=0)
    ended = 0
    for _ in range(args.num_steps):
        _, masks = unpack(obs)
        obs, rewards, terminals, truncations, logs = env.step(masks.argmax(axis=1))
        ended += int((terminals | truncations).sum())
    print(f"{ended} games ended; the last log: {logs}")


if __name__ == "__main__":
    main()
