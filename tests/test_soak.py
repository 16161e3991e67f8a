"""The soak beside cshogi: in small, gone on with, and against rules that are broken on purpose."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cshogi")

ROOT = Path(__file__).parents[1]


def soak(*words: str, package: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "soak.py"), *words, "--policy-share", "0"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_some_thousand_positions() -> None:
    result = soak("--positions", "4000")
    assert result.returncode == 0, result.stdout + result.stderr
    row = json.loads(result.stdout.splitlines()[0])
    assert row["declaration"] * row["sennichite"] * row["perpetual_check"] * row["checkmate"] > 0
    assert row["positions"] >= 4000
    assert f"No difference in {row['positions']:,} positions" in result.stdout


@pytest.mark.slow
def test_a_second_call_goes_on_where_the_log_ends(tmp_path: Path) -> None:
    log = tmp_path / "soak.jsonl"
    for positions in ("4000", "7000"):
        result = soak("--positions", positions, "--log", str(log))
        assert result.returncode == 0, result.stdout + result.stderr
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["chunk"] for row in rows] == [0, 1]
    total = sum(row["positions"] for row in rows)
    assert total >= 7000
    assert f"No difference in {total:,} positions" in result.stdout
    assert soak("--positions", "7000", "--log", str(log), "--seed", "2").returncode == 1


@pytest.mark.slow
def test_a_broken_rule_is_found_with_the_moves_that_show_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "keisei", tmp_path / "keisei")
    endings = tmp_path / "keisei" / "games" / "endings.py"
    text = endings.read_text()
    assert text.count("_LAST_REPEAT = 3") == 1
    endings.write_text(text.replace("_LAST_REPEAT = 3", "_LAST_REPEAT = 2"))
    result = soak("--positions", "200000", package=tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    story = json.loads(result.stdout)
    assert (story["what"], story["keisei"], story["referee"]) == ("termination", 3, 0)
    assert len(story["moves"].split()) >= 8
