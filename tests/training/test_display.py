import io
from dataclasses import replace

import pytest
from rich.console import Console

from keisei.training.display import Mode, TrainingDisplay
from keisei.training.metrics_manager import RunProgress
from tests.training.progress import EMPTY, FULL


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def display_on(text: io.StringIO, mode: Mode = "log") -> TrainingDisplay:
    return TrainingDisplay(mode, Console(file=text, width=80))


def at_update(number: int) -> RunProgress:
    return replace(EMPTY, updates=number, global_timestep=1000 * number)


def test_a_pipe_gets_one_line_an_update_and_no_control_codes() -> None:
    text, clock = io.StringIO(), Clock()
    with TrainingDisplay("auto", Console(file=text), clock=clock) as display:
        for number in (0, 0, 1, 1, 2):
            clock.now += 6.0
            display.update(at_update(number))
    lines = text.getvalue().splitlines()
    assert [line.split("  ")[2] for line in lines] == ["update 1", "update 2"]
    assert "\x1b" not in text.getvalue()


def test_updates_in_quick_succession_share_a_line_and_the_last_is_told_at_the_end() -> None:
    text, clock = io.StringIO(), Clock()
    display = TrainingDisplay("log", Console(file=text), log_every_seconds=5.0, clock=clock)
    with display:
        for number in range(8):
            clock.now = 2.0 * number
            display.update(at_update(number))
    told = [line.split("  ")[2] for line in text.getvalue().splitlines()]
    assert told == ["update 3", "update 6", "update 7"]


def test_a_long_rollout_is_not_silent_and_a_resumed_run_has_no_news_at_first() -> None:
    text, clock = io.StringIO(), Clock()
    with TrainingDisplay("log", Console(file=text), log_every_seconds=5.0, clock=clock) as display:
        for second in range(0, 64, 4):
            clock.now = float(second)
            display.update(replace(at_update(39), global_timestep=second))
    lines = text.getvalue().splitlines()
    assert [line.split("/")[0] for line in lines] == ["32", "60"]


def test_long_lines_and_brackets_pass_unchanged() -> None:
    text = io.StringIO()
    line = "[bold]seed[/bold] " + "x" * 300
    with display_on(text) as display:
        display.message(line)
    assert text.getvalue() == line + "\n"


def test_after_the_end_messages_come_below_the_last_picture() -> None:
    text = io.StringIO()
    console = Console(file=text, width=80, height=24, force_terminal=True, color_system=None)
    with TrainingDisplay("live", console) as display:
        display.update(at_update(3))
        display.finish()
        display.message("a line below")
    assert text.getvalue().endswith("a line below\n")
    assert text.getvalue().count("update 3") == 2  # drawn at once, and at the end


def test_quiet_prints_nothing() -> None:
    text = io.StringIO()
    with display_on(text, "quiet") as display:
        display.message("hello")
        display.update(FULL)
    assert text.getvalue() == ""


def test_the_live_picture_is_redrawn_at_most_as_often_as_asked() -> None:
    text, clock = io.StringIO(), Clock()
    console = Console(file=text, width=80, height=24, force_terminal=True, color_system=None)
    with TrainingDisplay("live", console, refresh_per_second=2.0, clock=clock) as display:
        for number in range(6):
            clock.now = 0.2 * number
            display.update(at_update(number))
        drawn = text.getvalue()
        display.message("a line above")
    told = [f"update {number}" for number in range(6) if f"update {number}" in drawn]
    assert told == ["update 0", "update 3"]
    assert "update 5" in text.getvalue()
    assert "a line above" in text.getvalue()


@pytest.mark.parametrize(("kind", "drawn"), [("xterm", ["board"]), ("dumb", [])])
def test_a_terminal_gets_the_live_picture_and_a_dumb_one_lines(
    kind: str, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", kind)
    text, asked = io.StringIO(), list[str]()
    console = Console(file=text, width=80, height=24, force_terminal=True, color_system=None)
    clock = Clock()
    with TrainingDisplay(
        "auto", console, board=lambda: asked.append("board") or "a board", clock=clock
    ) as display:
        for number in (1, 2):  # within one frame
            display.update(at_update(number))
        assert asked == drawn
    assert ("a board" in text.getvalue()) == bool(drawn)
