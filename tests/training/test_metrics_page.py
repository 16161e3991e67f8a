"""keisei/web/metrics.md and the rows of a run name the same numbers."""

import re
from pathlib import Path

from tests.training.runs import small_config, train

PAGE = Path(__file__).parents[2] / "keisei" / "web" / "metrics.md"

WHITE_DECLARES_NEXT = "4K4/9/9/9/9/9/+r+r+b+bgggg1/4k1ss1/9 b 3p 1"
"""Whatever Black moves, White declares: so games end by a rule within every rollout."""


def test_the_page_explains_exactly_what_is_logged(tmp_path: Path) -> None:
    others = {
        "opponents.share": 1.0,
        "opponents.enter_updates": 1,
        "env.initial_sfens": [WHITE_DECLARES_NEXT],
    }
    train(small_config(tmp_path, updates=4, **others))
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    logged = {key for line in lines for key in re.findall(r'"([^"]+)": ', line)}
    explained = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(), flags=re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert set(explained) == logged
