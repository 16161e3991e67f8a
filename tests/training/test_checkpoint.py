"""Checkpoint files: whole or absent, checked, ordered, and unable to run code."""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from keisei.files import UnwritableError
from keisei.training.checkpoint import (
    MAGIC,
    SCHEMA_VERSION,
    CheckpointError,
    CheckpointFolder,
    DamagedCheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from tests.disks import largest_file
from tests.fuzz.harness import guarded

_DEFLATED = zipfile.ZIP_DEFLATED


def contents(number: int) -> dict[str, Any]:
    return {"number": number, "weights": torch.arange(1000, dtype=torch.float32)}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    words = torch.tensor([1, 2**63], dtype=torch.uint64)
    saved = {"nested": {"list": [1, 2.5, None, "x"], "flag": True}, "words": words, "pair": (1, 2)}
    write_checkpoint(tmp_path / "a.pt", saved)
    back = read_checkpoint(tmp_path / "a.pt")
    assert torch.equal(back.pop("words"), words)
    assert back == {"nested": {"list": [1, 2.5, None, "x"], "flag": True}, "pair": (1, 2)}


def test_nothing_but_the_finished_file_is_left(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a.pt", contents(1))
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_write_that_fails_says_why_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    write_checkpoint(path, contents(1))
    size = path.stat().st_size
    for limit in (0, 100, size // 2, size - 10):
        with largest_file(limit), pytest.raises(UnwritableError, match=r"a\.pt': File too large$"):
            write_checkpoint(path, contents(2))
    assert read_checkpoint(path)["number"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot read checkpoint .*a\.pt.*No such file"):
        read_checkpoint(tmp_path / "a.pt")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.pt"
    write_checkpoint(path, contents(1))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DamagedCheckpointError, match="damaged or not a Keisei checkpoint"):
        read_checkpoint(path)


def test_one_changed_bit_among_the_weights_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    write_checkpoint(path, contents(1))
    whole = bytearray(path.read_bytes())
    place = whole.index(contents(1)["weights"].numpy().tobytes()) + 2000
    whole[place] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DamagedCheckpointError, match="fails its checksum"):
        read_checkpoint(path)


def test_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    text, foreign, bare = tmp_path / "text.pt", tmp_path / "foreign.pt", tmp_path / "bare.pt"
    text.write_text("weights")
    torch.save({"model": torch.zeros(3)}, foreign)
    torch.save(torch.zeros(3), bare)
    for path in (text, foreign, bare):
        with pytest.raises(CheckpointError, match=f"{path.name}.*not a Keisei checkpoint"):
            read_checkpoint(path)


def test_an_archive_without_torchs_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(CheckpointError, match="not a Keisei checkpoint"):
        read_checkpoint(path)


def test_parts_that_unpack_to_more_than_the_file_are_refused(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.pt", tmp_path / "packed.pt"
    write_checkpoint(plain, {"a": torch.zeros(1 << 27, dtype=torch.uint8)})
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w", _DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert packed.stat().st_size < 1 << 20
    with guarded(megabytes=50), pytest.raises(DamagedCheckpointError, match=r"packed\.pt.*damaged"):
        read_checkpoint(packed)


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("data.pkl", b"\x80\x7d}.", "not a Keisei checkpoint"),
        ("data.pkl", b"\x80\x02X\x01\x00\x00\x00\xff.", "not a Keisei checkpoint"),
        ("data.pkl", b"\x80\x02" + 10**5 * b"]" + b".", "not a Keisei checkpoint"),
        ("data.pkl", b"", "not a Keisei checkpoint"),
        ("version", b"\xff", "not a Keisei checkpoint"),
        ("a\x1b[2J", b"", "not a Keisei checkpoint"),
    ],
)
def test_parts_of_other_archives_are_refused_in_one_sentence(
    tmp_path: Path, name: str, data: bytes, part: str
) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as target:
        target.writestr(f"archive/{name}", data)
    with pytest.raises(CheckpointError, match=part) as refused:
        read_checkpoint(tmp_path / "a.pt")
    assert str(refused.value).isprintable()


def test_other_files_in_the_folder_are_no_checkpoints_of_the_run(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, 2)
    first = folder.save(8, {"a": 1})
    for name in ("checkpoint-best.pt", "checkpoint-\u0663.pt", "checkpoint-.pt", "checkpoint-7.pt"):
        (tmp_path / name).write_bytes(b"mine")
    folder.drop_after(0)
    assert folder.paths() == []
    assert not first.exists()
    assert len(list(tmp_path.iterdir())) == 4


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    newer = SCHEMA_VERSION + 1
    torch.save({"magic": MAGIC, "schema_version": newer, "contents": {}}, path)
    words = f"has checkpoint version {newer} and this Keisei reads version {SCHEMA_VERSION}"
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(path)


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_pickled_code_is_refused_and_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "a.pt", tmp_path / "trace"
    torch.save(
        {"magic": MAGIC, "schema_version": SCHEMA_VERSION, "contents": {"bomb": Bomb(trace)}}, path
    )
    with pytest.raises(CheckpointError, match="could run foreign code"):
        read_checkpoint(path)
    assert not trace.exists()
    # The same bytes do run code where nobody forbids it, so the test tests something.
    pickle.loads(pickle.dumps(Bomb(trace)))
    assert trace.exists()


def test_the_newest_are_kept_and_the_latest_found(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=2)
    for timestep in (0, 999, 1000, 20000):
        folder.save(timestep, contents(timestep))
    assert [path.name for path in folder.paths()] == [
        "checkpoint-000000001000.pt",
        "checkpoint-000000020000.pt",
    ]
    path, back = folder.latest(pytest.fail)
    assert path.name == "checkpoint-000000020000.pt"
    assert back["number"] == 20000


def test_a_half_written_file_is_no_checkpoint(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=3)
    folder.save(10, contents(10))
    (tmp_path / "checkpoint-000000000020.pt.tmp").write_bytes(b"half of it")
    assert folder.latest(pytest.fail)[1]["number"] == 10


def test_a_damaged_newest_gives_way_to_the_one_before_with_a_warning(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=3)
    folder.save(10, contents(10))
    newest = folder.save(20, contents(20))
    newest.write_bytes(newest.read_bytes()[:-100])
    warnings: list[str] = []
    assert folder.latest(warnings.append)[1]["number"] == 10
    assert len(warnings) == 1
    assert re.search(r"checkpoint-000000000020\.pt.*damaged.*trying the one before", warnings[0])


def test_a_newest_of_another_version_is_not_passed_over(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=3)
    folder.save(10, contents(10))
    torch.save(
        {"magic": MAGIC, "schema_version": 99, "contents": {}},
        tmp_path / "checkpoint-000000000020.pt",
    )
    with pytest.raises(CheckpointError, match="version 99"):
        folder.latest(pytest.fail)


def test_a_folder_without_checkpoints_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no intact checkpoint"):
        CheckpointFolder(tmp_path, keep=3).latest(pytest.fail)


def test_what_comes_after_a_resumed_timestep_is_dropped(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=5)
    for timestep in (10, 20, 30):
        folder.save(timestep, contents(timestep))
    (tmp_path / "checkpoint-000000000040.pt.tmp").write_bytes(b"half of it")
    folder.drop_after(20)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-000000000010.pt",
        "checkpoint-000000000020.pt",
    ]
