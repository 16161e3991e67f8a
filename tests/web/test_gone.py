"""Runs that are renamed, deleted or kept from the server while somebody looks at them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from keisei.web import events
from keisei.web.library import Library
from keisei.web.run_folder import RunFolder
from tests.web.folders import ended_with, make_run
from tests.web.server import events_of, serving
from tests.web.test_runs import live


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_SECONDS", 0.05)


@contextmanager
def as_nobody() -> Generator[None]:
    """Root may read whatever is locked, so that it is somebody else here."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_stream_tells_that_a_run_is_gone_and_that_it_is_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(tmp_path / "a")
    make_run(tmp_path / "b")
    with serving(tmp_path) as visitor, visitor.begin_stream("run=a&run=b") as stream:
        events_of(stream, '"step": 500.0')
        folder.rename(tmp_path / "c")
        told = events_of(stream, '"state": "gone"')
        assert "its folder is gone" in told
        (tmp_path / "c").rename(folder)
        events_of(stream, '"step": 500.0')
    assert "Traceback" not in capfd.readouterr().err


def test_a_run_that_is_deleted_while_others_are_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        make_run(tmp_path / name)
    library = Library(tmp_path)
    summary = RunFolder.summary

    def deleted(self: RunFolder) -> object:
        shutil.rmtree(tmp_path / "b", ignore_errors=True)
        library.__dict__["_scanned"] = -1e9
        return summary(self)

    monkeypatch.setattr(RunFolder, "summary", deleted)
    assert [run["run"] for run in library.summaries()] == ["a"]


def test_a_locked_folder_hides_itself_and_nothing_else() -> None:
    # The folders of pytest's own are locked for others.
    with TemporaryDirectory() as place:
        root = Path(place)
        root.chmod(0o755)
        for name in ("a", "half", "locked"):
            make_run(root / name)
        (root / "half" / "metrics.jsonl").chmod(0)
        (root / "half" / "checkpoints").chmod(0)
        (root / "locked").chmod(0)
        with as_nobody():
            runs = {run["run"]: run for run in Library(root).summaries()}
            assert RunFolder(root / "half").checkpoints() == []
            assert RunFolder(root / "locked").checkpoints() == []
            assert Library(root).ladders() == []
        for name in ("half/checkpoints", "locked"):
            (root / name).chmod(0o755)
    assert runs.keys() == {"a", "half"}
    assert "metrics.jsonl cannot be read" in runs["half"]["problems"]


def test_another_server_does_not_go_on_with_the_rows_of_the_one_before(tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    program = (
        "import sys; from pathlib import Path; from keisei.web.library import Library; "
        "print(Library(Path(sys.argv[1])).series('a', 0)['generation'])"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    told = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert told[0] != told[1]


def test_running_runs_keep_their_places_on_the_list(tmp_path: Path) -> None:
    for number, name in enumerate(("b", "a", "old", "older")):
        folder = make_run(tmp_path / name, log=ended_with(None))
        if name in "ab":
            (folder / "live.json").write_text(live(), encoding="utf-8")
        for file in folder.iterdir():
            os.utime(file, (2e9 - number, 2e9 - number))
    library = Library(tmp_path)
    assert [run["run"] for run in library.summaries()] == ["a", "b", "old", "older"]
    os.utime(tmp_path / "a" / "live.json", (1e9, 1e9))
    assert [run["run"] for run in Library(tmp_path).summaries()] == ["a", "b", "old", "older"]
