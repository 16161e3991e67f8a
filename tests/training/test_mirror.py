"""Copies of a run on another file system: whole, caught up, never in the way, and gone on from."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# (fsspec is not typed.)

import logging
import threading
import time
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from typing_extensions import override

from keisei.training.callbacks import Callback, RunView
from keisei.training.checkpoint import CheckpointFolder, read_checkpoint, write_checkpoint
from keisei.training.mirror import ID_FILE, Mirror, fetch
from keisei.training.remote import RemoteError, RemoteFolder
from keisei.training.trainer import Trainer
from tests.disks import fill, small_disk
from tests.training.runs import ROLLOUT, assert_same, small_config, train

MEMORY = "memory://runs/a"


@pytest.fixture(autouse=True)
def _empty_memory() -> Any:
    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


class Told(logging.Logger):
    """A logger that keeps its lines."""

    def __init__(self) -> None:
        super().__init__("told")
        self.lines: list[str] = []

    @override
    def handle(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def save(run_dir: Path, timestep: int, content: str = "") -> Path:
    """A small intact checkpoint."""
    path = CheckpointFolder(run_dir / "checkpoints", 1).path(timestep)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_checkpoint(path, {"content": content or str(timestep)})
    return path


def checkpoints(folder: Path) -> list[int]:
    return [int(path.stem[-12:]) for path in CheckpointFolder(folder / "checkpoints", 1).paths()]


def one_pass(run_dir: Path, url: str, *, is_new: bool = False) -> list[str]:
    """A process that takes up a run, copies, and ends; what it tells."""
    logger = Told()
    mirror = Mirror(run_dir, url, logger)
    mirror.begin(is_new=is_new)
    mirror.close()
    return logger.lines


@pytest.mark.slow
def test_a_run_is_copied_whole_and_goes_on_exactly_where_its_folder_is_lost(
    tmp_path: Path,
) -> None:
    peaceful = train(small_config(tmp_path / "peaceful", 4))
    lost, kept = tmp_path / "lost", tmp_path / "kept"
    train(small_config(lost, 2, **{"session.mirror": str(kept)}))
    names = {
        path.relative_to(lost)
        for path in lost.rglob("*")
        if path.is_file() and path.name not in ("train.log", "run.lock", "live.json")
    }
    assert {path.relative_to(kept) for path in kept.rglob("*") if path.is_file()} == names
    assert all((kept / name).read_bytes() == (lost / name).read_bytes() for name in names)

    found = tmp_path / "found"
    found.mkdir()
    told: list[str] = []
    fetch(found, str(kept), told.append)
    assert told == [f"Fetching checkpoint-{2 * ROLLOUT:012d}.pt from {kept}"]
    goes_on = small_config(found, 4, **{"session.mirror": str(kept)})
    again = Trainer(goes_on, resume="latest")
    again.run()
    for folder in (found, kept):
        newest = CheckpointFolder(folder / "checkpoints", 1).paths()[-1]
        mine, others = (
            read_checkpoint(each)
            for each in (newest, CheckpointFolder(peaceful.session.checkpoint_dir, 1).paths()[-1])
        )
        for each in (mine, others):
            del each["config"]
        assert_same(mine, others)
    log = (found / "train.log").read_text()
    assert "WARNING" not in log


class _Memory(MemoryFileSystem):
    """The memory by another name."""

    @override
    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return MemoryFileSystem._strip_protocol(path.replace(f"{cls.protocol}://", "memory://"))


class _Stuck(_Memory):
    """A memory that waits in the middle of each copy until it may go on."""

    protocol = "stuck"
    may_go_on = threading.Event()

    @override
    def put_file(self, *arguments: Any, **options: Any) -> None:
        self.may_go_on.wait()
        super().put_file(*arguments, **options)


def test_training_does_not_wait_for_copies_but_its_end_does(tmp_path: Path) -> None:
    fsspec.register_implementation("stuck", _Stuck, clobber=True)

    class LetGo(Callback):
        @override
        def on_training_end(self, run: RunView) -> None:
            assert run.global_timestep == 4 * ROLLOUT
            assert RemoteFolder(MEMORY).sizes("checkpoints") == {}
            _Stuck.may_go_on.set()

    # Of a run that goes on, for a new one asks for its mirror before it begins.
    train(small_config(tmp_path, 1))
    url = MEMORY.replace("memory", "stuck")
    train(small_config(tmp_path, 4, **{"session.mirror": url}), resume="latest",
          callbacks=(LetGo(),))  # fmt: skip
    assert f"checkpoint-{4 * ROLLOUT:012d}.pt" in RemoteFolder(MEMORY).sizes("checkpoints")


def test_a_full_disk_is_told_and_made_up_for(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    save(run_dir, 1)
    with small_disk(tmp_path / "disk", 1000) as disk:
        url = str(disk / "a")
        assert one_pass(run_dir, url, is_new=True) == []
        filler = fill(disk)
        logger = Told()
        mirror = Mirror(run_dir, url, logger)
        mirror.begin(is_new=False)
        save(run_dir, 2, 9000 * "x")
        while not logger.lines:
            mirror.copy()
            time.sleep(0.05)
        assert set(logger.lines) == {
            f"No copy: mirror {url!r}: No space left on device; the next save tries again"
        }
        # What was there stays, and nothing half is left.
        assert checkpoints(disk / "a") == [1]
        assert not list((disk / "a").rglob("*.tmp"))
        filler.unlink()
        mirror.close()
        assert logger.lines[-1] == f"Copied again to {url}"
        assert checkpoints(disk / "a") == [1, 2]
        assert read_checkpoint(disk / "a" / "checkpoints" / "checkpoint-000000000002.pt")


def test_a_full_disk_never_stops_a_run(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1000) as disk:
        url = str(disk / "a")
        train(small_config(tmp_path / "run", 1))
        fill(disk)
        config = small_config(tmp_path / "run", 3, **{"session.mirror": url})
        assert train(config, resume="latest").global_timestep == 3 * ROLLOUT
        log = (tmp_path / "run" / "train.log").read_text()
        assert "No space left on device" in log
        assert checkpoints(disk / "a") == []


def test_dropped_checkpoints_leave_the_mirror_after_newer_ones_have_come(tmp_path: Path) -> None:
    remote = RemoteFolder(MEMORY)
    for timestep in (1, 2):
        save(tmp_path, timestep)
    one_pass(tmp_path, MEMORY, is_new=True)
    (tmp_path / "checkpoints" / "checkpoint-000000000001.pt").unlink()
    save(tmp_path, 3)
    remote.put(tmp_path / ID_FILE, "checkpoints/checkpoint-000000000003.pt.tmp")
    remote.put(tmp_path / ID_FILE, "checkpoints/notes.txt")
    assert one_pass(tmp_path, MEMORY) == []
    assert sorted(remote.sizes("checkpoints")) == [
        "checkpoint-000000000002.pt", "checkpoint-000000000003.pt", "notes.txt",
    ]  # fmt: skip


def test_what_the_run_has_given_up_leaves_the_mirror_too(tmp_path: Path) -> None:
    logger = Told()
    mirror = Mirror(tmp_path, MEMORY, logger)
    mirror.begin(is_new=True)
    save(tmp_path, 1)
    save(tmp_path, 2)
    mirror.copy()
    remote = RemoteFolder(MEMORY)
    while len(remote.sizes("checkpoints")) < 2:
        time.sleep(0.01)
    (tmp_path / "checkpoints" / "checkpoint-000000000002.pt").unlink()
    mirror.close()
    assert list(remote.sizes("checkpoints")) == ["checkpoint-000000000001.pt"]
    assert logger.lines == []


def test_what_another_machine_has_made_since_stays(tmp_path: Path) -> None:
    save(tmp_path, 1)
    one_pass(tmp_path, MEMORY, is_new=True)
    save(tmp_path, 5)
    one_pass(tmp_path, MEMORY)
    (tmp_path / "checkpoints" / "checkpoint-000000000005.pt").unlink()
    save(tmp_path, 2)
    (told,) = one_pass(tmp_path, MEMORY)
    assert "holds checkpoint-000000000005.pt, later than this run; it stays there" in told
    fetch(tmp_path, MEMORY, lambda _: None)
    assert checkpoints(tmp_path) == [1, 2, 5]


def test_mirrors_of_other_runs_are_left_alone(tmp_path: Path) -> None:
    save(tmp_path / "a", 1)
    one_pass(tmp_path / "a", MEMORY, is_new=True)
    before = dict(MemoryFileSystem.store)
    save(tmp_path / "b", 7)
    with pytest.raises(RemoteError, match="already holds a run; go on with --resume auto or"):
        one_pass(tmp_path / "b", MEMORY, is_new=True)
    assert one_pass(tmp_path / "b", MEMORY) == [
        f"No copy: mirror {MEMORY!r} holds another run; choose another --mirror"
    ]
    fetch(tmp_path / "b", MEMORY, lambda _: None)
    assert checkpoints(tmp_path / "b") == [7]
    assert MemoryFileSystem.store == before


def test_a_run_that_was_refused_its_mirror_can_be_gone_on_with(tmp_path: Path) -> None:
    save(tmp_path / "a", 1)
    one_pass(tmp_path / "a", MEMORY, is_new=True)
    (tmp_path / "b").mkdir()
    with pytest.raises(RemoteError, match="go on with --resume auto"):
        one_pass(tmp_path / "b", MEMORY, is_new=True)
    fetch(tmp_path / "b", MEMORY, lambda _: None)
    assert checkpoints(tmp_path / "b") == [1]


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_run_is_not_its_own_mirror(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(RemoteError, match="is the run folder itself; choose another one"):
        one_pass(tmp_path, f"{prefix}{tmp_path}/", is_new=True)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_copy_is_passed_over(tmp_path: Path) -> None:
    for timestep in (1, 2):
        save(tmp_path / "a", timestep)
    one_pass(tmp_path / "a", MEMORY, is_new=True)
    name = "checkpoints/checkpoint-000000000002.pt"
    MemoryFileSystem().pipe_file(f"/runs/a/{name}", b"PK")
    told: list[str] = []
    (tmp_path / "b").mkdir()
    fetch(tmp_path / "b", MEMORY, told.append)
    assert [line.split()[0] for line in told] == ["Fetching", f"'{tmp_path / 'b' / name}'",
                                                  "Fetching"]  # fmt: skip
    assert checkpoints(tmp_path / "b") == [1]


def test_a_fetch_that_was_broken_off_is_gone_on_with(tmp_path: Path) -> None:
    save(tmp_path / "a", 1)
    (tmp_path / "a" / "metrics.jsonl").write_text('{"step": 1}\n')
    one_pass(tmp_path / "a", MEMORY, is_new=True)
    (tmp_path / "b").mkdir()
    for name in (ID_FILE, "metrics.jsonl"):
        (tmp_path / "b" / name).write_bytes((tmp_path / "a" / name).read_bytes())
    fetch(tmp_path / "b", MEMORY, lambda _: None)
    assert checkpoints(tmp_path / "b") == [1]


def test_rows_of_an_unknown_run_are_not_written_over(tmp_path: Path) -> None:
    save(tmp_path / "a", 1)
    one_pass(tmp_path / "a", MEMORY, is_new=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "metrics.jsonl").write_text('{"step": 9}\n')
    fetch(tmp_path / "b", MEMORY, lambda _: None)
    assert checkpoints(tmp_path / "b") == []
    assert (tmp_path / "b" / "metrics.jsonl").read_text() == '{"step": 9}\n'


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("nowhere://me:secret@b/a", "mirror 'nowhere://b/a': Protocol not known: nowhere"),
        ("s3://b/a", "Install s3fs to access S3"),
        ("/proc/a", "mirror '/proc/a': "),
    ],
)
def test_mirrors_that_cannot_be_are_refused_before_any_work(
    tmp_path: Path, url: str, part: str
) -> None:
    with pytest.raises(RemoteError, match=r"^mirror ") as refused:
        Trainer(small_config(tmp_path / "a", 1, **{"session.mirror": url}))
    assert part in str(refused.value)
    assert not (tmp_path / "a" / "config.toml").exists()


class _WithoutRename(_Memory):
    """A memory in which nothing can be renamed onto what is there."""

    protocol = "stubborn"

    @override
    def mv(self, path1: str, path2: str, *arguments: Any, **options: Any) -> None:
        if self.exists(path2):
            raise FileExistsError(path2)
        super().mv(path1, path2, *arguments, **options)


def test_a_file_system_whose_renames_replace_nothing(tmp_path: Path) -> None:
    fsspec.register_implementation("stubborn", _WithoutRename, clobber=True)
    remote = RemoteFolder("stubborn://a")
    for text in ("one", "two"):
        (tmp_path / "x").write_text(text)
        remote.put(tmp_path / "x", "b/x")
    assert remote.read("b/x") == b"two"
    assert list(remote.sizes("b")) == ["x"]
