"""The sweep's callback ends a run that is hopeless, or whose time is over."""

import importlib.util
from pathlib import Path

import pytest

from tests.training.runs import small_config, train

pytest.importorskip("optuna", reason="optuna is not installed")
SWEEP = Path(__file__).parents[2] / "examples" / "optuna_sweep.py"


class TrialOfNothing:
    """What a trial of Optuna is to the callback."""

    number = 0

    def __init__(self, *, is_hopeless: bool) -> None:
        self.params: dict[str, float] = {}
        self.reports: list[tuple[float, int]] = []
        self._is_hopeless = is_hopeless

    def report(self, value: float, step: int) -> None:
        self.reports.append((value, step))

    def should_prune(self) -> bool:
        return self._is_hopeless


@pytest.mark.slow
@pytest.mark.parametrize("is_hopeless", [True, False])
def test_it_ends_a_run(is_hopeless: bool, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("optuna_sweep", SWEEP)
    assert spec is not None
    assert spec.loader is not None
    sweep = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sweep)
    trial = TrialOfNothing(is_hopeless=is_hopeless)
    judge = sweep.Judge(trial, 1, 2.0)
    trainer = train(small_config(tmp_path, updates=100_000), callbacks=(judge,))
    assert trainer.global_timestep < trainer.config.training.total_timesteps
    assert judge.is_pruned == is_hopeless
    steps = [step for _, step in trial.reports]
    assert steps == sorted(set(steps))
    assert all(10 < step <= 20 for step in steps)
    assert (len(steps) == 1) == is_hopeless
    assert all(0 <= value <= 1 for value, _ in trial.reports)
