"""docs/metrics.md and the rows of a run name the same numbers."""

import re
from pathlib import Path

from tests.training.runs import small_config, train

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_explains_exactly_what_is_logged(tmp_path: Path) -> None:
    others = {"opponents.share": 1.0, "opponents.enter_updates": 1}
    train(small_config(tmp_path, updates=5, **others))
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    logged = {key for line in lines for key in re.findall(r'"([^"]+)": ', line)}
    explained = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(), flags=re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert set(explained) == logged
