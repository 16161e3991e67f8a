"""Whether a policy knows how sure it may be: probabilities against a search, values against ends.

    PYTHONPATH=. python benchmarks/reliability.py [POLICY] [--nodes 512] [--svg FILE]

POLICY is a policy.safetensors, a checkpoint or a run folder; without one it is the shipped policy,
and the picture is reliability.svg beside this file. The policy plays games with itself, its moves
sampled, of which half begin with 16 random plies. Each value is compared with the end of its game.
In some of the positions a search of so many nodes chooses a move: how often is it one to which the
policy gives such a probability, and by which temperature do the logits have to be divided for the
policy to foretell the search best (the temperature of least cross-entropy; Guo et al., "On
Calibration of Modern Neural Networks", arXiv:1706.04599)?
"""

import argparse
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.cli.players import policy_file
from keisei.games.standing import Standing
from keisei.players.descriptions import SHIPPED_POLICY
from keisei.players.player import Evaluation
from keisei.players.policy import NetworkEvaluator, PolicyPlayer
from keisei.players.positions import Positions
from keisei.search.search import Search
from keisei.search.settings import SearchSettings
from keisei.training.model_manager import load_policy
from keisei.vec import ShogiVectorEnv

Floats = NDArray[np.float64]

PICTURE = Path(__file__).with_name("reliability.svg")
GAMES, RANDOM_PLIES, MAX_PLIES = 256, 16, 320
ASKED_EVERY, ASKED = 8, 32
"""After so many plies a search is asked about so many games."""
TEMPERATURES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
PROBABILITY_EDGES = np.array([0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1])
VALUE_EDGES = np.linspace(-1, 1, 11)
SIDE, GAP, INK, OURS, GRID = 300, 70, "#222222", "#2f6f4f", "#dddddd"


@dataclass(frozen=True)
class Curve:
    """What was said and what came, in bins.

    Attributes:
        said: mean of each bin.
        came: mean of what came of it.
        counts: how many it holds.
    """

    said: Floats
    came: Floats
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, said: Floats, came: Floats, edges: Floats) -> "Curve":
        """The curve of numbers float64 [n] and of what came of each, without empty bins."""
        bins = np.clip(np.digitize(said, edges) - 1, 0, len(edges) - 2)
        counts = np.bincount(bins, minlength=len(edges) - 1)
        full = counts > 0
        sums = (np.bincount(bins, each, len(edges) - 1)[full] for each in (said, came))
        means = [each / counts[full] for each in sums]
        return cls(means[0], means[1], counts[full])

    def error(self) -> float:
        """The expected calibration error (equation 3 of the source above)."""
        return float(np.average(np.abs(self.said - self.came), weights=self.counts))


@dataclass
class Answers:
    """Of all positions that were asked about, their moves one after the other.

    Attributes:
        log_probs: of the moves, by the policy.
        is_chosen: whether the search chose the move.
        offsets: where the moves of each position begin.
    """

    log_probs: Floats
    is_chosen: NDArray[np.bool_]
    offsets: NDArray[np.int64]

    def cross_entropy(self, temperature: float) -> float:
        """Of the search's moves, with the logits divided by a temperature."""
        logits = self.log_probs / temperature
        starts = self.offsets[:-1]
        tops = np.maximum.reduceat(logits, starts)
        counts = np.diff(self.offsets)
        sums = np.add.reduceat(np.exp(logits - np.repeat(tops, counts)), starts)
        return float((tops + np.log(sums) - logits[self.is_chosen]).mean())


class _Asked:
    """What a search said of some positions, one position after the other."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._log_probs: list[Floats] = []
        self._is_chosen: list[NDArray[np.bool_]] = []

    def ask(self, standing: Standing, evaluation: Evaluation) -> None:
        """Let the search choose in the games that are meant."""
        chosen = self._search.run(standing).actions
        for game, action in zip(standing.games, chosen, strict=True):
            moves = slice(evaluation.offsets[game], evaluation.offsets[game + 1])
            self._log_probs.append(evaluation.log_probs[moves].astype(np.float64))
            self._is_chosen.append(evaluation.actions[moves] == action)

    def answers(self) -> Answers:
        """All of it."""
        counts = [0, *map(len, self._log_probs)]
        joined = np.concatenate(self._log_probs), np.concatenate(self._is_chosen)
        return Answers(*joined, np.cumsum(counts))


def play(policy: Path, nodes: int, seed: int) -> tuple[Curve, Answers]:
    """The curve of values, and what a search says, of one game in each of GAMES slots."""
    network = load_policy(policy)
    evaluator, player = NetworkEvaluator(network), PolicyPlayer(network, seed=seed)
    asked = _Asked(Search(evaluator.for_search(), evaluator.settled(SearchSettings(nodes=nodes))))
    rng = np.random.default_rng(seed)
    env = ShogiVectorEnv(GAMES, obs="compact", max_plies=MAX_PLIES)
    obs, _ = env.reset(seed=seed)
    goes_on, values, results = np.ones(GAMES, np.bool_), list[Floats](), np.zeros((2, GAMES))
    for ply in range(MAX_PLIES):
        positions = Positions(obs["state"], obs["action_mask_bits"])
        evaluation = evaluator.evaluate(positions)
        values.append(np.where(goes_on, evaluation.values, np.nan))
        if ply >= RANDOM_PLIES and ply % ASKED_EVERY == 0:
            running = np.flatnonzero(goes_on)
            some = np.sort(rng.choice(running, min(ASKED, len(running)), replace=False))
            asked.ask(env.standing(some.tolist()), evaluation)
        actions = player.choose(positions)
        if ply < RANDOM_PLIES:
            by_chance = np.arange(GAMES) < GAMES // 2
            actions = np.where(by_chance, env.sample_actions(), actions)
        obs, rewards, terminated, truncated, _ = env.step(actions)
        ended = goes_on & (terminated | truncated)
        # To who moves at even plies, and at odd ones.
        mover = rewards * (-1.0) ** ply
        results[:, ended] = np.stack([mover, -mover])[:, ended]
        goes_on &= ~ended
        if not goes_on.any():
            break
    said, came = np.stack(values), np.resize(results, (len(values), GAMES))
    known = ~np.isnan(said)
    known[:RANDOM_PLIES] = False
    return Curve.of(said[known], came[known], VALUE_EDGES), asked.answers()


def panel(place: int, title: str, curve: Curve, low: float) -> str:
    """A square of the picture: what came over what was said, and where both are alike."""
    left, top = 50 + place * (SIDE + GAP), 40

    def at(said: float, came: float) -> str:
        x, y = ((each - low) / (1 - low) * SIDE for each in (said, came))
        return f"{left + x:.1f},{top + SIDE - y:.1f}"

    places = " ".join(at(*each) for each in zip(curve.said, curve.came, strict=True))
    dots = "".join(
        '<circle cx="{}" cy="{}" r="4"/>'.format(*each.split(",")) for each in places.split()
    )
    return (
        f'<text x="{left}" y="{top - 14}" font-size="15">{escape(title)}</text>'
        f'<rect x="{left}" y="{top}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{GRID}"/>'
        f'<polyline points="{at(low, low)} {at(1, 1)}" stroke="{GRID}"/>'
        f'<polyline points="{places}" fill="none" stroke="{OURS}" stroke-width="2"/>'
        f'<g fill="{OURS}">{dots}</g>'
        f'<text x="{left}" y="{top + SIDE + 18}">{low:g}</text>'
        f'<text x="{left + SIDE}" y="{top + SIDE + 18}" text-anchor="end">1</text>'
    )


def picture(panels: list[str]) -> str:
    """An SVG of the panels."""
    width, height = 60 + len(panels) * (SIDE + GAP), SIDE + 80
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="13" fill="{INK}">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(panels)}</svg>\n'
    )


def main() -> None:
    """Play, ask, print the tables and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("policy", type=Path, nargs="?", default=SHIPPED_POLICY)
    parser.add_argument("--nodes", type=int, default=512, help="of the search that is asked")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--svg", type=Path, default=PICTURE)
    given = parser.parse_args()
    torch.set_num_threads(1)
    values, answers = play(policy_file(given.policy), given.nodes, given.seed)
    probabilities = Curve.of(
        np.exp(answers.log_probs), answers.is_chosen.astype(np.float64), PROBABILITY_EDGES
    )
    for title, curve in (("probability", probabilities), ("value", values)):
        print(f"| {title} | what came | how many |\n|---:|---:|---:|")
        for row in zip(curve.said, curve.came, curve.counts, strict=True):
            print("| {:.4f} | {:.4f} | {} |".format(*row))
        print(f"\nExpected calibration error {curve.error():.4f}.\n")
    print("| temperature | cross-entropy of the search's moves |\n|---:|---:|")
    for temperature in TEMPERATURES:
        print(f"| {temperature:g} | {answers.cross_entropy(temperature):.4f} |")
    panels = [
        panel(0, f"Chosen by {given.nodes} nodes, by probability", probabilities, 0.0),
        panel(1, "Result by value", values, -1.0),
    ]
    given.svg.write_text(picture(panels), "utf-8")


if __name__ == "__main__":
    main()
