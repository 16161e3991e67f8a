"""The lines that docs/embedding.md shows for each library run."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "embedding.md"
LIBRARIES = ("sb3_contrib", "pettingzoo", "torchrl", "ray", "skrl", "tianshou")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def needed(block: str) -> set[str]:
    """Which of the libraries a block imports, by itself or through an adapter."""
    return {name for name in LIBRARIES if re.search(rf"^from {name}[. ]", block, re.MULTILINE)} | {
        name for name in LIBRARIES if f"adapters.{name} " in block
    }


def test_every_library_is_shown() -> None:
    assert set().union(*map(needed, BLOCKS)) == set(LIBRARIES)


# Libraries warn of what they themselves do.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_the_lines_run(block: str) -> None:
    for name in needed(block):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    exec(compile(block, str(PAGE), "exec"), {"__name__": "__main__"})
