"""What the page tells of run folders, whole ones and others."""

import itertools
import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from keisei.web.library import Library
from keisei.web.run_folder import RunFolder
from tests.web.folders import LOG, START, ended_with, make_run, row, write_rows
from tests.web.server import Visitor, serving


@pytest.fixture
def visitor(tmp_path: Path) -> Generator[Visitor]:
    """Of a server of the runs in the test's folder."""
    with serving(tmp_path) as found:
        yield found


def state_of(folder: Path) -> tuple[str, str | None]:
    run = RunFolder(folder).summary()
    return run["state"], run["why"]


def live(**others: Any) -> str:
    process = {"host": "elsewhere", "pid": 1, "started": 1}
    facts = {"running": True, "written": time.time(), "process": process, "step": 550}
    return json.dumps({**facts, "sps": 42.0, "eta": 10.0, "games": [], **others})


def test_the_list_tells_state_rating_and_plies_of_each_run(
    tmp_path: Path, visitor: Visitor
) -> None:
    make_run(tmp_path / "a", log=ended_with("SIGINT"))
    make_run(tmp_path / "group" / "b", 10)
    runs = {run["run"]: run for run in visitor.told("/api/runs")}
    assert runs.keys() == {"a", "group/b"}
    assert (runs["a"]["state"], runs["a"]["why"]) == ("stopped", "SIGINT")
    assert (runs["a"]["step"], runs["a"]["total"], runs["a"]["rating"]) == (500, 1000, 321)
    assert runs["group/b"]["state"] == "ended"
    assert all(run["problems"] == [] for run in runs.values())


def test_a_run_folder_itself_can_be_served(tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    with serving(tmp_path / "a") as visitor:
        assert [run["run"] for run in visitor.told("/api/runs")] == ["a"]


@pytest.mark.parametrize(
    ("log", "state"),
    [
        (ended_with(None), ("ended", None)),
        (ended_with("collapse"), ("stopped", "collapse")),
        (
            f"{LOG}2026-01-01 00:01:00,000 ERROR Training failed at timestep 500\n"
            "Traceback (most recent call last):\n",
            ("stopped", "an error, which its log tells"),
        ),
        (ended_with("SIGTERM") + LOG, ("stopped", "its process ended without a word")),
    ],
)
def test_how_a_run_ended_is_taken_from_its_log(
    tmp_path: Path, log: str, state: tuple[str, str | None]
) -> None:
    folder = make_run(tmp_path / "a", log=log)
    (folder / "live.json").write_text(live(running=False), encoding="utf-8")
    assert state_of(folder) == state


def test_a_run_is_running_while_its_process_is(tmp_path: Path, visitor: Visitor) -> None:
    folder = make_run(tmp_path / "a")
    file = folder / "live.json"
    file.write_text(live(), encoding="utf-8")
    assert state_of(folder) == ("running", None)
    (run,) = visitor.told("/api/runs")
    assert (run["step"], run["sps"], run["eta"]) == (550, 42, 10)
    file.write_text(live(written=time.time() - 1000), encoding="utf-8")
    assert state_of(folder)[0] == "stopped"
    here = {"host": os.uname().nodename, "pid": os.getpid(), "started": 1}
    file.write_text(live(process=here), encoding="utf-8")
    assert state_of(folder) == ("stopped", "its process ended without a word")


def test_rows_are_read_on_and_anew_when_they_are_written_anew(
    tmp_path: Path, visitor: Visitor
) -> None:
    folder = make_run(tmp_path / "a", 3)

    def series(**begin: int) -> Any:
        return visitor.told("/api/series", run="a", **begin)

    first = series()
    assert first["columns"]["step"] == [100, 200, 300]
    assert first["columns"]["eval/rating"] == [None, None, 321]
    write_rows(folder, row(400, new=7))
    more = series(**{"from": 3})
    assert more["columns"]["step"] == [400]
    assert (more["lines"], more["columns"]["new"], more["columns"]["eval/rating"]) == (
        4,
        [7],
        [None],
    )
    assert more["generation"] == first["generation"]
    again = folder / "again"
    again.write_text(json.dumps(row(900)) + "\n", encoding="utf-8")
    again.replace(folder / "metrics.jsonl")
    assert series()["columns"]["step"] == [900]
    assert series()["generation"] != first["generation"]


def test_long_runs_are_thinned_but_keep_evaluations(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", 1)
    write_rows(
        folder,
        *(row(step, **({"eval/score": 1.0} if step == 333 else {})) for step in range(101, 3100)),
    )
    columns = Library(tmp_path).series("a", 0)["columns"]
    assert 300 < len(columns["step"]) < 610
    assert {100, 333} <= set(columns["step"])
    gaps = {after - before for before, after in itertools.pairwise(columns["step"])}
    assert max(gaps) == 6


@pytest.mark.parametrize("scored", [False, True])
def test_a_run_that_grows_long_is_thinned_as_it_goes(tmp_path: Path, *, scored: bool) -> None:
    folder = make_run(tmp_path / "a", 1)
    library = Library(tmp_path)
    held, generation = library.series("a", 0), 0
    step = 100
    for _ in range(8):
        score = {"eval/score": 0.5} if scored else {}
        write_rows(folder, *(row(step := step + 1, **score) for _ in range(500)))
        news = library.series("a", held["lines"])
        if news["generation"] != held["generation"]:
            held, generation = library.series("a", 0), generation + 1
        else:
            held["columns"]["step"] += news["columns"]["step"]
            held["lines"] = news["lines"]
        assert held["columns"]["step"] == library.series("a", 0)["columns"]["step"]
        assert len(held["columns"]["step"]) <= 1000
    assert held["lines"] == 4001
    assert 1 < generation < 8


def test_half_written_files_show_what_can_be_read_and_say_what_cannot(
    tmp_path: Path, visitor: Visitor
) -> None:
    folder = make_run(tmp_path / "a")
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(
            b'[1, 2]\n\xff\xfe\n{"step": "x"}\n' + b"[" * 60_000 + b"\n" + b'{"step": 600, "le'
        )
    (folder / "config.toml").write_bytes(b"\xff\x00 = ")
    (folder / "live.json").write_bytes(b'{"running": tr')
    (run,) = visitor.told("/api/runs")
    assert run["step"] == 500
    assert {problem.split()[0] for problem in run["problems"]} == {
        "config.toml",
        "live.json",
        "the",
    }
    details = visitor.told("/api/run", run="a")
    assert details["games"] == []
    assert details["log"] == LOG
    series = visitor.told("/api/series", run="a")
    assert (len(series["columns"]["step"]), series["spoilt"]) == (5, 4)
    assert series["lines"] == 9


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 400, "NaN", "Infinity", "true", "[]"])
def test_numbers_that_are_none_stay_out_of_the_answers(
    tmp_path: Path, visitor: Visitor, number: str
) -> None:
    folder = make_run(tmp_path / "a", 1)
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(f'{{"step": 200, "learn/loss": {number}, "time/elapsed": {number}}}\n')
    (folder / "live.json").write_text(f'{{"running": true, "step": {number}}}', encoding="utf-8")
    assert visitor.told("/api/runs")[0]["step"] == 200
    assert visitor.told("/api/series", run="a")["columns"]["learn/loss"][1] in (None, 1)


def test_links_devices_and_pipes_in_a_run_folder_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(json.dumps(row(123)) + "\nsecret\n", encoding="utf-8")
    root = tmp_path / "runs"
    folder = make_run(root / "a")
    for name in ("metrics.jsonl", "train.log", "environment.json", "config.toml"):
        (folder / name).unlink()
        (folder / name).symlink_to(secret)
    os.mkfifo(folder / "live.json")
    (folder / "checkpoints" / "best.pt").symlink_to(secret)
    (root / "link").symlink_to(make_run(tmp_path / "outside"), target_is_directory=True)
    with serving(root) as visitor:
        assert [run["run"] for run in visitor.told("/api/runs")] == ["a"]
        texts = [visitor.ask(path, {"run": "a"}).text for path in ("/api/run", "/api/series")]
        assert not any("secret" in text or "123" in text for text in texts)
        assert visitor.told("/api/run", run="a")["checkpoints"] == []


def test_checkpoints_are_listed_and_other_files_are_not(tmp_path: Path, visitor: Visitor) -> None:
    folder = make_run(tmp_path / "a") / "checkpoints"
    for name in ("checkpoint-000000000100.pt", "checkpoint-000000000300.pt", "policy.safetensors"):
        (folder / name).write_bytes(b"x")
    (folder / "best.pt").write_bytes(b"xx")
    (folder / "best.json").write_text('{"timestep": 200}', encoding="utf-8")
    (folder / "checkpoint-1.pt.tmp").write_bytes(b"x")
    found = visitor.told("/api/run", run="a")["checkpoints"]
    assert [(each["name"], each["step"]) for each in found] == [
        ("checkpoint-000000000300.pt", 300),
        ("best.pt", 200),
        ("checkpoint-000000000100.pt", 100),
        ("policy.safetensors", None),
    ]


def test_running_games_come_through_as_far_as_they_are_some(
    tmp_path: Path, visitor: Visitor
) -> None:
    folder = make_run(tmp_path / "a")
    games = [{"sfen": START, "last": "7g7f", "value": 0.5}, {"sfen": 7}, "x", {"sfen": "y" * 300}]
    games += [{"sfen": "\ud800"}, {"sfen": "k"}, {"sfen": START, "last": "\ud800"}]
    (folder / "live.json").write_text(live(games=games * 9), encoding="utf-8")
    found = visitor.told("/api/run", run="a")["games"]
    assert found == [games[0]] * 2


def test_what_no_trainer_writes_breaks_no_answer(tmp_path: Path, visitor: Visitor) -> None:
    folder = make_run(tmp_path / "a")
    ratings = (
        '[{"name": "\\ud800", "elo": 1}, {"name": "a", "elo": NaN}, {"name": "b", "elo": 1e15}, 7, '
        '{"name": 7, "elo": 1}, {"name": "c", "elo": 1, "low": -1e9, "high": "x", "games": 1e999}]'
    )
    (tmp_path / "ladder.json").write_text(f'{{"ratings": {ratings}}}', encoding="utf-8")
    odd = '{"x": NaN, "y": "\\ud800", "z": 1e999, "running": true, "games": [{"value": NaN}]}'
    (folder / "live.json").write_text(odd, encoding="utf-8")
    (folder / "checkpoints" / "best.pt").write_bytes(b"x")
    for step in ("1e999", "NaN", "1" * 5000, "[]", '"x"'):
        (folder / "checkpoints" / "best.json").write_text(f'{{"timestep": {step}}}')
        assert visitor.told("/api/run", run="a")["checkpoints"][0]["step"] is None
    assert visitor.told("/api/players")["players"][-1]["name"] == "best.pt"
    (ladder,) = visitor.told("/api/ladders")
    assert [(each["name"], each["low"], each["high"]) for each in ladder["ratings"]] == [
        ("c", -20_000, 1)
    ]


def test_ladders_are_told_by_their_folders(tmp_path: Path, visitor: Visitor) -> None:
    for name, text in (("one", '{"ratings": [{"name": "random", "elo": 0.0}]}'), ("two", "{")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ladder.json").write_text(text, encoding="utf-8")
    rating = {"name": "random", "elo": 0, "low": 0, "high": 0, "games": None, "is_bounded": True}
    assert visitor.told("/api/ladders") == [
        {"name": "one", "ratings": [rating]},
        {"name": "two", "problem": "ladder.json cannot be read"},
    ]


def test_every_number_of_the_metrics_page_has_its_sentence(visitor: Visitor) -> None:
    groups = visitor.told("/api/words")
    titles = [group["title"] for group in groups]
    assert titles[:2] == ["The run", "Learning"]
    words = {each["key"]: each for group in groups for each in group["numbers"]}
    assert words["learn/value_loss"]["meaning"].startswith("squared error of the value head")
    assert words["learn/approx_kl"]["hint"].startswith("0.005 to 0.03")
    assert all(each["meaning"] for each in words.values())
