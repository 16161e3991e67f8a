import io
from dataclasses import replace

import pytest
from rich.console import Console

from keisei.training.display import Mode, RunPicture, TrainingDisplay, log_line
from keisei.training.metrics_manager import RunSnapshot

BOARD_TEXT = """\
White R2b4g3sn5p
 9 8 7 6 5 4 3 2 1
 l . . . . . . n l a
 . . . . .+P . g k b
 . . n p . S . . . c
 p . p . . . . P p d
 . . . P . . S p . e
 . P P b . . P . P f
 P . . . . . G S . g
 R . . . . . . . . h
 L N . . . . b K L i
Black RG
White to move, 34
last move 2g2f"""

EMPTY = RunSnapshot(
    global_timestep=0,
    total_timesteps=200_000,
    updates=0,
    games={},
    black_wins=0,
    white_wins=0,
    draws=0,
    truncations=0,
    mean_plies=0.0,
    sps={},
    phase_seconds={},
    learning={},
    recent={},
    evaluation={},
    board_text=None,
    elapsed_seconds=0.0,
    eta_seconds=None,
    message="",
)
FULL = RunSnapshot(
    global_timestep=50_000,
    total_timesteps=200_000,
    updates=12,
    games={"CHECKMATE": 70, "SENNICHITE": 10, "MAX_PLIES": 20},
    black_wins=40,
    white_wins=30,
    draws=10,
    truncations=20,
    mean_plies=113.4,
    sps={"env": 612_345.0, "learn": 3_912.0, "overall": 2_890.0},
    phase_seconds={"env": 1.0, "act": 20.0, "store": 1.0, "learn": 76.0, "other": 2.0},
    learning={
        "policy_loss": -0.0123,
        "value_loss": 0.4321,
        "entropy": 2.01,
        "entropy_normalised": 0.61,
        "approx_kl": 0.00412,
        "explained_variance": 0.43,
    },
    recent={"finished": 16.0, "share_checkmate": 0.75, "share_max_plies": 0.25},
    evaluation={"score": 0.953, "score_low": 0.91, "score_high": 0.978, "games": 64.0},
    board_text=BOARD_TEXT,
    elapsed_seconds=17.0,
    eta_seconds=3723.0,
    message="saved checkpoint-000000050000.pt",
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def display_on(text: io.StringIO, mode: Mode = "log") -> TrainingDisplay:
    return TrainingDisplay(mode, Console(file=text, width=80))


def at_update(number: int) -> RunSnapshot:
    return replace(EMPTY, updates=number, global_timestep=1000 * number)


def test_log_line_tells_progress_learning_games_and_time_left() -> None:
    assert log_line(FULL) == (
        "50,000/200,000 25.0%  2,890 sps  update 12  policy -0.0123  value 0.4321  "
        "entropy 2.010  normalised 0.610  kl 0.00412  ev +0.430  "
        "games 100 (black 40.0%, white 30.0%)  ends checkmate 75%, ply cap 25%  eval 95.3%  "
        "eta 1:02:03"
    )


def test_the_last_step_may_pass_the_end_by_a_few_plies() -> None:
    assert "200,192/200,000 100.0%" in log_line(replace(FULL, global_timestep=200_192))


def test_log_line_before_the_first_update_names_only_what_is_known() -> None:
    assert log_line(EMPTY) == "0/200,000 0.0%  - sps  update 0  eta -"


def test_a_pipe_gets_one_line_an_update_and_no_control_codes() -> None:
    text, clock = io.StringIO(), Clock()
    with TrainingDisplay("auto", Console(file=text), clock=clock) as display:
        assert not display.wants_board
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


def test_a_notice_is_told_once() -> None:
    text, clock = io.StringIO(), Clock()
    with TrainingDisplay("log", Console(file=text), log_every_seconds=9.0, clock=clock) as display:
        display.update(at_update(1))
        display.update(replace(at_update(2), message="halfway"))
        display.update(replace(at_update(3), message="halfway"))
        display.message("a line of its own")
        display.update(replace(at_update(4), message="a line of its own"))
    lines = text.getvalue().splitlines()
    assert lines[:2] == ["halfway", "a line of its own"]
    assert len(lines) == 3


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


def test_quiet_prints_nothing() -> None:
    text = io.StringIO()
    with display_on(text, "quiet") as display:
        display.message("hello")
        display.update(FULL)
    assert text.getvalue() == ""


def drawn_lines(snapshot: RunSnapshot, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)
    rendered = console.render_lines(RunPicture(snapshot), pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in rendered]


SIZES = [
    (200, 60),
    (140, 40),
    (126, 26),
    (125, 40),
    (80, 24),
    (78, 22),
    (60, 20),
    (40, 12),
    (30, 5),
]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("snapshot", [EMPTY, FULL], ids=["empty", "full"])
def test_the_picture_stays_within_the_terminal(
    snapshot: RunSnapshot, width: int, height: int
) -> None:
    lines = drawn_lines(snapshot, width, height)
    assert 0 < len(lines) < height
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), [(140, 40), (80, 24)])
def test_large_pictures_show_board_losses_ends_phases_and_evaluation(
    width: int, height: int
) -> None:
    text = "\n".join(drawn_lines(FULL, width, height))
    for rank in BOARD_TEXT.splitlines():
        assert rank in text
    for part in (
        "25.0%", "1:02:03", "50,000 of 200,000",
        "-0.0123", "0.4321", "2.010", "0.610", "0.00412", "+0.430",
        "612,345", "3,912", "2,890",
        "checkmate", "70", "75%", "76%", "95.3%", "91.0%", "saved checkpoint",
    ):  # fmt: skip
        assert part in text


def test_numbers_of_a_very_long_run_are_not_cut_at_80_columns() -> None:
    snapshot = replace(
        FULL,
        global_timestep=987_654_321_000,
        total_timesteps=1_000_000_000_000,
        games={"CHECKMATE": 9_999_999},
        black_wins=9_999_999,
    )
    text = "\n".join(drawn_lines(snapshot, 80, 24))
    assert "987,654.32M of 1,000,000.00M plies" in text
    assert text.count("9,999,999") == 3
    assert "…" not in text


def test_a_small_terminal_keeps_progress_and_time_left() -> None:
    text = "\n".join(drawn_lines(FULL, 40, 12))
    assert "25.0%" in text
    assert "1:02:03" in text
    assert "last move" not in text


def test_the_live_picture_is_redrawn_at_most_as_often_as_asked() -> None:
    text, clock = io.StringIO(), Clock()
    console = Console(file=text, width=80, height=24, force_terminal=True, color_system=None)
    with TrainingDisplay("live", console, refresh_per_second=2.0, clock=clock) as display:
        assert display.wants_board
        for number in range(6):
            clock.now = 0.2 * number
            display.update(at_update(number))
        drawn = text.getvalue()
        display.message("a line above")
    told = [f"update {number}" for number in range(6) if f"update {number}" in drawn]
    assert told == ["update 0", "update 3"]
    assert "update 5" in text.getvalue()
    assert "a line above" in text.getvalue()


def test_a_terminal_gets_the_live_picture_and_a_dumb_one_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert TrainingDisplay("auto", Console(force_terminal=True)).wants_board
    monkeypatch.setenv("TERM", "dumb")
    assert not TrainingDisplay("auto", Console(force_terminal=True)).wants_board
