"""Writes a dated section of RESULTS.md from the JSON file that pytest-benchmark leaves.

    python benchmarks/report.py .benchmarks/latest.json benchmarks/RESULTS.md

A section of the same day, commit and processor is replaced; others stay. The newest stands first.
"""

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

HEADING = """# Results

Written by `make bench`; how the work is defined stands in [README.md](README.md). One core.
Rates are units of work a second: by the wall clock the median of the rounds and the best round, and
a second of processor time, over all rounds. Where the wall clock's numbers are lower, the machine
was busy with something else. *Against* divides a row's rate by that of the peer in the same group
and run, both by processor time.
"""
VECTOR_UNITS = (("avx512f", "AVX-512"), ("avx2", "AVX2"))
PACKAGES = ("numpy", "numba", "torch", "cshogi")


@dataclass(frozen=True)
class Row:
    """One measured piece of work."""

    group: str
    label: str
    unit: str
    median: float
    best: float
    per_cpu_second: float
    peer: bool


def read_rows(benchmarks: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Turns seconds a round into units of work a second."""
    rows: list[Row] = []
    for entry in benchmarks:
        extra, stats = entry["extra_info"], entry["stats"]
        rows.append(
            Row(
                group=entry["group"],
                label=extra["label"],
                unit=extra["unit"],
                median=extra["amount"] / stats["median"],
                best=extra["amount"] / stats["min"],
                per_cpu_second=extra["amount"] / extra["cpu_seconds"],
                peer=extra["peer"],
            )
        )
    return sorted(rows, key=lambda row: (row.group, row.peer))


def rate(value: float) -> str:
    """A rate in three significant digits, with k, M or G."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            scaled = value / limit
            digits = 0 if scaled >= 100 else 1 if scaled >= 10 else 2
            return f"{scaled:.{digits}f} {suffix}"
    return f"{value:.0f}"


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    peers = {row.group: row for row in rows if row.peer}
    lines = [
        "| group | work | unit | median | best | a CPU-second | against |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        peer = peers.get(row.group)
        against = "" if peer is None else f"{row.per_cpu_second / peer.per_cpu_second:.1f}x"
        if row.peer:
            against = "peer"
        lines.append(
            f"| {row.group} | {row.label} | {row.unit} | {rate(row.median)} | {rate(row.best)} "
            f"| {rate(row.per_cpu_second)} | {against} |"
        )
    return "\n".join(lines)


def section(data: Mapping[str, Any]) -> tuple[str, str]:
    """The heading of a run's section, which tells runs apart, and the whole section."""
    machine, commit = data["machine_info"], data["commit_info"]
    flags = machine["cpu"].get("flags", [])
    vectors = next((name for flag, name in VECTOR_UNITS if flag in flags), "no AVX2")
    changed = " with uncommitted changes" if commit["dirty"] else ""
    processor, cores = f"{machine['cpu']['brand_raw']} ({vectors})", machine["cpu"]["count"]
    title = f"## {data['datetime'][:10]}, commit {commit['id'][:10]}{changed}, {processor}"
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    text = (
        f"{title}\n\nMachine with {cores} cores, {machine['system']}, "
        f"Python {machine['python_version']}, {packages}. Command: `make bench`.\n\n"
        f"{table(read_rows(data['benchmarks']))}\n"
    )
    return title, text


def insert(results: str, title: str, text: str) -> str:
    """The file's text with the new section first and an older one of the same title gone."""
    parts = re.split(r"^(?=## )", results, flags=re.MULTILINE)
    older = [part.strip() + "\n" for part in parts[1:] if not part.startswith(f"{title}\n")]
    return "\n".join([HEADING, text, *older])


def main() -> None:
    """Reads the two paths from the command line and rewrites the second file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measured", type=Path, help="JSON file of pytest-benchmark")
    parser.add_argument("results", type=Path, help="Markdown file that gets the section")
    paths = parser.parse_args()
    data = json.loads(paths.measured.read_text(encoding="utf-8"))
    title, text = section(data)
    results = paths.results.read_text(encoding="utf-8") if paths.results.exists() else ""
    paths.results.write_text(insert(results, title, text), encoding="utf-8")
    print(table(read_rows(data["benchmarks"])))


if __name__ == "__main__":
    main()
