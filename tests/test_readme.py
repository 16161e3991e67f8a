"""README.md and docs show what there is: their Python runs, the picture is drawn by the package."""

import re
from pathlib import Path

import pytest

from keisei.shogi import Board, board_svg

README = Path(__file__).parents[1] / "README.md"
# Other libraries' lines are tried where those are installed, tests/vec/adapters/test_page.py.
PAGES = [
    README,
    *(page for page in sorted((README.parent / "docs").glob("*.md")) if page.stem != "embedding"),
]
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(
        r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
]
YOKOFUDORI = "7g7f 3c3d 2g2f 8c8d 2f2e 8d8e 6i7h 4a3b 2e2d 2c2d 2h2d 8e8f 8g8f 8b8f 2d3d"


def test_the_picture_is_what_the_package_draws() -> None:
    board = Board()
    for usi in YOKOFUDORI.split():
        board.push_usi(usi)
    picture = README.parent / "docs" / "board.svg"
    assert picture.read_text("utf-8") == board_svg(board, board.last_move)


def test_readme_has_python() -> None:
    assert BLOCKS


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_block_runs(block: str) -> None:
    exec(compile(block, str(README), "exec"), {"__name__": "__main__"})
