r"""Fair trials of settings: the same processor time and seeds for all, judged on the ladder.

    .venv/bin/python benchmarks/trials.py OUT --seconds 120 --seeds 1 2 \
        --arm "half:training.ply_share=0.5" --arm "mates:training.mate_coef=1"

trains "base", which is the settings as they are (or as --config has them), and each arm, whose
settings follow its name, once a seed. How many plies fill the processor seconds is measured for
each arm first, with a shorter run. Then the most probable moves of each policy play
against rungs of the ladder, and its sampled moves against those of base with the same seed. What
lies in OUT already is not done again, so that a trial goes on where it was stopped. Prints a table.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BASE = "base"
_FIRST_PLIES, _LEAST_PLIES, _PLIES_A_SECOND = 65_536, 131_072, 1500


@dataclass(frozen=True)
class Arm:
    """Settings that are tried."""

    name: str
    settings: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Arm":
        """An arm from ``NAME:KEY=VALUE,KEY=VALUE``."""
        name, _, settings = text.partition(":")
        return cls(name, tuple(each for each in settings.split(",") if each))


@dataclass(frozen=True)
class Trial:
    """What all arms have in common."""

    out: Path
    seconds: float
    config: Path | None
    rungs: str
    games: int

    def train(self, arm: Arm, seed: int, plies: int, run: Path) -> float:
        """Train a run in the folder; its processor seconds."""
        spent = run / "seconds.txt"
        if spent.exists():
            return float(spent.read_text("utf-8"))
        command = [sys.executable, "-m", "keisei.cli", "train", "--quiet", "--seed", str(seed)]
        command += ["--run-dir", str(run), "--total-timesteps", str(plies), "--device", "cpu"]
        if self.config is not None:
            command += ["--config", str(self.config)]
        settings = ("evaluation.every_updates=0", "session.checkpoint_every=1000000")
        for setting in (*settings, *arm.settings):
            command += ["--set", setting]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        spent.write_text(f"{seconds:.1f}", "utf-8")
        return seconds

    def plies_of(self, arm: Arm) -> int:
        """How many plies an arm plays in the time of the trial."""
        place = self.out / arm.name
        self.train(arm, 0, _FIRST_PLIES, place / "warm")  # compiles what is not there yet
        little = self.train(arm, 0, _FIRST_PLIES, place / "start")
        fifth = int(_LEAST_PLIES + self.seconds * _PLIES_A_SECOND)
        much = self.train(arm, 0, fifth, place / "pace")
        rate = (fifth - _FIRST_PLIES) / (much - little)
        return int(rate * self.seconds) // 16384 * 16384

    def ladder(self, run: Path) -> str:
        """Elo of the most probable moves against the rungs, with the interval."""
        out = run / "ladder"
        if not (out / "ladder.json").exists():
            command = [sys.executable, "-m", "keisei.cli", "eval", f"{run}?argmax", "--ladder"]
            command += ["--rungs", self.rungs, "--games", str(self.games), "--seed", "7"]
            subprocess.run([*command, "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
        found = json.loads((out / "ladder.json").read_text("utf-8"))
        own = next(each for each in found["ratings"] if each["name"].startswith(str(run)))
        return f"{own['elo']:.0f} ({own['low']:.0f} to {own['high']:.0f})"

    def against(self, run: Path, other: Path) -> str:
        """Elo of the sampled moves against those of another run."""
        told = run / "match.txt"
        if not told.exists():
            command = [sys.executable, "-m", "keisei.cli", "match", str(run), str(other)]
            done = subprocess.run(
                [*command, "--games", "400", "--seed", "7"],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            told.write_text(done.stdout, "utf-8")
        line = re.search(r"Elo\s+(\S+)\s+\(95% interval (\S+) to (\S+)\)", told.read_text("utf-8"))
        return f"{line[1]} ({line[2]} to {line[3]})" if line else "all or nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--arm", action="append", default=[], help="NAME:KEY=VALUE,KEY=VALUE")
    parser.add_argument("--seconds", type=float, default=120.0, help="processor time of a run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--config", type=Path)
    parser.add_argument("--rungs", default="nodes 1,nodes 100")
    parser.add_argument("--games", type=int, default=200, help="against each rung")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    trial = Trial(given.out, given.seconds, given.config, given.rungs, given.games)
    arms = [Arm(BASE, ()), *map(Arm.of, given.arm)]
    print("| arm | seed | plies | processor s | Elo, argmax | Elo against base, sampled |")
    print("|---|---|---|---|---|---|", flush=True)
    for arm in arms:
        plies = trial.plies_of(arm)
        for seed in given.seeds:
            run = trial.out / arm.name / str(seed)
            seconds = trial.train(arm, seed, plies, run)
            against = "" if arm.name == BASE else trial.against(run, trial.out / BASE / str(seed))
            row = arm.name, seed, f"{plies:,}", f"{seconds:.0f}", trial.ladder(run), against
            print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    main()
