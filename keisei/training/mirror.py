"""Copies of a run on another file system, made beside the training: ``session.mirror``.

A mirror holds what the run folder holds to go on with: settings, rows of metrics and checkpoints.
A file ``run.id`` in both tells that they belong together.
"""

import logging
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

from keisei.files import TEMPORARY_SUFFIX, write_text
from keisei.training.checkpoint import CheckpointFolder, DamagedCheckpointError, read_checkpoint
from keisei.training.remote import RemoteError, RemoteFolder, check_protocol, without_secrets

ID_FILE = "run.id"
_ROWS = "metrics.jsonl"
_FOLDER = "checkpoints"
_TEXTS = ("config.toml", "environment.json", _ROWS, f"{_FOLDER}/best.json")
"""Copied before the checkpoints, so that rows of all these are there."""
_OTHERS = (f"{_FOLDER}/best.pt", f"{_FOLDER}/policy.safetensors")
_QUIET_SECONDS = 1.0
"""How long the end of a run waits for copies without a word."""


class Mirror:
    """Keeps a remote folder like the run folder, in a thread of its own that never ends a run.

    Each pass copies what has changed, the newest checkpoint first, and then deletes checkpoints
    that the run has dropped. A pass that fails is told once and made up for by the next one.
    """

    def __init__(self, run_dir: Path, url: str | None, logger: logging.Logger) -> None:
        """Copy nothing yet.

        Args:
            run_dir: Folder of the run.
            url: Where the copies go; None for nowhere.
            logger: Told of failures, in the thread of whoever calls ``copy`` and ``close``.
        """
        self._run_dir = run_dir
        self._url = url
        self._logger = logger
        self._files = CheckpointFolder(run_dir / _FOLDER, 1)
        self._remote: RemoteFolder | None = None
        self._is_ours = False
        self._sent: dict[str, tuple[int, int]] = {}
        self._ahead: set[str] = set()
        self._news: SimpleQueue[str | None] = SimpleQueue()
        self._has_failed = False
        self._wanted = threading.Event()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def begin(self, *, is_new: bool) -> None:
        """Begin to copy; the process that holds the run folder calls it.

        Args:
            is_new: Whether the run begins; then the mirror has to be there, and to hold no run.

        Raises:
            RemoteError: There is no such file system, or a new run cannot have the mirror.
            UnwritableError: The run folder cannot be written.
        """
        if self._url is None:
            return
        check_protocol(self._url)
        if Path(self._url.removeprefix("file://")).resolve() == self._run_dir.resolve():
            raise RemoteError(f"mirror {self._url!r} is the run folder itself; choose another one")
        remote = RemoteFolder(self._url) if is_new else None
        if remote is not None and checkpoint_names(remote):
            raise RemoteError(
                f"mirror {without_secrets(self._url)!r} already holds a run; go on with "
                "--resume auto or choose another --mirror"
            )
        # After that, for a folder with an id of its own could not take up what is there.
        own_id = self._run_dir / ID_FILE
        if not own_id.exists():
            write_text(own_id, uuid.uuid4().hex + "\n")
        if remote is not None:
            self._claim(remote)
        # Nobody waits for it if the process has to end.
        self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)
        self._thread.start()

    def copy(self) -> None:
        """Have copied what the run folder holds now; this does not wait."""
        self._wanted.set()
        self._tell()

    def close(self) -> None:
        """Copy what has changed since, wait for it, and end; further calls change nothing."""
        if self._thread is None:
            return
        self._is_closing = True
        self._wanted.set()
        self._thread.join(_QUIET_SECONDS)
        if self._thread.is_alive():
            self._logger.info("Waiting for the last copy to %s", without_secrets(str(self._url)))
            self._thread.join()
        self._thread = None
        self._tell()

    def _tell(self) -> None:
        while True:
            try:
                failure = self._news.get_nowait()
            except Empty:
                return
            if failure is not None:
                self._logger.warning("%s", failure)
            else:
                self._logger.info("Copied again to %s", without_secrets(str(self._url)))

    def _work(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            is_last = self._is_closing
            try:
                self._pass()
            except (RemoteError, OSError) as error:
                # Its connection may be lost.
                self._remote = None
                later = "" if is_last else "; the next save tries again"
                self._news.put(f"No copy: {error}{later}")
                self._has_failed = True
            else:
                if self._has_failed:
                    self._news.put(None)
                self._has_failed = False
            if is_last:
                return

    def _pass(self) -> None:
        remote = self._remote = self._remote or RemoteFolder(str(self._url))
        if not self._is_ours:
            self._claim(remote)
        there = remote.sizes(_FOLDER)
        for name in there:
            if name.endswith(TEMPORARY_SUFFIX):
                remote.delete(f"{_FOLDER}/{name}")
        for name in _TEXTS:
            self._send(remote, name, there)
        names = [path.name for path in reversed(self._files.paths())]
        arrived = [name for name in names if self._send(remote, f"{_FOLDER}/{name}", there)]
        for name in _OTHERS:
            self._send(remote, name, there)
        if arrived:
            self._drop(remote, names, arrived[0])

    def _claim(self, remote: RemoteFolder) -> None:
        """Make sure that the mirror is that of this run.

        Raises:
            RemoteError: It is another's.
        """
        own_id = self._run_dir / ID_FILE
        theirs = remote.read(ID_FILE)
        if theirs is None and not checkpoint_names(remote):
            remote.put(own_id, ID_FILE)
        elif theirs != own_id.read_bytes():
            raise RemoteError(
                f"mirror {without_secrets(remote.url)!r} holds another run; choose another --mirror"
            )
        self._is_ours = True

    def _send(self, remote: RemoteFolder, name: str, there: dict[str, int]) -> bool:
        """Copy a file of the run folder unless that was done; whether the mirror has it now."""
        path = self._run_dir / name
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        mark = (found.st_mtime_ns, found.st_size)
        if self._sent.get(name) == mark and (path.name in there or path.parent == self._run_dir):
            return True
        try:
            remote.put(path, name)
        except RemoteError:
            if path.exists():
                raise
            return False  # The run has dropped it meanwhile.
        self._sent[name] = mark
        return True

    def _drop(self, remote: RemoteFolder, names: list[str], newest: str) -> None:
        """Delete checkpoints that the run has dropped.

        What the mirror had past this run is nobody's to delete: another machine may have made it.

        Args:
            remote: The mirror.
            names: Those that the run folder held at the beginning of the pass.
            newest: The newest of these in the mirror.
        """
        for name in checkpoint_names(remote):
            path = f"{_FOLDER}/{name}"
            if name in names or (self._run_dir / path).exists():
                continue
            if name < newest or path in self._sent:
                remote.delete(path)
                self._sent.pop(path, None)
            elif name not in self._ahead:
                self._ahead.add(name)
                self._news.put(
                    f"mirror {without_secrets(remote.url)!r} holds {name}, later than this run; "
                    "it stays there, and a machine that has lost its disk would go on from it"
                )


def checkpoint_names(remote: RemoteFolder) -> list[str]:
    """Names of the checkpoints in a mirror, oldest first."""
    return sorted(name for name in remote.sizes(_FOLDER) if CheckpointFolder.is_name(name))


def fetch(run_dir: Path, url: str, tell: Callable[[str], None]) -> None:
    """Bring a run folder up to its mirror, if that is ahead; who calls it has the folder's lock.

    A run folder without a run takes what is there. One that holds a run takes checkpoints of the
    same run that are newer than its own.

    Args:
        run_dir: Folder of the run, which exists.
        url: Of the mirror.
        tell: Hears what is fetched, and of damaged checkpoints.

    Raises:
        RemoteError: The mirror does not answer, or what it holds is damaged.
        UnwritableError: A file of the run folder cannot be written.
        OSError: The folder itself cannot be.
        CheckpointError: A checkpoint is from another version of Keisei.
    """
    remote = RemoteFolder(url)
    files = CheckpointFolder(run_dir / _FOLDER, 1)
    own = max((path.name for path in files.paths()), default="")
    newer = [name for name in reversed(checkpoint_names(remote)) if name > own]
    own_id, rows = run_dir / ID_FILE, run_dir / _ROWS
    is_empty = not own and not (rows.exists() and rows.stat().st_size)
    theirs = remote.read(ID_FILE)
    is_same = theirs == own_id.read_bytes() if own_id.exists() else is_empty
    if theirs is None or not newer or not is_same:
        return
    files.folder.mkdir(exist_ok=True)
    # With the id, what is broken off is gone on with; the checkpoint, which makes a run, is last.
    if not (run_dir / "config.toml").exists():
        remote.fetch("config.toml", run_dir / "config.toml")
    for name in (ID_FILE, _ROWS, f"{_FOLDER}/best.pt", f"{_FOLDER}/best.json"):
        remote.fetch(name, run_dir / name)
    for name in newer:
        tell(f"Fetching {name} from {without_secrets(url)}")
        path = files.folder / name
        remote.fetch(f"{_FOLDER}/{name}", path)
        try:
            read_checkpoint(path)
        except DamagedCheckpointError as error:
            tell(f"{error}; trying the one before")
            path.unlink()
        else:
            return
    if not own:
        raise RemoteError(f"mirror {without_secrets(url)!r} holds no intact checkpoint")
