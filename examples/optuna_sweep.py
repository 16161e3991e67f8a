"""Optuna searches for settings of the trainer: python examples/optuna_sweep.py --trials 20."""

import argparse
import time
from pathlib import Path

import optuna

from keisei.config_file import load_config
from keisei.training.callbacks import Callback, RunView
from keisei.training.trainer import Trainer

SEEDS = (0, 1)
REPORTS = 10  # of each seed at most, at equal times in all trials


class Judge(Callback):
    """Tells Optuna the scores of a run, and ends it when its time is over or it is hopeless."""

    def __init__(self, trial: optuna.Trial, seed: int, seconds: float) -> None:
        self.trial, self.seed, self.seconds = trial, seed, seconds
        self.begin, self.score, self.is_pruned, self.reported = 0.0, 0.0, False, 0

    def on_training_start(self, run: RunView) -> None:
        self.begin = time.process_time()  # of the processor, so that a busy machine is fair
        run.log(f"Trial {self.trial.number} with {self.trial.params}")

    def on_step_end(self, run: RunView) -> None:
        share = (time.process_time() - self.begin) / self.seconds
        self.score = run.metrics.row.get("eval/score", self.score)  # of the newest evaluation
        reports = min(int(share * REPORTS), REPORTS)
        if reports > self.reported:
            self.reported = reports
            self.trial.report(self.score, self.seed * REPORTS + reports)
            self.is_pruned = self.trial.should_prune()
        if self.is_pruned or share >= 1:
            run.request_stop("pruned" if self.is_pruned else "its time is over")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5.0, help="of the processor, each seed")
    parser.add_argument("--opponent", default="greedy", help="whom to score against")
    parser.add_argument("--games", type=int, default=100, help="of each evaluation")
    parser.add_argument("--every-updates", type=int, default=10, help="between evaluations")
    parser.add_argument("--num-envs", type=int, default=256)
    parser.add_argument("--folder", type=Path, default=Path("runs/sweep"))
    args = parser.parse_args()

    def objective(trial: optuna.Trial) -> float:
        settings = {
            "training.learning_rate": trial.suggest_float("learning_rate", 1e-4, 3e-3, log=True),
            "training.ent_coef": trial.suggest_float("ent_coef", 1e-3, 3e-2, log=True),
            "training.gae_lambda": trial.suggest_float("gae_lambda", 0.8, 0.98),
            "training.lr_schedule": "constant",  # nobody knows how many plies fit into the time
            "env.num_envs": args.num_envs,
            "evaluation.opponents": [args.opponent],
            "evaluation.num_games": args.games,
            "evaluation.every_updates": args.every_updates,
            "display.mode": "quiet",
        }
        scores = []
        for seed in SEEDS:
            own = {"session.seed": seed, "session.run_dir": args.folder / f"{trial.number}-{seed}"}
            judge = Judge(trial, seed, 60 * args.minutes)
            Trainer(load_config(overrides=settings | own), callbacks=(judge,)).run()
            if judge.is_pruned:
                raise optuna.TrialPruned
            scores.append(judge.score)
        return sum(scores) / len(scores)

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner())
    study.optimize(objective, n_trials=args.trials)
    print(f"{len(study.trials)} trials, the best with {study.best_value:.0%}: {study.best_params}")


if __name__ == "__main__":
    main()
