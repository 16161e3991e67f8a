"""Random games in plain NumPy, and how fast they go: python examples/numpy_rollout.py."""

import argparse
import time

from keisei.vec import ShogiVectorEnv


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-envs", type=int, default=256)
    parser.add_argument("--num-steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    env = ShogiVectorEnv(args.num_envs)
    obs, infos = env.reset(seed=args.seed)
    env.step(env.sample_actions())  # compiles the kernels or loads them

    games = black_wins = white_wins = 0
    started = time.perf_counter()
    for _ in range(args.num_steps):
        # A policy goes here: from obs["observation"] and obs["action_mask"].
        actions = env.sample_actions()
        obs, rewards, terminations, truncations, infos = env.step(actions)
        if "final_info" in infos:
            games += int((terminations | truncations).sum())
            black_wins += int((infos["final_info"]["winner"][terminations] == 0).sum())
            white_wins += int((infos["final_info"]["winner"][terminations] == 1).sum())
    seconds = time.perf_counter() - started

    print(f"{args.num_envs * args.num_steps / seconds:,.0f} plies a second")
    print(f"{games} games: {black_wins} won by Black, {white_wins} by White")


if __name__ == "__main__":
    main()
