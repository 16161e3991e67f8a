"""The script for machines with a GPU, tried in small on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def gpu_run(out: Path, *words: str) -> None:
    subprocess.run(
        [sys.executable, "benchmarks/gpu_run.py", str(out), "--dry-run", *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )


@pytest.mark.slow
def test_a_dry_run_measures_trains_rates_and_goes_on(tmp_path: Path) -> None:
    gpu_run(tmp_path, "--minutes", "0.05")
    first = json.loads((tmp_path / "report.json").read_text())
    assert [row["network"] for row in first["training loop"]] == ["embedding"] * 2 + [
        "resnet 1x8"
    ] * 2
    assert all(0 < row["efficiency"] <= 1 for row in first["training loop"])
    exact = [row for row in first["differences to the CPU"] if row["precision"] == "float32"]
    assert [(row["log-probability"], row["value"]) for row in exact] == [(0.0, 0.0)] * 2
    assert "random" in first["ladder"]
    assert (tmp_path / "policy.safetensors").stat().st_size > 0
    gpu_run(tmp_path, "--minutes", "0.05", "--parts", "training")
    second = json.loads((tmp_path / "report.json").read_text())
    assert second["training"]["step"] > first["training"]["step"] > 0
    assert second["training loop"] == first["training loop"]
    report = (tmp_path / "report.md").read_text()
    for heading in ("Conditions", "Differences to the CPU", "Training loop", "Training", "Ladder"):
        assert f"## {heading}\n" in report
