"""Run folders as the tests of the page need them, written without a run."""

import json
from pathlib import Path
from typing import Any

SETTINGS = "[training]\ntotal_timesteps = 1000\n\n[session]\nseed = 0\n"
LOG = "2026-01-01 00:00:00,000 INFO Training from timestep 0 to 1000\n"
START = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"


def row(step: int, **others: Any) -> dict[str, Any]:
    """A row of metrics."""
    return {
        "step": step,
        "run/updates": step // 100,
        "learn/loss": 1 / step,
        "time/elapsed": step / 10,
        "time/sps_overall": 10.0,
        **others,
    }


def write_rows(folder: Path, *rows: dict[str, Any]) -> None:
    """Add rows to the metrics of a folder."""
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        for each in rows:
            file.write(json.dumps(each) + "\n")


def make_run(folder: Path, steps: int = 5, *, log: str = LOG, settings: str = SETTINGS) -> Path:
    """A run folder with so many rows, 100 plies apart, the last one with an evaluation."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.toml").write_text(settings, encoding="utf-8")
    (folder / "environment.json").write_text("{}\n", encoding="utf-8")
    (folder / "train.log").write_text(log, encoding="utf-8")
    scores = {"eval/score": 0.75, "eval/rating": 321.0, "eval/rating_low": 300.0}
    for update in range(1, steps + 1):
        write_rows(folder, row(100 * update, **(scores if update == steps else {})))
    return folder


def ended_with(reason: str | None) -> str:
    """The log of a run that ended at timestep 500."""
    told = f" ({reason})" if reason else ""
    return f"{LOG}2026-01-01 00:01:00,000 INFO Training ends at timestep 500{told}\n"
