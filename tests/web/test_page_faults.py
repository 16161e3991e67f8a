"""The page in a real browser when things go wrong, and for those who see or hear it otherwise."""

import re
from collections.abc import Generator
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Browser, Page, expect

from keisei.evaluation.records import GameRecord, to_csa
from keisei.shogi import Board
from keisei.shogi.constants import BLACK
from keisei.shogi.moves import Move
from tests.web.browser import Person, chromium, needs_chromium, new_page, watched
from tests.web.folders import START, ended_with, make_run, row, write_rows
from tests.web.server import serving
from tests.web.test_runs import live

pytestmark = [pytest.mark.slow, needs_chromium]

MATE = "k8/9/K8/9/9/9/9/9/9 b G 1"


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as found:
        yield found


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, selector: str) -> None:
    """Go from the head of the page to a place, which shows that it has the focus."""
    page.locator("header a").first.focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            style = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(style) != "none", selector
            return
    raise AssertionError(selector)


def begin_as_white(page: Page) -> None:
    """Begin a game against the policy alone, which moves first."""
    page.locator("#side").select_option("1")
    page.locator("#nodes").fill("0")
    page.locator("#begins").click()
    expect(page.locator(".moves li")).to_have_count(1)


def test_a_reload_goes_on_with_the_game_its_side_and_its_player(
    browser: Browser, tmp_path: Path
) -> None:
    page = new_page(browser)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/play?name=greedy")
        expect(page.locator(".status")).to_contain_text("your move")
        begin_as_white(page)
        expect(page.locator(".status")).to_contain_text("White: your move")
        first = Person(page).game()["moves"]
        page.reload()
        expect(page.locator(".status")).to_contain_text("White: your move")
        assert Person(page).game()["moves"] == first
        assert page.locator("#side").input_value() == "1"
        assert page.locator("#player option:checked").inner_text().startswith("greedy")
        assert page.locator("#nodes").input_value() == "0"
        # White, who plays, is below: its king stands in the lower half.
        white, black = (page.locator(f".board use[href='#keisei-piece-{king}']") for king in "王玉")
        tops = [each.bounding_box() or {} for each in (white, black)]
        assert tops[0]["y"] > tops[1]["y"]
        page.goto(f"{visitor.address}/")
        page.go_back()
        expect(page.locator(".status")).to_contain_text("White: your move")
        assert Person(page).game()["moves"] == first


def test_a_link_to_a_player_that_is_gone_says_so(browser: Browser, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    page = new_page(browser)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/play?run=a&name=best.pt")
        expect(page.locator("main .problem[role=alert]")).to_contain_text("a best.pt is gone")
        expect(page.locator(".status")).to_contain_text("your move")


def test_a_server_that_is_away_costs_no_game(browser: Browser, tmp_path: Path) -> None:
    page = new_page(browser)
    person = Person(page)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/play")
        page.locator("#nodes").fill("0")
        expect(page.locator(".status")).to_contain_text("your move")
        page.route("**/api/move", lambda route: route.abort())
        person.click_move("7g7f")
        expect(page.locator("main .problem[role=alert]")).to_contain_text("does not answer")
        assert person.game()["moves"] == ["7g7f"]
        page.unroute("**/api/move")
        page.locator("#again").click()
        person.wait_for_moves(2)
        expect(page.locator("#again")).to_be_hidden()
    person.click_move("2g2f")
    expect(page.locator("main .problem[role=alert]")).to_contain_text("does not answer")
    assert len(person.game()["moves"]) == 2
    with serving(tmp_path, port=visitor.port):
        person.click_move("2g2f")
        person.wait_for_moves(4)
        expect(page.locator("main .problem[role=alert]")).to_have_text("")


def test_the_list_keeps_the_place_of_who_goes_through_it(browser: Browser, tmp_path: Path) -> None:
    for name in "abc":
        make_run(tmp_path / name, log=ended_with(None))
    folder = tmp_path / "b"
    page = new_page(browser)
    with serving(tmp_path) as visitor:
        page.goto(visitor.address)
        page.locator('tr[data-run="b"] input').focus()
        page.keyboard.press("Space")
        for step in (600, 700):
            write_rows(folder, row(step))
            cell = page.locator('tr[data-run="b"] [data-name="Plies"]')
            expect(cell).to_have_text(re.compile(f"^{step}"))
        focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert focused == "choose b"
        assert page.locator('tr[data-run="b"] input').is_checked()
        assert page.locator("tr[data-run]").first.get_attribute("data-run") == "b"


def test_a_run_page_stays_as_it_was_left_while_the_run_goes_on(
    browser: Browser, tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "a")
    game = {"sfen": START, "last": None, "value": None}
    (folder / "live.json").write_text(live(games=[game]), encoding="utf-8")
    page = new_page(browser)
    troubles = watched(page)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/run?run=a")
        expect(page.locator("h2", has_text="Games of this moment")).to_be_visible()
        loss = page.locator("figure.chart", has_text="learn/loss").element_handle()
        page.locator("summary", has_text="Learning").click()
        log = page.locator("details", has=page.locator("h2", has_text=re.compile("^Log$")))
        log.locator("summary").focus()
        page.keyboard.press("Enter")
        with (folder / "train.log").open("a", encoding="utf-8") as file:
            file.write("another line\n")
        write_rows(folder, row(600, **{"learn/new": 1.0}))
        expect(log.locator("pre")).to_contain_text("another line")
        expect(page.locator("h3", has_text="learn/new")).to_have_count(1)
        assert page.evaluate("document.activeElement.innerText") == "Log"
        assert not page.locator("h3", has_text="learn/new").is_visible()
        assert loss is not None
        assert loss.evaluate("chart => chart.isConnected")
        (folder / "live.json").write_text(live(games=[game], running=False), encoding="utf-8")
        expect(page.locator("h2", has_text="Games as the run left them")).to_be_visible()
        folder.rename(tmp_path / "b")
        expect(page.locator(".state.gone")).to_be_visible()
        expect(page.locator("main .problem")).to_contain_text("its folder is gone")
        expect(log.locator("pre")).to_contain_text("another line")
        (tmp_path / "b").rename(folder)
        expect(page.locator(".state.gone")).to_have_count(0)
    expect(page.locator("#trouble")).to_be_visible()
    write_rows(folder, row(700))
    with serving(tmp_path, port=visitor.port):
        expect(page.locator(".facts")).to_contain_text("700")
        expect(page.locator("#trouble")).to_be_hidden()
    assert [each for each in troubles if "net::ERR" not in each] == []


def test_laid_over_each_other_is_what_is_there(browser: Browser, tmp_path: Path) -> None:
    for number in range(10):
        make_run(tmp_path / str(number), log=ended_with(None))
    page = new_page(browser)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/compare?run=0&run=gone&run=1")
        expect(page.locator(".legend a")).to_have_count(2)
        expect(page.locator("main .problem")).to_contain_text("'gone'")
        everything = "&".join(f"run={number}" for number in range(10))
        page.goto(f"{visitor.address}/compare?{everything}")
        expect(page.locator("main > .problem")).to_contain_text("The first 8 of 10 runs")
        (tmp_path / "0").rename(tmp_path / "elsewhere")
        expect(page.locator(".state.gone")).to_have_count(1)


def test_a_short_game_by_keys_alone_is_told_in_words(browser: Browser, tmp_path: Path) -> None:
    page = new_page(browser, 800, 600)
    troubles = watched(page)
    board = page.locator(".play-board svg.board")
    spoken = page.locator(".spoken")

    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/play")
        expect(page.locator(".status")).to_contain_text("your move")
        expect(board).to_have_attribute("role", "application")
        expect(board).to_have_attribute("aria-label", re.compile("Arrow keys"))
        tab_to(page, "#nodes")
        press(page, "Control+a", "0")
        tab_to(page, "svg.board")
        press(page, "ArrowUp", "ArrowUp", "ArrowUp", "Enter")
        expect(spoken).to_have_text("5g Black pawn is taken up; it can go to 5f")
        press(page, "ArrowUp", "Enter")
        expect(page.locator(".moves li")).to_have_count(2)
        expect(page.locator(".status")).to_contain_text(re.compile("White played △.*your move"))
        tab_to(page, "#start")
        press(page, "End")
        tab_to(page, "#sfen")
        page.keyboard.type(MATE)
        tab_to(page, "#begins")
        press(page, "Enter")
        expect(page.locator(".moves li")).to_have_count(0)
        tab_to(page, "svg.board")
        press(page, "ArrowUp", "ArrowDown", "ArrowDown", "Enter")
        expect(spoken).to_contain_text("Black gold in hand is taken up; it can go to 79 squares")
        press(page, *["ArrowUp"] * 8, *["ArrowLeft"] * 3, "Enter")
        expect(page.locator(".status")).to_contain_text("Checkmate (詰み): Black wins")
        assert troubles == []


@pytest.mark.parametrize(("width", "height"), [(640, 360), (740, 340), (360, 640), (1600, 900)])
def test_the_whole_board_fits_the_screen(
    browser: Browser, tmp_path: Path, width: int, height: int
) -> None:
    page = new_page(browser, width, height)
    with serving(tmp_path) as visitor:
        for path in ("/play", "/analysis"):
            page.goto(visitor.address + path)
            box = page.locator("svg.board").bounding_box()
            assert box is not None
            assert box["height"] <= height
            assert box["width"] >= 240


def test_a_game_is_read_on_a_narrow_screen_without_scrolling_aside(
    browser: Browser, tmp_path: Path
) -> None:
    page = new_page(browser, 360, 740)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/analysis")
        page.locator('[data-open="ask"]').click()
        page.locator("dialog textarea").fill("7g7f 3c3d 8h2b+ 3a2b B*4e 5a5b 4e6c+ 5b6c")
        page.locator('[data-open="take"]').click()
        expect(page.locator(".game-table tbody tr")).to_have_count(8)
        page.locator("#nodes").fill("20")
        page.locator("#analyse").click()
        expect(page.locator(".thoughts tr[data-move]").first).to_be_visible()
        inside = "each => each.scrollWidth <= each.clientWidth"
        for place in (".game-table", ".thoughts .scroll"):
            assert page.locator(place).evaluate(inside), place
        heights = page.locator(".game-table tbody td:nth-child(2)").all()
        assert all((each.bounding_box() or {})["height"] < 40 for each in heights)


@pytest.mark.parametrize("numbers", [(0.0, 5e-324), (1e17, 1e17 + 16), (-1e299, 1e299)])
def test_numbers_of_any_size_leave_the_page_alive(
    browser: Browser, tmp_path: Path, numbers: tuple[float, float]
) -> None:
    folder = make_run(tmp_path / "a", 1)
    write_rows(folder, *(row(200 + step, **{"learn/loss": n}) for step, n in enumerate(numbers)))
    text = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[1:]
    (folder / "metrics.jsonl").write_text("".join(text), encoding="utf-8")
    page = new_page(browser)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/run?run=a")
        chart = page.locator("figure.chart", has_text="learn/loss")
        chart.scroll_into_view_if_needed(timeout=20_000)
        expect(chart.locator("svg[role=img] g path")).to_have_count(1, timeout=20_000)


@pytest.mark.parametrize(
    ("end", "words"),
    [("%TORYO", "Resignation (投了)"), ("%TIME_UP", "Out of time"), ("%ILLEGAL_MOVE", "Illegal")],
)
def test_a_long_game_that_is_opened_ends_as_it_did(
    browser: Browser, tmp_path: Path, end: str, words: str
) -> None:
    start = "k8/9/9/9/9/9/9/9/8K b - 1"
    board, chance, moves = Board(start), Random(1), list[Move]()
    while len(moves) < 600:
        moves.append(chance.choice(board.legal_moves))
        board.push(moves[-1])
        if board.repetition_count() == 3:
            board.pop()
            moves.pop()
    game = to_csa(GameRecord(0, BLACK, start=start, moves=moves), "a", "b").rpartition("%")[0]
    page = new_page(browser)
    with serving(tmp_path) as visitor:
        page.goto(f"{visitor.address}/analysis")
        page.locator('[data-open="ask"]').click()
        page.locator("dialog textarea").fill(f"{game}{end}\n")
        page.locator('[data-open="take"]').click()
        expect(page.locator(".status")).to_contain_text(words)
        expect(page.locator(".status")).to_contain_text("Move 600: ")
        page.reload()
        expect(page.locator(".status")).to_contain_text(words)
