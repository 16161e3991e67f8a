"""A masked policy collects self-play in TorchRL: python examples/torchrl_collector.py."""

import argparse
import time

import torch
from tensordict.nn import TensorDictModule
from torch import Tensor, nn
from torchrl.collectors import Collector
from torchrl.modules import MaskedCategorical, ProbabilisticActor

from keisei.vec import ShogiVectorEnv
from keisei.vec.adapters.torchrl import ShogiTorchRL

NUM_PLANES, NUM_CLASSES = 47, 27


class Policy(nn.Module):
    """Logits [..., 2187] from planes uint8 [..., 47, 9, 9]: one plane for each class of moves."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(NUM_PLANES, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, NUM_CLASSES, 3, padding=1),
            nn.Flatten(),
        )

    def forward(self, planes: Tensor) -> Tensor:
        flat = planes.reshape(-1, NUM_PLANES, 9, 9).float() / 255
        return self.layers(flat).reshape(*planes.shape[:-3], -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-envs", type=int, default=64)
    parser.add_argument("--num-steps", type=int, default=64)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    env = ShogiTorchRL(ShogiVectorEnv(args.num_envs, max_plies=256))
    env.set_seed(args.seed)
    policy = ProbabilisticActor(
        TensorDictModule(Policy(), in_keys=["observation"], out_keys=["logits"]),
        in_keys={"logits": "logits", "mask": "action_mask"},
        distribution_class=MaskedCategorical,
        return_log_prob=True,
    )
    frames = args.num_envs * args.num_steps
    collector = Collector(
        env,
        policy,
        frames_per_batch=frames,
        total_frames=frames * args.batches,
        auto_register_policy_transforms=False,
    )
    started = time.perf_counter()
    for batch in collector:
        # An update goes here. Rewards are the mover's, and the next position is the opponent's.
        legal = batch["action_mask"].gather(-1, batch["action"].unsqueeze(-1))
        ended = batch["next", "done"].sum()
        print(f"{batch.numel()} plies, {ended} games ended, all legal: {bool(legal.all())}")
    seconds = time.perf_counter() - started
    print(f"{frames * args.batches / seconds:,.0f} plies a second")
    collector.shutdown()


if __name__ == "__main__":
    main()
