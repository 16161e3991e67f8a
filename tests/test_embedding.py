"""The examples about Gymnasium in the page on other libraries run."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "embedding.md"


def test_examples_run() -> None:
    found = re.search(r"^## Gymnasium\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S)
    assert found
    test = doctest.DocTestParser().get_doctest(found[1], {}, "Gymnasium", str(PAGE), 0)
    results = doctest.DocTestRunner().run(test)
    assert results.attempted >= 12
    assert results.failed == 0
