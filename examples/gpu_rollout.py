"""Self-play on a GPU with compact observations: python examples/gpu_rollout.py.

The environment hands over 374 bytes a game; planes and masks are expanded on the device. Without a
GPU it runs on the CPU and says so.
"""

import argparse
import time

import torch

from keisei.rl.networks import build_network
from keisei.vec import ShogiVectorEnv


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-envs", type=int, default=2048)
    parser.add_argument("--num-steps", type=int, default=200)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--channels", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        print("No GPU found: this runs on the CPU.")
    torch.manual_seed(args.seed)
    network = build_network("resnet", blocks=args.blocks, channels=args.channels).to(device)
    env = ShogiVectorEnv(args.num_envs, obs="compact")
    obs, infos = env.reset(seed=args.seed)

    def to_device(array) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        if device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(device, non_blocking=True)

    @torch.no_grad()
    def act(obs) -> torch.Tensor:
        state, mask_bits = to_device(obs["state"]), to_device(obs["action_mask_bits"])
        uniforms = torch.rand(args.num_envs, device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            actions, log_probs, values = network.act(
                state, mask_bits, uniforms, deterministic=False
            )
        return actions.cpu()

    env.step(act(obs).numpy())  # compiles the kernels or loads them
    obs, infos = env.reset(seed=args.seed)
    games, started = 0, time.perf_counter()
    for _ in range(args.num_steps):
        obs, rewards, terminations, truncations, infos = env.step(act(obs).numpy())
        games += int((terminations | truncations).sum())
    seconds = time.perf_counter() - started
    plies = args.num_envs * args.num_steps
    print(f"{plies / seconds:,.0f} plies a second on {device}, {games} games ended")


if __name__ == "__main__":
    main()
