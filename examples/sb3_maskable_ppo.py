"""MaskablePPO of sb3-contrib learns to beat random play: python examples/sb3_maskable_ppo.py."""

import argparse

import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.evaluation import evaluate_policy
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from torch import Tensor, nn
from torch.nn import functional

from keisei.vec import OpponentVectorEnv, ShogiVectorEnv
from keisei.vec.adapters.sb3 import Sb3VecEnv

CODES, FLAGS, CLASSES, SQUARES = 31, 17, 27, 81  # flags: hands, check, repetition, colour
SIDES = [0.0] + [1.0] * 14 + [0.0] * 2 + [-1.0] * 14 + [1.0] * 7 + [-1.0] * 7 + [0.0] * 3


class Heads(nn.Module):
    """Logits from a convolution, whose weights all squares share, and a value from material."""

    latent_dim_pi, latent_dim_vf = CLASSES * SQUARES, CODES + FLAGS

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Conv2d(CODES + FLAGS, CLASSES, 3, padding=1, bias=False)
        nn.init.zeros_(self.logits.weight)

    def forward(self, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_actor(state), self.forward_critic(state)

    def forward_actor(self, state: Tensor) -> Tensor:
        board = functional.one_hot(state[:, :SQUARES].long(), CODES).mT.float()
        flags = (state[:, SQUARES:98, None] / 4).expand(-1, -1, SQUARES)
        return self.logits(torch.cat([board, flags], 1).unflatten(-1, (9, 9))).flatten(1)

    def forward_critic(self, state: Tensor) -> Tensor:
        counts = functional.one_hot(state[:, :SQUARES].long(), CODES).sum(1)
        return torch.cat([counts / 2, state[:, SQUARES:98] / 4], 1)


class Policy(MaskableActorCriticPolicy):
    """The policy of Stable-Baselines3 with these heads, and nothing behind the logits."""

    def _build(self, lr_schedule) -> None:
        super()._build(lr_schedule)
        self.mlp_extractor, self.action_net = Heads(), nn.Identity()
        self.value_net = nn.Linear(Heads.latent_dim_vf, 1)
        self.value_net.weight.data = 0.1 * torch.tensor([SIDES])  # begins by counting pieces
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--total-timesteps", type=int, default=50_000)
    parser.add_argument("--games", type=int, default=256, help="of each evaluation")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    def make_env(num_envs: int, seed: int) -> Sb3VecEnv:
        env = Sb3VecEnv(OpponentVectorEnv(ShogiVectorEnv(num_envs, obs="compact"), "random"))
        env.seed(seed)
        return env

    options = {"n_steps": 64, "batch_size": 512, "n_epochs": 4, "learning_rate": 1e-2}
    options |= {"gamma": 0.995, "gae_lambda": 0.95, "seed": args.seed, "device": "cpu"}
    model = MaskablePPO(Policy, make_env(32, args.seed), **options)
    for moves in (0, args.total_timesteps):
        model.learn(moves)
        judge = make_env(args.games, args.seed + 1)
        returns, _ = evaluate_policy(
            model, judge, args.games, deterministic=False, return_episode_rewards=True
        )
        wins, losses = (sum(each == result for each in returns) for result in (1, -1))
        print(f"after {moves} moves: {wins / args.games:.0%} won, {losses / args.games:.0%} lost")


if __name__ == "__main__":
    main()
