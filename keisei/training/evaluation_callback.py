"""Matches of the learner against fixed opponents, and the checkpoint that did best in them."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from typing_extensions import override

from keisei.config_schema import ConfigError
from keisei.evaluation.ladder import ANCHOR, RUNGS, known_pairings
from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.mate_watch import MateWatch
from keisei.evaluation.ratings import Pairing, fit_ratings
from keisei.evaluation.results import MatchResult, MatesInOne, scatter_interval
from keisei.files import write_text, write_whole
from keisei.players.descriptions import PlayerDescriptionError, parse_player
from keisei.players.opened import PolicyLoader, open_player, require_present
from keisei.players.policy import PolicyPlayer
from keisei.players.usi_client import EngineError
from keisei.training.callbacks import Callback, RunView
from keisei.training.checkpoint import read_checkpoint, require

_OPENING_PLIES = 4
_LEARNER = "learner"
_NO_SCORE = -1.0


class EvaluationCallback(Callback):
    """Plays matches against fixed opponents; the training's random streams stay untouched.

    The best score so far is remembered in ``best.json`` beside its checkpoint ``best.pt``, which no
    newer checkpoint pushes out. A run that goes on from before that point looks for a best anew.
    The score is written before any checkpoint of its timestep, so that a run which goes on from
    there knows that it may have died before the copy was made, and makes it.
    """

    def __init__(self, seed: int, opponents: Sequence[str], load_policy: PolicyLoader) -> None:
        """Take what the matches need.

        Args:
            seed: From which the seeds of all matches follow.
            opponents: Descriptions of players.
            load_policy: Loads those that are networks.

        Raises:
            ConfigError: A text describes no player, or an engine that is not installed.
        """
        self._seed = seed
        self._load_policy = load_policy
        self._best_score = _NO_SCORE
        self._improved = False
        try:
            self._opponents = [parse_player(text) for text in opponents]
            for opponent in self._opponents:
                require_present(opponent)
        except (PlayerDescriptionError, EngineError) as error:
            raise ConfigError(f"evaluation.opponents: {error}") from None

    @override
    def on_training_start(self, run: RunView) -> None:
        """Take up the best score of a run that goes on."""
        self._best_score, is_here = run.ranks.on_first(lambda: _best_score_of(run))
        if is_here:
            self._keep(run)

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Play the matches when they are due, and add their results to the row."""
        settings = run.config.evaluation
        if run.metrics.updates % settings.every_updates:
            return
        row, complete = run.ranks.on_first(lambda: self._meet_all(run))
        if not row:
            return
        run.metrics.record_evaluation(row)
        # Of equal scores the later one counts: the learner goes on learning when scores are full.
        if settings.keep_best and complete and row["score"] >= self._best_score:
            self._best_score, self._improved = row["score"], True
            run.ranks.on_first(lambda: self._note(run))

    @override
    def on_step_end(self, run: RunView) -> None:
        """Keep the checkpoint of a new best, now that the update's row is written."""
        if not self._improved:
            return
        self._improved = False
        self._keep(run)

    def _note(self, run: RunView) -> None:
        """Remember that the present timestep has the best score."""
        best = json.dumps({"timestep": run.global_timestep, "score": self._best_score})
        write_text(_best_files(run.run_dir)[1], best)

    def _keep(self, run: RunView) -> None:
        """Save a checkpoint and keep it as the best one."""
        saved = run.save_checkpoint()
        run.ranks.on_first(lambda: _copy(saved, _best_files(run.run_dir)[0]))

    def _meet_all(self, run: RunView) -> tuple[dict[str, float], bool]:
        """The row of the matches against all opponents, and whether all could be met."""
        results: dict[str, MatchResult] = {}
        for place, opponent in enumerate(self._opponents):
            try:
                results[opponent.text] = self._play(run, place)
            except EngineError as error:
                run.log(f"No match against {opponent.text}: {error}")
        if not results:
            return {}, False
        told = [f"{result.score:.1%} against {name}" for name, result in results.items()]
        run.log(f"Update {run.metrics.updates} scores {', '.join(told)}")
        return evaluation_row(results), len(results) == len(self._opponents)

    def _play(self, run: RunView, place: int) -> MatchResult:
        """One match against the opponent of a place in the list."""
        settings, env = run.config.evaluation, run.config.env
        rules = MatchRules(
            min(_OPENING_PLIES, env.max_plies - 1), env.max_plies, env.declaration == "auto"
        )
        # By the number of the update, so that a resumed run plays the same matches.
        origin = np.random.SeedSequence((self._seed, run.metrics.updates, place))
        policy_seed, opponent_seed, opening_seed = (int(s) for s in origin.generate_state(3))
        learner = PolicyPlayer(
            run.agent.network,
            deterministic=settings.deterministic,
            device=run.agent.device,
            seed=policy_seed,
        )
        description = self._opponents[place]
        with open_player(description, self._load_policy, seed=opponent_seed) as opponent:
            result = play_match(
                MateWatch(learner),
                MateWatch(opponent),
                settings.num_games,
                rules=rules,
                num_envs=description.processes or settings.num_games,
                seed=opening_seed,
            )
        if result.stopped:
            run.log(f"A match ended early: {result.stopped}")
        return result


def copy_noted_best(run_dir: Path, saved: Path, timestep: int) -> None:
    """Copy the checkpoint of a timestep if it is noted as the best one and was not copied yet.

    Between the two somebody may have killed the run, or nothing could be written any more.
    """
    copy, facts = _best_files(run_dir)
    if not (facts.exists() and saved.exists() and _noted(facts)["timestep"] == timestep):
        return
    if not (copy.exists() and read_checkpoint(copy)["global_timestep"] == timestep):
        _copy(saved, copy)


def _copy(saved: Path, copy: Path) -> None:
    write_whole(copy, lambda file: file.write(saved.read_bytes()))


def _noted(facts: Path) -> dict[str, Any]:
    """Timestep and score of the best checkpoint."""
    try:
        best: object = json.loads(facts.read_bytes())
    except (ValueError, RecursionError):
        best = None
    require(facts, {"best": best}, {"best": {"timestep": 0, "score": 0.0}})
    return cast(dict[str, Any], best)


def _best_score_of(run: RunView) -> tuple[float, bool]:
    """The best score of a run that goes on, and whether the present timestep has it.

    Files of a later best are deleted.
    """
    checkpoint, facts = _best_files(run.run_dir)
    if not facts.exists():
        return _NO_SCORE, False
    best = _noted(facts)
    is_here = best["timestep"] == run.global_timestep
    if is_here or (best["timestep"] < run.global_timestep and checkpoint.exists()):
        return float(best["score"]), is_here
    facts.unlink()
    checkpoint.unlink(missing_ok=True)
    return _NO_SCORE, False


def _best_files(run_dir: Path) -> tuple[Path, Path]:
    """Where the best checkpoint is kept, and what is known of it."""
    folder = run_dir / "checkpoints"
    return folder / "best.pt", folder / "best.json"


def evaluation_row(results: Mapping[str, MatchResult]) -> dict[str, float]:
    """Numbers of an evaluation, as keisei/web/metrics.md explains them.

    Args:
        results: The learner's matches by the descriptions of its opponents.
    """
    adjusted = [result.by_opening.adjusted() for result in results.values()]
    mean = sum(each for each, _ in adjusted) / len(adjusted)
    error = math.sqrt(sum(each * each for _, each in adjusted)) / len(adjusted)
    score = sum(result.score for result in results.values()) / len(results)
    low, high = scatter_interval(score, mean, error)
    row = {
        "score": score,
        "score_low": low,
        "score_high": high,
        "games": float(sum(result.total.games for result in results.values())),
        **_rating(results),
    }
    mates = sum((result.mates_of_a for result in results.values()), MatesInOne())
    row |= {"mate_in_one": mates.share or 0.0, "mate_in_one_chances": float(mates.chances)}
    for text, result in results.items():
        name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
        row |= {f"{name}_{key}": value for key, value in result.metrics().items()}
    return row


def _rating(results: Mapping[str, MatchResult]) -> dict[str, float]:
    """Elo over the random player, if the opponents are rungs of the ladder."""
    rungs = {description: name for name, description in RUNGS.items()}
    pairings = [
        Pairing(_LEARNER, rungs[text], result.by_opening)
        for text, result in results.items()
        if text in rungs
    ]
    if not pairings:
        return {}
    ratings = {
        rating.name: rating for rating in fit_ratings([*known_pairings(), *pairings], ANCHOR)
    }
    learner = ratings[_LEARNER]
    return {"rating": learner.elo, "rating_low": learner.low, "rating_high": learner.high}
