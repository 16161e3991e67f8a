"""PPO of RLlib's new API stack against random play: python examples/rllib_ppo.py.

RLlib pins gymnasium==1.2.2, so it needs an environment of its own:
pip install keisei "ray[rllib]" torch.
"""

import argparse

from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.tune.registry import register_env

from keisei.vec.adapters.rllib import MaskedRLModule, make_env


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-envs", type=int, default=64)
    parser.add_argument("--num-steps", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--max-plies", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    register_env("keisei", make_env)
    rollout = args.num_envs * args.num_steps
    config = (
        PPOConfig()
        .environment("keisei", env_config={"max_plies": args.max_plies})
        .env_runners(
            num_env_runners=0,  # more of them are processes of Ray's
            num_envs_per_env_runner=args.num_envs,
            gym_env_vectorize_mode="vector_entry_point",
        )
        .rl_module(rl_module_spec=RLModuleSpec(module_class=MaskedRLModule))
        .training(train_batch_size=rollout, minibatch_size=rollout // 4, num_epochs=2, lr=5e-4)
        .debugging(seed=args.seed)
    )
    algorithm = config.build_algo()
    for iteration in range(args.iterations):
        result = algorithm.train()
        runners, learner = result["env_runners"], result["learners"]["default_policy"]
        print(
            f"iteration {iteration + 1}: {runners['num_env_steps_sampled_lifetime']:.0f} moves, "
            f"mean return {runners.get('episode_return_mean', float('nan')):+.2f}, "
            f"entropy {learner['entropy']:.2f}"
        )
    algorithm.stop()


if __name__ == "__main__":
    main()
