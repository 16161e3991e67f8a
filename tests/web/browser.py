"""A person before the page, in Debian's Chromium."""

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from keisei.shogi import Board

CHROMIUM = shutil.which("chromium")
SECONDS = 150
"""The first requests wait for kernels to be compiled."""
_WIDTH, _LEFT, _TOP, _SQUARE = 980, 28, 146, 100
_BLACKS_STAND, _FIRST_PIECE, _PIECE = 1117, 250, 100
_HAND = "RBGSNLP"

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium: apt-get install chromium brings it"
)


@contextmanager
def chromium() -> Generator[Browser]:
    """The browser, which ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def new_page(
    browser: Browser, width: int = 1200, height: int = 900, scheme: Any = "light", **more: Any
) -> Page:
    """A page in which every error of a script fails the test at its next look."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        accept_downloads=True,
        **more,
    )
    page = context.new_page()
    page.set_default_timeout(1000 * SECONDS)
    expect.set_options(timeout=1000 * SECONDS)
    return page


def watched(page: Page) -> list[str]:
    """What goes wrong in a page from here on."""
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))

    def note(message: Any) -> None:
        # The browser also tells of refusals, which the page shows in a sentence.
        if message.type == "error" and "status of 422" not in message.text:
            troubles.append(message.text)

    page.on("console", note)
    return troubles


class Person:
    """Plays Black on the page of games, with the board's usual side up."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.picture = page.locator(".play-board svg.board")

    def game(self) -> dict[str, Any]:
        """The game as the page has it."""
        return json.loads(self.page.evaluate("sessionStorage.getItem('keisei-game')"))

    def board(self) -> Board:
        """Where it stands."""
        game = self.game()
        board = Board(game["start"])
        for move in game["moves"]:
            board.push_usi(move)
        return board

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the picture on the screen."""
        box = self.picture.bounding_box()
        assert box is not None
        scale = box["width"] / _WIDTH
        return box["x"] + scale * x, box["y"] + scale * y

    def square(self, name: str) -> tuple[float, float]:
        """The middle of a square on the screen."""
        file, rank = int(name[0]) - 1, "abcdefghi".index(name[1])
        return self.at(_LEFT + _SQUARE * (8 - file + 0.5), _TOP + _SQUARE * (rank + 0.5))

    def held(self, letter: str) -> tuple[float, float]:
        """Where a piece of Black's hand lies on the screen."""
        hand = dict(zip("PLNSBRG", self.board().hand(0), strict=True))
        kinds = [each for each in _HAND if hand[each]]
        return self.at(_LEFT + _FIRST_PIECE + _PIECE * kinds.index(letter), _BLACKS_STAND)

    def click_move(self, usi: str) -> bool:
        """Make a move by clicks; whether the page asked about a promotion."""
        begin = self.held(usi[0]) if usi[1] == "*" else self.square(usi[:2])
        board = self.board()
        legal = {move.usi() for move in board.legal_moves}
        self.page.mouse.click(*begin)
        self.page.mouse.click(*self.square(usi[2:4]))
        plain = usi.removesuffix("+")
        asks = {plain, f"{plain}+"} <= legal
        if asks:
            self.page.locator(f'dialog [data-move="{usi}"]').click()
        else:
            assert not self.page.locator("dialog.promotion").is_visible()
        return asks

    def wait_for_moves(self, count: int) -> None:
        """Wait until so many moves are on the list."""
        expect(self.page.locator(".moves li")).to_have_count(count)
