import os
from pathlib import Path
from typing import BinaryIO

import pytest

from keisei.files import UnwritableError, write_text, write_whole
from tests.disks import fill, largest_file, small_disk


def test_a_file_that_may_not_grow_is_named_and_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "before")
    with (
        largest_file(100),
        pytest.raises(UnwritableError, match=r"^cannot write '.*/a\.txt': File too large$"),
    ):
        write_text(path, "x" * 101)
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "before"


def test_a_full_disk_is_named_and_nothing_changes(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as folder:
        path = folder / "a.txt"
        write_text(path, "before")
        filler = fill(folder)
        with pytest.raises(UnwritableError, match=r"/a\.txt': No space left on device$"):
            write_text(path, "x" * 10_000)
        filler.unlink()
        assert [each.name for each in folder.iterdir()] == ["a.txt"]
        assert path.read_text() == "before"


def test_a_folder_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnwritableError, match=r"cannot write '.*/none/a\.txt': No such file"):
        write_text(tmp_path / "none" / "a.txt", "")


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """Whoever may, root in a container, would lose /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UnwritableError, match=r"^cannot write '.*/pipe': it is no file$"):
        write_text(pipe, "a")
    assert pipe.is_fifo()
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path) -> None:
    def break_off(file: BinaryIO) -> None:
        file.write(b"half of it")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.txt", break_off)
    assert list(tmp_path.iterdir()) == []
