"""Matches in the middle of a run: what they add to it, and which checkpoint they keep."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keisei.config_schema import ConfigError
from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.records import GameRecord
from keisei.evaluation.results import MatchResult
from keisei.shogi.constants import BLACK, Termination
from keisei.training import evaluation_callback
from keisei.training.checkpoint import read_checkpoint
from keisei.training.evaluation_callback import EvaluationCallback, evaluation_row
from keisei.training.model_manager import load_policy
from keisei.training.trainer import Trainer
from tests.players.engines import assert_no_process, settings
from tests.training.runs import ROLLOUT, assert_same, rows_without_time, small_config, train


def result(*points: float) -> MatchResult:
    winners: dict[float, int | None] = {1.0: 0, 0.0: 1, 0.5: None}
    games = [
        GameRecord(number, BLACK, Termination.CHECKMATE, winners[each])
        for number, each in enumerate(points)
    ]
    return MatchResult(tuple(games))


def test_a_row_holds_the_mean_score_and_each_opponent_by_name() -> None:
    row = evaluation_row(
        {"random": result(1, 1, 1, 0.5), "usi:a/b-c?nodes=10": result(0, 0, 1, 0.0)}
    )
    assert row["score"] == (3.5 / 4 + 1 / 4) / 2
    assert row["games"] == 8
    assert row["random_score"] == 3.5 / 4
    assert row["random_draws"] == 1
    assert row["usi_a_b_c_nodes_10_wins"] == 1
    assert 0 < row["score_low"] < row["score"] < row["score_high"] < 1
    narrow, wide = (row["score_high"] - row["score_low"], row["random_score_high"])
    assert narrow < wide


def test_only_rungs_of_the_ladder_make_a_rating() -> None:
    assert "rating" not in evaluation_row({"other.pt": result(1, 0)})
    row = evaluation_row({"random": result(*[1.0, 0.5] * 20)})
    assert row["rating"] == pytest.approx(400 * np.log10(3))
    assert row["rating_low"] < row["rating"] < row["rating_high"]


def let_score(monkeypatch: pytest.MonkeyPatch, *scores: float) -> None:
    """Let the evaluations to come have these scores."""
    coming = iter(scores)

    def row(_: object) -> dict[str, float]:
        return {"score": next(coming)}

    monkeypatch.setattr(evaluation_callback, "evaluation_row", row)


@pytest.mark.parametrize(
    ("scores", "best"),
    [([0.5, 0.25, 0.25, 0.0], 1), ([0.0, 0.5, 0.75, 0.25], 3), ([0.5, 0.5, 1.0, 1.0], 4)],
)
def test_the_last_of_the_best_checkpoints_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scores: list[float], best: int
) -> None:
    let_score(monkeypatch, *scores)
    config = small_config(
        tmp_path,
        updates=4,
        **{"evaluation.every_updates": 1, "session.keep_checkpoints": 1},
    )
    train(config)
    folder = tmp_path / "checkpoints"
    assert sorted(path.name for path in folder.glob("*.pt")) == [
        "best.pt",
        f"checkpoint-{4 * ROLLOUT:012d}.pt",
    ]
    assert json.loads((folder / "best.json").read_text()) == {
        "timestep": best * ROLLOUT,
        "score": max(scores),
    }
    assert read_checkpoint(folder / "best.pt")["global_timestep"] == best * ROLLOUT
    load_policy(folder / "best.pt")


@pytest.mark.parametrize("declaration", ["auto", "off"])
def test_matches_have_the_rules_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declaration: str
) -> None:
    played: list[MatchRules] = []

    def noting(*players: Any, rules: MatchRules, **others: Any) -> MatchResult:
        played.append(rules)
        return play_match(*players, rules=rules, **others)

    monkeypatch.setattr(evaluation_callback, "play_match", noting)
    train(small_config(tmp_path, updates=2, **{"env.declaration": declaration}))
    assert played == [MatchRules(4, 10, declaration == "auto")] * 2


def test_a_run_goes_on_from_its_best_checkpoint(tmp_path: Path) -> None:
    whole, part = tmp_path / "whole", tmp_path / "part"
    every = {"evaluation.every_updates": 1}
    one = train(small_config(whole, updates=4, **every))
    train(small_config(part, updates=2, **every))
    best = json.loads((part / "checkpoints" / "best.json").read_text())["timestep"]
    resumed = train(
        small_config(part, updates=4, **every), resume=str(part / "checkpoints" / "best.pt")
    )
    assert best in (ROLLOUT, 2 * ROLLOUT)
    assert rows_without_time(part) == rows_without_time(whole)
    for name in ("agent", "env", "buffer", "statistics"):
        one_end, other_end = (
            read_checkpoint(run / "checkpoints" / f"checkpoint-{4 * ROLLOUT:012d}.pt")[name]
            for run in (whole, part)
        )
        assert_same(one_end, other_end, name)
    assert one.global_timestep == resumed.global_timestep == 4 * ROLLOUT
    assert f"at timestep {best}\n" in (part / "train.log").read_text()


def test_a_run_that_goes_back_before_its_best_forgets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_score(monkeypatch, 0.25, 0.75, 0.5)
    train(small_config(tmp_path, updates=4))
    early = tmp_path / "checkpoints" / f"checkpoint-{2 * ROLLOUT:012d}.pt"
    train(small_config(tmp_path, updates=4), resume=str(early))
    best = json.loads((tmp_path / "checkpoints" / "best.json").read_text())
    assert best == {"timestep": 4 * ROLLOUT, "score": 0.5}


def test_a_run_that_goes_on_remembers_its_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_score(monkeypatch, 0.75, 0.5)
    train(small_config(tmp_path, updates=2))
    train(small_config(tmp_path, updates=4), resume="latest")
    best = json.loads((tmp_path / "checkpoints" / "best.json").read_text())
    assert best == {"timestep": 2 * ROLLOUT, "score": 0.75}


KILLED_AT_ITS_BEST = """
import os, signal, sys
from pathlib import Path
from keisei.training.callbacks import Callback
from tests.training.runs import small_config, train

class Killer(Callback):
    def on_step_end(self, run):
        if run.metrics.updates == 2:
            os.kill(os.getpid(), signal.SIGKILL)

train(small_config(Path(sys.argv[1]), updates=int(sys.argv[2])), callbacks=(Killer(),))
"""


@pytest.mark.slow
@pytest.mark.parametrize("updates", [3, 2])
def test_the_best_survives_a_kill_between_its_checkpoint_and_its_copy(
    tmp_path: Path, updates: int
) -> None:
    """After two updates, which may be the last."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-c", KILLED_AT_ITS_BEST, str(killed), str(updates)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    newest = killed / "checkpoints" / f"checkpoint-{2 * ROLLOUT:012d}.pt"
    assert newest.exists()
    for folder, resume in ((killed, "latest"), (whole, None)):
        train(small_config(folder, updates=updates), resume=resume)
    facts, best = (
        [folder / "checkpoints" / name for folder in (killed, whole)]
        for name in ("best.json", "best.pt")
    )
    assert facts[0].read_text() == facts[1].read_text()
    assert_same(read_checkpoint(best[0]), read_checkpoint(best[1]))


def test_no_best_is_kept_when_nobody_wants_it(tmp_path: Path) -> None:
    train(small_config(tmp_path, updates=2, **{"evaluation.keep_best": False}))
    assert not list((tmp_path / "checkpoints").glob("best*"))


def test_engines_and_policies_can_be_opponents(tmp_path: Path) -> None:
    train(small_config(tmp_path / "first", updates=2))
    policy = str(tmp_path / "first" / "checkpoints" / "best.pt")
    engine = f"usi:{settings(tmp_path, 'good').command}?nodes=1"
    before = torch.get_rng_state()
    train(small_config(tmp_path / "run", updates=2, **{"evaluation.opponents": (policy, engine)}))
    assert torch.equal(before, torch.get_rng_state())
    row = rows_without_time(tmp_path / "run")[-1]
    assert row["eval/games"] == 4
    assert "eval/rating" not in row
    assert_no_process(tmp_path)


def test_an_engine_that_fails_does_not_end_the_run(tmp_path: Path) -> None:
    engine = f"usi:{settings(tmp_path, 'good').command}?nodes=1&option.None=1"
    run = tmp_path / "run"
    train(small_config(run, updates=2, **{"evaluation.opponents": (engine, "random")}))
    assert rows_without_time(run)[-1]["eval/games"] == 2
    assert "has no option 'None'" in (run / "train.log").read_text()
    # A score against fewer opponents is no best one.
    assert not (run / "checkpoints" / "best.pt").exists()
    assert_no_process(tmp_path)


@pytest.mark.parametrize(
    ("opponent", "part"),
    [
        ("usi:nobody?nodes=1", "'nobody' is not installed"),
        ("usi:nobody", "has to name one of nodes=N"),
        ("random?a=1", "unknown option 'a'"),
    ],
)
def test_opponents_that_cannot_play_are_refused_before_any_work(
    tmp_path: Path, opponent: str, part: str
) -> None:
    with pytest.raises(ConfigError, match=r"^evaluation\.opponents: ") as refused:
        Trainer(small_config(tmp_path, updates=1, **{"evaluation.opponents": (opponent,)}))
    assert part in str(refused.value)
    with pytest.raises(ConfigError):
        EvaluationCallback(0, [opponent], load_policy)
