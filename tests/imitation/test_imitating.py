"""Whole runs of imitation, small."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from keisei.config_file import load_config
from keisei.config_schema import ConfigError
from keisei.imitation.imitating import Imitation, ImitationPlan
from keisei.imitation.sources import SourceError
from keisei.training.model_manager import find_policy, load_policy
from keisei.web.run_folder import RunFolder
from tests.imitation.games import psv_records, random_game, write_csa
from tests.training.runs import rows_without_time

PAGE = Path(__file__).parents[2] / "docs" / "imitation.md"


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Thirty short games that Black wins, in two files of different kinds."""
    folder = tmp_path_factory.mktemp("games")
    played = [random_game(seed, 21) for seed in range(30)]
    write_csa(folder / "a.csa", played[:20], "%TORYO")
    packed = [psv_records(moves, 0).tobytes() for moves in played[20:]]
    (folder / "b.psv").write_bytes(b"".join(packed))
    return [folder / "a.csa", folder / "b.psv"]


def imitation(folder: Path, files: list[Path], **others: Any) -> Imitation:
    plan = ImitationPlan(others.pop("passes", 2), 64, others.pop("held_out", 0.2))
    show = others.pop("show", None)
    settings = {
        "session.run_dir": folder,
        "session.device": "cpu",
        "session.seed": 3,
        "model.options.width": 64,
        **others,
    }
    return Imitation(load_config(overrides=settings), plan, files, show)


def test_a_run_learns_and_leaves_a_folder_like_others(games: list[Path], tmp_path: Path) -> None:
    lines: list[str] = []
    run = imitation(tmp_path / "a", games, passes=10, show=lines.append)
    assert run.run() is None
    rows = rows_without_time(tmp_path / "a")
    assert len(rows) == 10
    assert rows[-1]["learn/policy_loss"] < 0.9 * rows[0]["learn/policy_loss"]
    assert rows[-1]["learn/value_loss"] < 0.9 * rows[0]["learn/value_loss"]
    assert rows[-1]["eval/held_out_value_loss"] < rows[0]["eval/held_out_value_loss"]
    assert rows[-1]["step"] == 10 * rows[0]["step"] < 10 * 30 * 21
    summary = RunFolder(tmp_path / "a").summary()
    assert summary["state"] == "ended"
    assert summary["problems"] == []
    assert summary["total"] == rows[-1]["step"]
    learned = int(rows[0]["step"])
    said = [line for line in lines if line.startswith(("Files", "Learning"))]
    assert said == [
        "Files: 2, passes: 10, batches of 64 positions, "
        f"threads: {torch.get_num_threads()} for torch",
        f"Learning begins: {learned} positions in each of 10 passes",
        f"Learning ends after {10 * learned} positions",
    ]
    assert not any(word in line for line in lines for word in ("Games: ", "timestep"))
    saved = load_policy(find_policy(tmp_path / "a")).state_dict()
    own = run.models.network.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in saved.items())


def test_the_page_explains_exactly_what_is_logged(games: list[Path], tmp_path: Path) -> None:
    imitation(tmp_path / "a", games, passes=1).run()
    logged = set(json.loads((tmp_path / "a/metrics.jsonl").read_text()))
    table = PAGE.read_text().partition("## Metrics")[2]
    explained = re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE)
    assert set(explained) == logged


def test_the_same_seed_gives_the_same_weights(games: list[Path], tmp_path: Path) -> None:
    runs = [imitation(tmp_path / name, games) for name in "ab"]
    other = imitation(tmp_path / "c", games, **{"session.seed": 4})
    for run in (*runs, other):
        run.run()
    one, two = (run.models.network.state_dict() for run in runs)
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert rows_without_time(tmp_path / "a") == rows_without_time(tmp_path / "b")
    assert rows_without_time(tmp_path / "a") != rows_without_time(tmp_path / "c")


def test_portions_are_small_and_every_position_comes_once(
    games: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keisei.imitation.imitating._PORTION", 100)
    monkeypatch.setattr("keisei.imitation.sources._AT_ONCE", 40)
    run = imitation(tmp_path / "a", games, held_out=0.0)
    run.run()
    assert rows_without_time(tmp_path / "a")[-1]["step"] == 2 * 30 * 21
    assert run.judged == {}


@pytest.mark.parametrize("options", [{"blocks": 1, "channels": 8}])
def test_every_network_learns_by_the_same_path(
    options: dict[str, int], games: list[Path], tmp_path: Path
) -> None:
    run = imitation(tmp_path / "a", games, **{"model.network": "resnet", "model.options": options})
    run.run()
    rows = rows_without_time(tmp_path / "a")
    assert rows[-1]["learn/value_loss"] < rows[0]["learn/value_loss"]


def test_a_run_begins_with_a_policy_and_gives_one_to_begin_with(
    games: list[Path], tmp_path: Path
) -> None:
    imitation(tmp_path / "a", games).run()
    second = imitation(tmp_path / "b", games, **{"model.init": tmp_path / "a"})
    learned = load_policy(find_policy(tmp_path / "a")).state_dict()
    begun = second.models.network.state_dict()
    assert all(torch.equal(value, begun[name]) for name, value in learned.items())


def test_a_signal_ends_the_run_in_order(games: list[Path], tmp_path: Path) -> None:
    lines: list[str] = []

    def show(line: str) -> None:
        lines.append(line)
        if line.startswith("Pass 2 "):
            os.kill(os.getpid(), signal.SIGINT)

    run = imitation(tmp_path / "a", games, passes=1000, show=show)
    assert run.run() == "SIGINT"
    assert lines[-1].endswith("(SIGINT)")
    assert len(lines) < 20
    assert find_policy(tmp_path / "a").exists()
    assert RunFolder(tmp_path / "a").summary()["why"] == "SIGINT"


def test_what_cannot_be_learned_from_is_said(games: list[Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty.psv"
    empty.write_bytes(b"\0" * 60)
    with pytest.raises(SourceError, match="no position to learn from; Skipped 1: "):
        imitation(tmp_path / "a", [empty]).run()
    with pytest.raises(ConfigError, match=r"session\.processes = 2"):
        imitation(tmp_path / "b", games, **{"session.processes": 2})
