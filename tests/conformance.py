"""The rules conformance data of tests/data/conformance, read once a process."""

import functools
import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data" / "conformance"

Record = dict[str, Any]


@functools.cache
def records(name: str) -> tuple[Record, ...]:
    """All records of one file, named without its ending: "games", "legal_moves", ..."""
    plain = FOLDER / f"{name}.jsonl"
    if plain.exists():
        text = plain.read_text(encoding="utf-8")
    else:
        text = gzip.decompress((FOLDER / f"{name}.jsonl.gz").read_bytes()).decode()
    return tuple(json.loads(line) for line in text.splitlines())


def with_contested(name: str) -> tuple[Record, ...]:
    """The records of one file and those of contested.jsonl that are of its type."""
    return records(name) + tuple(r for r in records("contested") if r["type"] == name)
