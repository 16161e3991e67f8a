import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from keisei.files import UnwritableError
from keisei.training.writers import JsonlWriter, WriterError, build_writers
from tests.disks import largest_file


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_row_is_one_json_object_and_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    writer = JsonlWriter(path)
    writer.write(1024, {"learn/entropy": 2.5, "games/finished": 3.0})
    assert rows_of(path) == [{"step": 1024, "learn/entropy": 2.5, "games/finished": 3.0}]
    writer.write(2048, {"learn/entropy": 2.25})
    writer.close()
    assert rows_of(path)[1] == {"step": 2048, "learn/entropy": 2.25}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_know_become_null(tmp_path: Path, value: float) -> None:
    path = tmp_path / "metrics.jsonl"
    writer = JsonlWriter(path)
    writer.write(1, {"a": value, "b": 1.5})
    writer.close()
    assert path.read_text(encoding="utf-8") == '{"step": 1, "a": null, "b": 1.5}\n'


def test_a_resumed_run_drops_rows_past_its_step_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = JsonlWriter(path)
    for step in (100, 200, 300):
        first.write(step, {"a": float(step)})
    first.close()
    second = JsonlWriter(path, step=200)
    second.write(300, {"a": -1.0})
    second.close()
    assert [(row["step"], row["a"]) for row in rows_of(path)] == [
        (100, 100.0),
        (200, 200.0),
        (300, -1.0),
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_a_line_cut_short_by_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 100, "a": 1.0}\n{"step": 200, "a"', encoding="utf-8")
    writer = JsonlWriter(path, step=200)
    writer.write(200, {"a": 2.0})
    writer.close()
    assert rows_of(path) == [{"step": 100, "a": 1.0}, {"step": 200, "a": 2.0}]


def test_a_row_that_cannot_be_written_is_said_and_what_was_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    writer = JsonlWriter(path)
    writer.write(1, {"a": 1.0})
    with largest_file(30):
        for _ in range(2):
            with pytest.raises(UnwritableError, match=r"metrics\.jsonl': File too large$"):
                writer.write(2, {"a": 2.0})
        with pytest.raises(UnwritableError, match=r"metrics\.jsonl': File too large$"):
            writer.close()
    again = JsonlWriter(path, step=1)
    again.close()
    assert rows_of(path) == [{"step": 1, "a": 1.0}]


def test_lines_that_are_no_rows_are_dropped_on_a_resume(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    row = b'{"step": 100, "a": 1.0}\n'
    deep = b"[" * 100_000 + b"\n"
    path.write_bytes(b"\xff\xfe\n" + row + b'{"step": "x"}\n[]\n7\n' + deep + b"null\n")
    JsonlWriter(path, step=100).close()
    assert path.read_bytes() == row


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(UnwritableError, match=r"metrics\.jsonl': Is a directory"):
        build_writers([], tmp_path, {})


def test_jsonl_is_always_among_the_writers_of_a_run(tmp_path: Path) -> None:
    (writer,) = build_writers([], tmp_path, {})
    writer.write(7, {"a": 1.0})
    writer.close()
    assert rows_of(tmp_path / "metrics.jsonl") == [{"step": 7, "a": 1.0}]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"../up", b"two words"])
def test_what_is_no_id_of_a_wandb_run_is_refused(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("wandb")
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "run_id.txt").write_bytes(content)
    with pytest.raises(WriterError, match=r"run_id\.txt'"):
        build_writers(["wandb"], tmp_path, {})


@pytest.mark.parametrize(
    ("name", "module"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb")]
)
def test_a_missing_library_names_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    # Warnings are errors here, so a metrics file left open would show too.
    with pytest.raises(WriterError, match=rf"pip install 'keisei\[{name}\]'"):
        build_writers([name], tmp_path, {})


def test_tensorboard_gets_every_number_under_its_name(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    reader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    for writer in (writers := build_writers(["tensorboard"], tmp_path, {})):
        writer.write(100, {"learn/entropy": 2.5})
        writer.write(200, {"learn/entropy": 2.0})
        writer.close()
    assert len(writers) == 2
    events: Any = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    scalars = [(event.step, event.value) for event in events.Scalars("learn/entropy")]
    assert scalars == [(100, 2.5), (200, 2.0)]


@pytest.mark.slow
def test_wandb_offline_keeps_one_run_over_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    for step in (0, 100):
        for writer in build_writers(["wandb"], tmp_path, {"env": {"num_envs": 4}}, step=step):
            writer.write(step + 100, {"learn/entropy": 2.5})
            writer.close()
    run_id = (tmp_path / "wandb" / "run_id.txt").read_text(encoding="utf-8").strip()
    files = {path.name for path in tmp_path.glob("wandb/offline-run-*/*.wandb")}
    assert files == {f"run-{run_id}.wandb"}
