"""Two agents play one game after another in PettingZoo's loop: one greedy, one random.

The greedy one takes a piece when it can: it sees whose pieces stand where from its own side, as
each agent of ``ShogiAEC`` does.
"""

import argparse

import numpy as np

from keisei.vec.adapters.pettingzoo import ShogiAEC

ENEMY_PIECES = slice(14, 28)


def greedy_action(obs: dict[str, np.ndarray], rng: np.random.Generator) -> int:
    """A legal action that lands on an enemy piece, or any legal one."""
    legal = np.flatnonzero(obs["action_mask"])
    enemies = obs["observation"][ENEMY_PIECES].any(axis=0).reshape(81)
    captures = legal[enemies[legal % 81]]  # an action is 81 * class + destination
    return int(rng.choice(captures if captures.size else legal))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    env = ShogiAEC(max_plies=256)
    score = dict.fromkeys(env.possible_agents, 0.0)
    for game in range(args.games):
        env.reset(seed=args.seed + game)
        greedy = env.possible_agents[game % 2]
        for agent in env.agent_iter():
            obs, reward, termination, truncation, info = env.last()
            score[agent] += reward * (1 if agent == greedy else 0)
            if termination or truncation:
                action = None
            elif agent == greedy:
                action = greedy_action(obs, rng)
            else:
                action = int(rng.choice(np.flatnonzero(obs["action_mask"])))
            env.step(action)
    print(f"{args.games} games, the greedy player's wins less losses: {sum(score.values()):+.0f}")


if __name__ == "__main__":
    main()
