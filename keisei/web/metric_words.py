"""What keisei/web/metrics.md says of each number, for the charts."""

import functools
import re
from importlib import resources
from typing import Any

_HEADING = re.compile(r"## (.+)")
_ROW = re.compile(r"\| `([^`]+)` \| (.*?) \|(?: (.*?) ?\|)?$")


@functools.cache
def metric_groups() -> list[dict[str, Any]]:
    """The groups of the page, in its order: title, and key, meaning and hint of each number."""
    source = resources.files("keisei.web") / "metrics.md"
    groups: list[dict[str, Any]] = []
    for line in source.read_text(encoding="utf-8").splitlines():
        heading, row = _HEADING.fullmatch(line), _ROW.fullmatch(line)
        if heading is not None:
            groups.append({"title": heading[1], "numbers": []})
        elif row is not None:
            number = {"key": row[1], "meaning": _plain(row[2]), "hint": _plain(row[3] or "")}
            groups[-1]["numbers"].append(number)
    return [group for group in groups if group["numbers"]]


def _plain(text: str) -> str:
    """A text without the marks of code."""
    return text.replace("`", "").strip()
