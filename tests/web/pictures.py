"""The pictures of the page in README.md: ``make pictures``, or with runs of your own.

    python -m tests.web.pictures RUNS docs

takes a picture of each page with the runs below a folder, lays the first three over each other,
plays a move, and shows the ladder of the opponents whose ratings are known.
"""

import json
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from keisei.evaluation.ladder import Ladder, known_pairings
from tests.web.browser import Person, chromium, new_page
from tests.web.server import Visitor, serving

_WIDTH, _HEIGHT = 1160, 760
_GAME = "7g7f 3c3d 2g2f 4c4d 3i4h 8b4b 5i6h 5a6b 6h7h 6b7b 5g5f 7b8b 4i5h 9c9d 9g9f 7a7b 2f2e 2b3c"


def take_pictures(runs: Path, folder: Path) -> None:
    """Take the pictures of all pages.

    Args:
        runs: A folder of run folders.
        folder: Where the pictures go.
    """
    with serving(runs) as visitor, chromium() as browser:
        names = sorted(run["run"] for run in visitor.told("/api/runs"))
        page = new_page(browser, _WIDTH, _HEIGHT)
        _shoot(page, visitor, "/", folder / "page-runs.png")
        _shoot(page, visitor, f"/run?run={names[0]}", folder / "page-run.png")
        compared = "&".join(f"run={name}" for name in names[:3])
        _shoot(page, visitor, f"/compare?{compared}", folder / "page-compare.png")
        _play(page, visitor, folder / "page-play.png")
        _analyse(page, visitor, folder / "page-analysis.png")
    with tempfile.TemporaryDirectory() as place:
        ladder = Ladder(known=known_pairings()).to_json_dict()
        (Path(place) / "opponents").mkdir()
        (Path(place) / "opponents" / "ladder.json").write_text(json.dumps(ladder), encoding="utf-8")
        with serving(Path(place)) as visitor, chromium() as browser:
            page = new_page(browser, _WIDTH, _HEIGHT)
            _shoot(page, visitor, "/ladder", folder / "page-ladder.png")


def _shoot(page: Page, visitor: Visitor, path: str, file: Path) -> None:
    page.goto(visitor.address + path)
    page.locator("h1").wait_for()
    # The charts are drawn when they come into sight.
    page.wait_for_timeout(1_000)
    page.screenshot(path=file)


def _play(page: Page, visitor: Visitor, file: Path) -> None:
    page.goto(f"{visitor.address}/play")
    person = Person(page)
    expect(page.locator(".status")).to_contain_text("your move")
    page.locator("#thinks").click()
    person.click_move("7g7f")
    person.wait_for_moves(2)
    expect(page.locator(".thoughts tr[data-move]")).to_have_count(5)
    page.mouse.click(*person.square("8h"))
    page.screenshot(path=file)


def _analyse(page: Page, visitor: Visitor, file: Path) -> None:
    page.goto(f"{visitor.address}/analysis")
    page.locator('[data-open="ask"]').click()
    page.locator("dialog textarea").fill(_GAME)
    page.locator('[data-open="take"]').click()
    page.locator("#analyse").click()
    expect(page.locator(".thoughts tr[data-move]")).to_have_count(5)
    page.screenshot(path=file)


if __name__ == "__main__":
    take_pictures(Path(sys.argv[1]), Path(sys.argv[2]))
