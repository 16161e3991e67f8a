"""The page in a real browser."""

import re
import subprocess
import sys
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import cshogi
import pytest
from playwright.sync_api import Browser, expect

from keisei.players.descriptions import SHIPPED_POLICY
from keisei.players.opinion import Adviser, positions_along
from keisei.players.policy import NetworkEvaluator
from keisei.search.settings import SearchSettings
from keisei.shogi.moves import Move
from keisei.training.model_manager import load_policy
from tests.cli.command_line import SMALL_RUN
from tests.web.browser import Person, chromium, needs_chromium, new_page, watched
from tests.web.folders import ended_with, make_run, row, write_rows
from tests.web.server import serving

pytestmark = [pytest.mark.slow, needs_chromium]

PAGES = ("/", "/run?run=a", "/compare?run=a&run=b", "/ladder", "/play", "/analysis")
LONGEST_GAME = 300
SEEN_WHEN = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("h1")) return;
  observer.disconnect();
  const note = () => { document.documentElement.dataset.seen = performance.now(); };
  requestAnimationFrame(() => setTimeout(note));
}).observe(document, { childList: true, subtree: true });
"""
"""Notes after how many milliseconds the heading and what came with it have been drawn."""


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as found:
        yield found


def test_a_run_that_goes_on_appears_and_its_charts_grow(browser: Browser, tmp_path: Path) -> None:
    page = new_page(browser)
    troubles = watched(page)
    with serving(tmp_path) as visitor:
        page.goto(visitor.address)
        expect(page.locator("text=no run in this folder")).to_be_visible()
        command = [sys.executable, "-m", "keisei.cli", "train", *SMALL_RUN, "--quiet"]
        command += ["--total-timesteps", "100000000", "--run-dir", str(tmp_path / "new")]
        with subprocess.Popen(command) as training:
            try:
                page.locator('tr[data-run="new"] .state.running').wait_for()
                page.locator('tr[data-run="new"] a').click()
                chart = page.locator("figure.chart", has_text="learn/entropy_normalised")
                line = chart.locator("svg[role=img] g path").last
                chart.scroll_into_view_if_needed()
                line.wait_for(state="attached")
                before = line.get_attribute("d") or ""
                expect(page.locator(".boards svg.board")).to_have_count(4)
                expect(line).not_to_have_attribute("d", before)
                caption = page.locator(".boards figcaption").first
                expect(caption).not_to_have_text(caption.inner_text())
            finally:
                training.terminate()
        expect(page.locator(".state.stopped", has_text="SIGTERM")).to_be_visible()
        assert troubles == []


def test_runs_are_laid_over_each_other_and_seeds_are_a_band(
    browser: Browser, tmp_path: Path
) -> None:
    for seed, name in enumerate("ab"):
        folder = make_run(tmp_path / name, 1, log=ended_with(None))
        settings = (folder / "config.toml").read_text().replace("seed = 0", f"seed = {seed}")
        (folder / "config.toml").write_text(settings)
        write_rows(folder, *(row(step, **{"learn/loss": seed}) for step in range(200, 2000, 100)))
    page = new_page(browser)
    with serving(tmp_path) as visitor:
        page.goto(visitor.address)
        for name in "ab":
            page.locator(f'tr[data-run="{name}"] input').check()
        page.locator("button", has_text="Lay over each other").click()
        chart = page.locator("figure.chart", has_text="learn/loss")
        chart.scroll_into_view_if_needed()
        lines = chart.locator("svg[role=img] g path")
        expect(lines).to_have_count(2)
        expect(chart.locator(".legend span")).to_have_text(["a 0", "b 1"])
        page.locator("#seeds").check()
        # Out of sight it is not drawn.
        chart.scroll_into_view_if_needed()
        expect(chart.locator(".legend span")).to_have_text(["a, b 0.5"])
        expect(chart.locator("svg[role=img] g path[fill-opacity]")).to_have_count(1)


def test_a_whole_game_is_played_to_a_mate_by_clicks(browser: Browser, tmp_path: Path) -> None:
    page = new_page(browser)
    troubles = watched(page)
    person = Person(page)
    evaluator = NetworkEvaluator(load_policy(SHIPPED_POLICY))
    adviser = Adviser(evaluator, SearchSettings(nodes=400))
    captures = promotions = drops = 0
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/play")
        page.locator("#nodes").fill("0")
        page.locator("#begins").click()
        expect(page.locator(".status")).to_contain_text("your move")
        while (board := person.board()).outcome() is None and board.ply < LONGEST_GAME:
            game = person.game()
            moves = [Move.from_usi(usi) for usi in game["moves"]]
            positions = positions_along(game["start"], moves, [len(moves)])
            (opinion,) = adviser.judge(positions, count=1)
            move = opinion.candidates[0].move
            captures += board.piece_at(move.to_square) != 0
            drops += move.drop is not None
            promotions += person.click_move(move.usi())
            board.push(move)
            person.wait_for_moves(board.ply + (board.outcome() is None))
        assert board.is_checkmate(), board.sfen()
        expect(page.locator(".status")).to_contain_text("Checkmate (詰み)")
        assert min(captures, promotions, drops) > 0
        for kind in ("KIF", "CSA"):
            with page.expect_download() as download:
                page.locator(f'[data-save="{kind.lower()}"]').click()
            file = tmp_path / f"game.{kind}"
            download.value.save_as(file)
            assert replayed(kind, file.read_text(encoding="utf-8")) == board.sfen()
    assert troubles == []


def replayed(kind: str, text: str) -> str:
    """Where a game ends in cshogi."""
    parser: Any = import_module(f"cshogi.{kind}").Parser
    game = parser.parse_str(text)[0] if kind == "CSA" else parser.parse_str(text)
    board = cshogi.Board(game.sfen)
    for move in game.moves:
        board.push(move)
    return board.sfen()


@pytest.mark.parametrize(("width", "height"), [(420, 900), (1160, 560)])
def test_moves_by_drag_and_by_keys_undo_resign_and_open(
    browser: Browser, tmp_path: Path, width: int, height: int
) -> None:
    page = new_page(browser, width, height)
    troubles = watched(page)
    person = Person(page)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/play")
        page.locator("#nodes").fill("0")
        expect(page.locator(".status")).to_contain_text("your move")
        person.picture.scroll_into_view_if_needed()
        page.mouse.move(*person.square("2g"))
        page.mouse.down()
        page.mouse.move(*person.square("2e"), steps=4)
        page.mouse.up()
        assert person.game()["moves"] == []
        page.mouse.move(*person.square("2g"))
        page.mouse.down()
        page.mouse.move(*person.square("2f"), steps=4)
        page.mouse.up()
        person.wait_for_moves(2)
        person.picture.focus()
        for key in ["ArrowUp"] * 3 + ["ArrowLeft"] * 2 + ["Enter", "ArrowUp", "Enter"]:
            page.keyboard.press(key)
        person.wait_for_moves(4)
        assert person.game()["moves"][::2] == ["2g2f", "7g7f"]
        page.locator("#undoes").click()
        person.wait_for_moves(2)
        page.locator("#resigns").click()
        expect(page.locator(".status")).to_have_text("Resignation (投了): White wins.")
        page.locator('[data-open="ask"]').click()
        page.locator("dialog textarea").fill("nonsense")
        page.locator('[data-open="take"]').click()
        expect(page.locator("dialog .problem")).to_contain_text("SFEN")
        page.locator("dialog textarea").fill("position startpos moves 7g7f 3c3d 8h2b+ 3a2b")
        page.locator('[data-open="take"]').click()
        person.wait_for_moves(4)
        page.reload()
        # It is Black's turn, so that nobody answers in between.
        person.wait_for_moves(4)
        assert troubles == []


def test_moves_by_taps_and_by_a_finger_that_drags(browser: Browser, tmp_path: Path) -> None:
    page = new_page(browser, 360, 740, has_touch=True, is_mobile=True)
    troubles = watched(page)
    person = Person(page)
    touches: Any = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x, "y": y} for x, y in points]
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    def drag(begin: tuple[float, float], end: tuple[float, float]) -> None:
        touch("touchStart", begin)
        for step in range(1, 9):
            x, y = (a + step / 8 * (b - a) for a, b in zip(begin, end, strict=True))
            touch("touchMove", (x, y))
        touch("touchEnd")

    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/play")
        page.locator("#nodes").fill("0")
        expect(page.locator(".status")).to_contain_text("your move")
        person.picture.scroll_into_view_if_needed()
        stands = page.evaluate("scrollY")
        page.touchscreen.tap(*person.square("7g"))
        expect(page.locator(".board .target")).to_have_count(1)
        page.touchscreen.tap(*person.square("7f"))
        person.wait_for_moves(2)
        # Not legal, and long enough to scroll a page.
        drag(person.square("2g"), person.square("2a"))
        assert len(person.game()["moves"]) == 2
        drag(person.square("2g"), person.square("2f"))
        person.wait_for_moves(4)
        assert person.game()["moves"][::2] == ["7g7f", "2g2f"]
        assert page.evaluate("scrollY") == stands
        # Beside the board a finger scrolls.
        drag((180, 720), (180, 100))
        page.wait_for_function("() => scrollY > 0")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert troubles == []


def test_a_game_is_analysed_move_by_move(browser: Browser, tmp_path: Path) -> None:
    page = new_page(browser)
    troubles = watched(page)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/analysis")
        page.locator('[data-open="ask"]').click()
        page.locator("dialog textarea").fill("7g7f 3c3d 8h2b+ 3a2b B*4e 5a5b 4e6c+")
        page.locator('[data-open="take"]').click()
        page.locator("#nodes").fill("30")
        page.locator("#analyse").click()
        expect(page.locator(".status")).to_contain_text("Move 7")
        expect(page.locator(".thoughts tr[data-move]").first).to_be_visible()
        assert page.locator(".game-table tbody tr").count() == 7
        values = page.locator(".game-table td:nth-child(3)").all_inner_texts()
        assert all(re.fullmatch(r"\S?\d\.\d\d", value) for value in values)
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".status")).to_contain_text("Move 6")
        assert troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_every_page_fits_the_screen_without_errors(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    root = tmp_path / "runs"
    for name in "ab":
        make_run(root / name, 30, log=ended_with(None))
    (root / "ladder.json").write_text(
        '{"ratings": [{"name": "random", "elo": 0, "low": 0, "high": 0, "games": 9, '
        '"is_bounded": true}, {"name": "me", "elo": 700, "low": 600, "high": 800, "games": 9, '
        '"is_bounded": true}]}',
        encoding="utf-8",
    )
    page = new_page(browser, width, 900, scheme)
    troubles = watched(page)
    with serving(root) as visitor:
        for number, path in enumerate(PAGES):
            page.goto(visitor.address + path)
            page.locator("h1").wait_for()
            if path in ("/play", "/analysis"):
                page.locator(".status", has_text=re.compile("move|position")).wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert page.locator("#trouble").is_hidden()
            page.screenshot(path=tmp_path / f"{number}.png", full_page=True)
    assert troubles == []


def test_a_long_name_leaves_the_numbers_of_a_list_in_sight(
    browser: Browser, tmp_path: Path
) -> None:
    make_run(tmp_path / ("形成" * 10 + "long" * 40), 3)
    page = new_page(browser, 360)
    with serving(tmp_path) as visitor:
        page.goto(visitor.address)
        page.locator("td[data-name]").first.wait_for()
        for cell in page.locator("td[data-name]").all():
            box = cell.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 360


def test_ten_runs_of_two_thousand_updates_load_in_a_second(
    browser: Browser, tmp_path: Path
) -> None:
    numbers = {f"learn/number_{number}": 0.123456789012345 for number in range(70)}
    for name in range(10):
        folder = make_run(tmp_path / str(name), 1)
        write_rows(folder, *(row(step, **numbers) for step in range(200, 2200)))
    page = new_page(browser)
    page.add_init_script(SEEN_WHEN)
    with serving(tmp_path) as visitor:
        for path in ("/", "/run?run=3"):
            page.goto(visitor.address + path)
            page.locator("html[data-seen]").wait_for()
            taken = float(page.locator("html").get_attribute("data-seen") or "")
            print(f"{path}: {taken:.0f} ms")  # noqa: T201
            # A shared machine is given four times as long.
            assert taken < 4_000
