"""live.json: where a run stands, for whoever looks into its folder."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from keisei.shogi import Board
from keisei.training import live_file, presence
from keisei.training.callbacks import Callback, RunView
from tests.training.runs import NUM_ENVS, ROLLOUT, rows_without_time, small_config, train


class Reader(Callback):
    """Reads the file at each step; the callback that writes it comes after this one."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    @override
    def on_step_end(self, run: RunView) -> None:
        path = run.run_dir / "live.json"
        if path.exists():
            self.found.append(json.loads(path.read_text(encoding="utf-8")))


def test_a_run_tells_where_it_stands_and_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "_SECONDS", 0.0)
    reader = Reader()
    train(small_config(tmp_path, updates=3), callbacks=(reader,))
    steps = [facts["step"] for facts in reader.found]
    assert steps == list(range(NUM_ENVS, 3 * ROLLOUT, NUM_ENVS))
    assert all(facts["running"] and facts["total"] == 3 * ROLLOUT for facts in reader.found)
    process = reader.found[0]["process"]
    assert process["pid"] == os.getpid()
    assert process["started"] == presence.process_start(os.getpid())
    last = json.loads((tmp_path / "live.json").read_text(encoding="utf-8"))
    assert (last["running"], last["step"], last["updates"]) == (False, 3 * ROLLOUT, 3)


def test_its_games_are_those_that_are_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "_SECONDS", 0.0)
    reader = Reader()
    train(small_config(tmp_path, updates=2), callbacks=(reader,))
    before: list[Board] = [Board() for _ in range(NUM_ENVS)]
    for facts in reader.found:
        assert len(facts["games"]) == NUM_ENVS
        for number, game in enumerate(facts["games"]):
            if game["last"] is None:
                before[number] = Board()
            else:
                before[number].push_usi(game["last"])
            shown, played = game["sfen"].split(), before[number].sfen().split()
            assert shown[:3] == played[:3]
            if game["value"] is not None:
                assert -1 <= game["value"] <= 1


def test_it_is_written_at_most_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("keisei.training.live_file.time.monotonic", lambda: now[0])

    class Clock(Callback):
        @override
        def on_step_end(self, run: RunView) -> None:
            now[0] += 0.3

    reader = Reader()
    train(small_config(tmp_path, updates=2), callbacks=(Clock(), reader))
    assert sorted({facts["step"] for facts in reader.found}) == [
        NUM_ENVS * step for step in (1, 5, 9)
    ]


def test_a_file_that_cannot_be_written_is_said_once_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_file, "_SECONDS", 0.0)
    train(small_config(tmp_path / "a", updates=2))
    (tmp_path / "b" / "live.json").mkdir(parents=True)
    train(small_config(tmp_path / "b", updates=2))
    log = (tmp_path / "b" / "train.log").read_text(encoding="utf-8")
    assert log.count("live.json': it is no file; the run goes on without it") == 1
    assert rows_without_time(tmp_path / "a") == rows_without_time(tmp_path / "b")
    assert "live.json" not in (tmp_path / "a" / "train.log").read_text(encoding="utf-8")


def test_processes_that_are_none_have_no_start() -> None:
    assert presence.process_start(2**22 + 1) is None
