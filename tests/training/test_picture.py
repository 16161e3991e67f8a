import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from keisei.training.game_statistics import GameStatistics
from keisei.training.metrics_manager import RunProgress
from keisei.training.picture import RunPicture
from tests.training.progress import BOARD_TEXT, EMPTY, FULL


def drawn_lines(progress: RunProgress, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)
    rendered = console.render_lines(RunPicture(progress, BOARD_TEXT), pad=False)
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
@pytest.mark.parametrize("progress", [EMPTY, FULL], ids=["empty", "full"])
def test_the_picture_stays_within_the_terminal(
    progress: RunProgress, width: int, height: int
) -> None:
    lines = drawn_lines(progress, width, height)
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
        "checkmate", "70", "75%", "76%", "95.3%", "91.0%",
    ):  # fmt: skip
        assert part in text


def test_numbers_of_a_very_long_run_are_not_cut_at_80_columns() -> None:
    progress = replace(
        FULL,
        global_timestep=987_654_321_000,
        total_timesteps=1_000_000_000_000,
        results=GameStatistics(ends=np.array([0, 9_999_999, 0, 0, 0, 0, 0]), black_wins=9_999_999),
    )
    text = "\n".join(drawn_lines(progress, 80, 24))
    assert "987,654.32M of 1,000,000.00M plies" in text
    assert text.count("9,999,999") == 3
    assert "…" not in text


def test_a_small_terminal_keeps_progress_and_time_left() -> None:
    text = "\n".join(drawn_lines(FULL, 40, 12))
    assert "25.0%" in text
    assert "1:02:03" in text
    assert "last move" not in text


@pytest.mark.parametrize(("width", "height"), [(126, 26), (78, 22)])
def test_large_pictures_show_pool_rating_and_each_opponent(width: int, height: int) -> None:
    text = "\n".join(drawn_lines(FULL, width, height))
    for part in ("12", "62.5%", "412", "random", "99.2%", "greedy", "91.4%"):
        assert part in text
    assert ("31.4%" in text) == (width == 126)


def test_a_run_without_a_pool_shows_none() -> None:
    text = "\n".join(drawn_lines(replace(FULL, opponents={}), 140, 40))
    assert "pool" not in text
    assert "snapshots" not in text


def test_many_opponents_with_long_names_fit() -> None:
    met = {f"usi_fairy_stockfish_nodes_{10**n}_score": 0.1 * n for n in range(9)}
    progress = replace(FULL, evaluation=FULL.evaluation | met)
    lines = drawn_lines(progress, 126, 26)
    assert len(lines) < 26
    assert any("…ckfish_nodes_100  20.0%" in line for line in lines)
