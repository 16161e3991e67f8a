"""Self-play PPO in CleanRL's style, in one file: python examples/cleanrl_ppo.py.

What differs from cleanrl/ppo.py: the logits are masked; both players of a game share a column of
the rollout, so the next value and advantage are the opponent's and enter with a minus sign.
"""

import argparse

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

from keisei.vec import ShogiVectorEnv


class Agent(nn.Module):
    """Logits and value [-1, 1] to the player to move, from planes [B, 47, 9, 9]."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(47, channels, 3, padding=1), nn.ReLU())
        self.actor = nn.Conv2d(channels, 27, 1)
        self.critic = nn.Linear(channels, 1)

    def evaluate(self, obs, masks, actions=None):
        hidden = self.network(obs)
        logits = self.actor(hidden).flatten(1).masked_fill(~masks, -1e9)
        policy = Categorical(logits=logits)
        actions = policy.sample() if actions is None else actions
        value = self.critic(hidden.mean((2, 3))).squeeze(-1).tanh()
        return actions, policy.log_prob(actions), policy.entropy(), value


parser = argparse.ArgumentParser(description=__doc__)
for name, default in (("num-envs", 64), ("num-steps", 64), ("iterations", 10), ("seed", 0)):
    parser.add_argument(f"--{name}", type=int, default=default)
args = parser.parse_args()
T, N, gamma, gae_lambda = args.num_steps, args.num_envs, 0.997, 0.9
torch.manual_seed(args.seed)
envs = ShogiVectorEnv(N, obs="box", dtype="float32", max_plies=256)
agent = Agent()
optimizer = torch.optim.Adam(agent.parameters(), lr=1e-3, eps=1e-5)
obs, masks = torch.zeros(T, N, 47, 9, 9), torch.zeros(T, N, 2187, dtype=torch.bool)
actions, logprobs = torch.zeros(T, N, dtype=torch.long), torch.zeros(T, N)
rewards, dones, values = torch.zeros(T, N), torch.zeros(T, N), torch.zeros(T + 1, N)
next_obs, _ = envs.reset(seed=args.seed)

for iteration in range(args.iterations):
    with torch.no_grad():
        for step in range(T):
            obs[step], masks[step] = torch.tensor(next_obs), torch.tensor(envs.action_masks())
            actions[step], logprobs[step], _, values[step] = agent.evaluate(obs[step], masks[step])
            next_obs, reward, ends, cuts, infos = envs.step(actions[step].numpy())
            if cuts.any():  # a game cut off goes on in the value of its last position
                last = torch.tensor(np.stack(infos["final_obs"][cuts]))
                anything = torch.ones(len(last), 2187, dtype=torch.bool)
                reward[cuts] -= gamma * agent.evaluate(last, anything)[3].numpy()
            rewards[step], dones[step] = torch.tensor(reward), torch.tensor(ends | cuts).float()
        masks_now = torch.tensor(envs.action_masks())
        values[T] = agent.evaluate(torch.tensor(next_obs), masks_now)[3]
        advantages, following = torch.zeros(T, N), torch.zeros(N)
        for t in reversed(range(T)):
            delta = rewards[t] - gamma * values[t + 1] * (1 - dones[t]) - values[t]
            advantages[t] = following = delta - gamma * gae_lambda * (1 - dones[t]) * following
    batch = [x.flatten(0, 1) for x in (obs, masks, actions, logprobs, advantages)]
    batch.append((advantages + values[:T]).flatten())
    for rows in torch.randperm(T * N).repeat(2).chunk(8):  # two epochs of four minibatches
        o, m, a, old, advantage, target = (x[rows] for x in batch)
        _, new, entropy, value = agent.evaluate(o, m, a)
        ratio = (new - old).exp()
        gain = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        loss = -torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
        loss = loss + 0.5 * (value - target).square().mean() - 0.01 * entropy.mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
        optimizer.step()
    print(f"iteration {iteration + 1}: loss {loss:.3f}, games ended {int(dones.sum())}")
