"""Writes a dated section of RESULTS.md from the JSON file that pytest-benchmark leaves.

    python benchmarks/report.py latest.json RESULTS.md env_step.svg

A section of the same day, commit and processor is replaced; others stay. The newest stands first.
"""

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from chart import Row, bar_chart, rate

HEADING = """# Results

Written by `make bench`; how the work is defined stands in [README.md](README.md). One core,
unless a row names threads.
Rates are units of work a second: by the wall clock the median of the rounds and the best round, and
a second of processor time, over all rounds. Where the wall clock's numbers are lower, the machine
was busy with something else. *Against* divides a row's rate by that of the peer in the same group
and run, both by processor time.
"""
VECTOR_UNITS = (("avx512f", "AVX-512"), ("avx2", "AVX2"))
CHARTED_GROUP = "env step, N = 256"
PACKAGES = ("numpy", "numba", "torch", "cshogi")


def read_rows(benchmarks: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Turns seconds a round into units of work a second."""
    rows: list[Row] = []
    for entry in benchmarks:
        extra, stats = entry["extra_info"], entry["stats"]
        if "amount" not in extra:
            continue
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


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    # The first peer of a group is the one that the others are divided by.
    peers = {row.group: row for row in reversed(rows) if row.peer}
    lines = [
        "| group | work | unit | median | best | a CPU-second | against |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        peer = peers.get(row.group)
        against = "" if peer is None else f"{row.per_cpu_second / peer.per_cpu_second:.1f}x"
        if row is peer:
            against = "peer"
        lines.append(
            f"| {row.group} | {row.label} | {row.unit} | {rate(row.median)} | {rate(row.best)} "
            f"| {rate(row.per_cpu_second)} | {against} |"
        )
    return "\n".join(lines)


def numbers(benchmarks: Iterable[Mapping[str, Any]]) -> str:
    """The measurements that are no rates as a Markdown table."""
    lines = ["| what | median | unit |", "|---|---:|---|"]
    for entry in benchmarks:
        extra = entry["extra_info"]
        if "amount" not in extra:
            value = extra.get("value", entry["stats"]["median"])
            digits = 0 if value >= 100 else 2
            lines.append(f"| {extra['label']} | {value:.{digits}f} | {extra['unit']} |")
    return "\n".join(lines) if len(lines) > 2 else ""


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
        f"{table(read_rows(data['benchmarks']))}\n\n{numbers(data['benchmarks'])}"
    )
    return title, text.rstrip() + "\n"


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
    parser.add_argument("picture", type=Path, help="SVG file of the environment's rates")
    paths = parser.parse_args()
    data = json.loads(paths.measured.read_text(encoding="utf-8"))
    title, text = section(data)
    results = paths.results.read_text(encoding="utf-8") if paths.results.exists() else ""
    paths.results.write_text(insert(results, title, text), encoding="utf-8")
    rows = read_rows(data["benchmarks"])
    if bars := [row for row in rows if row.group == CHARTED_GROUP]:
        paths.picture.write_text(bar_chart(bars, CHARTED_GROUP), encoding="utf-8")
    print(table(rows))
    print(numbers(data["benchmarks"]))


if __name__ == "__main__":
    main()
