"""Writers: where the rows of metrics go. JSON Lines needs nothing; the others are extras."""

import contextlib
import importlib
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from keisei.files import write_text, write_whole, writing


class WriterError(RuntimeError):
    """A writer cannot start: its library is missing or refuses to begin."""


class Writer(Protocol):
    """Takes one row of metrics at a time."""

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Keep the row of numbers that was taken at the global timestep ``step``.

        Raises:
            UnwritableError: It cannot be written, for example to a full disk.
        """
        ...

    def close(self) -> None:
        """Hand over what is still pending; nothing is written afterwards.

        Raises:
            UnwritableError: It cannot be written.
        """
        ...


def _import_extra(module: str, extra: str) -> Any:
    """Import the library of an optional writer.

    Raises:
        WriterError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise WriterError(
            f"the writer '{extra}' needs a library that is not installed ({error}): "
            f"install it with pip install 'keisei[{extra}]' or take it out of session.writers"
        ) from error


class JsonlWriter:
    """Appends each row as one JSON object to a file and flushes it at once.

    A number that JSON does not know (NaN, infinity) becomes null.
    """

    def __init__(self, path: Path, *, step: int = 0) -> None:
        """Open the file; rows past ``step`` are dropped, so that a resumed run repeats none.

        Args:
            path: The file; it is created where it does not exist.
            step: Global timestep from which the run goes on.
        """
        self._path = path
        with writing(path):
            if path.exists():
                _drop_rows_past(path, step)
            self._file = path.open("a", encoding="utf-8")

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Append ``{"step": step, ...row}`` as one line."""
        record = {name: value if math.isfinite(value) else None for name, value in row.items()}
        with writing(self._path):
            self._file.write(json.dumps({"step": step, **record}) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()


def _drop_rows_past(path: Path, step: int) -> None:
    """Rewrite a JSON Lines file without rows past a step and without a line cut short."""
    kept: list[bytes] = []
    lines = path.read_bytes().splitlines(keepends=True)
    for line in lines:
        try:
            is_kept = line.endswith(b"\n") and json.loads(line)["step"] <= step
        except (ValueError, KeyError, TypeError, RecursionError):
            # A process that was killed while writing leaves half a line.
            continue
        if is_kept:
            kept.append(line)
    if len(kept) == len(lines):
        return
    write_whole(path, lambda file: file.write(b"".join(kept)))


class TensorBoardWriter:
    """Writes scalars as TensorBoard event files."""

    def __init__(self, folder: Path, *, step: int = 0) -> None:
        """Begin an event file; TensorBoard hides what earlier files hold past ``step``.

        Args:
            folder: Folder of the event files.
            step: Global timestep from which the run goes on.

        Raises:
            WriterError: TensorBoard is not installed.
        """
        tensorboard = _import_extra("torch.utils.tensorboard", "tensorboard")
        self._folder = folder
        purge_step = step + 1 if step else None
        with writing(folder):
            self._writer = tensorboard.SummaryWriter(str(folder), purge_step=purge_step)

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Add each number as a scalar of its name."""
        with writing(self._folder):
            for name, value in row.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close the event file."""
        with writing(self._folder):
            self._writer.close()


class WandbWriter:
    """Logs rows to Weights & Biases; offline runs stay in the run folder.

    ``WANDB_MODE=offline`` and ``WANDB_PROJECT`` work as everywhere; the project is ``keisei``
    without the latter.
    """

    def __init__(self, run_dir: Path, settings: Mapping[str, Any]) -> None:
        """Begin or, in a folder that was logged before, take up a W&B run.

        Args:
            run_dir: The run folder; W&B puts its files into ``wandb`` there.
            settings: The effective settings as plain values, recorded with the run.

        Raises:
            WriterError: wandb is not installed, or it cannot begin a run.
            UnwritableError: The run folder cannot be written.
        """
        wandb = _import_extra("wandb", "wandb")
        id_file = run_dir / "wandb" / "run_id.txt"
        run_id = _run_id(id_file) if id_file.exists() else None
        is_offline = os.environ.get("WANDB_MODE") == "offline"
        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "keisei"),
                name=run_dir.name,
                id=run_id,
                # An offline run cannot look up its id, and W&B warns when asked to.
                resume=None if is_offline else "allow",
                dir=str(run_dir),
                config=dict(settings),
            )
        except wandb.Error as error:
            raise WriterError(
                f"W&B cannot begin a run ({error}): run wandb login, or set "
                "WANDB_MODE=offline, or take 'wandb' out of session.writers"
            ) from error
        with writing(id_file):
            id_file.parent.mkdir(parents=True, exist_ok=True)
        write_text(id_file, f"{self._run.id}\n")

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Log the row at its step."""
        self._run.log(dict(row), step=step)

    def close(self) -> None:
        """Finish the W&B run."""
        self._run.finish()


def _run_id(path: Path) -> str:
    """The id of the W&B run that a folder was logged to.

    Raises:
        WriterError: The file holds no id.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WriterError(f"cannot read the W&B run's id in {str(path)!r}: {error}") from error
    if not re.fullmatch(r"[\w-]{1,64}", text, re.ASCII):
        raise WriterError(
            f"{str(path)!r} holds {text[:80]!r} and not the id of a W&B run; delete the file to "
            "log to a new one"
        )
    return text


def build_writers(
    names: Iterable[str], run_dir: Path, settings: Mapping[str, Any], *, step: int = 0
) -> list[Writer]:
    """Open the named writers of a run; ``jsonl`` is always among them.

    Args:
        names: Some of jsonl, tensorboard, wandb.
        run_dir: The run folder; rows go to ``metrics.jsonl``, ``tensorboard/`` and ``wandb/``.
        settings: The effective settings of the run as plain values.
        step: Global timestep from which the run goes on, 0 for a new run.

    Raises:
        WriterError: A writer cannot start.
        UnwritableError: The run folder cannot be written.
    """
    writers: list[Writer] = []
    with contextlib.ExitStack() as closing_after_failure:
        for name in dict.fromkeys(("jsonl", *names)):
            writer = _OPENERS[name](run_dir, settings, step)
            closing_after_failure.callback(writer.close)
            writers.append(writer)
        closing_after_failure.pop_all()
    return writers


_OPENERS: dict[str, Callable[[Path, Mapping[str, Any], int], Writer]] = {
    "jsonl": lambda run_dir, _, step: JsonlWriter(run_dir / "metrics.jsonl", step=step),
    "tensorboard": lambda run_dir, _, step: TensorBoardWriter(run_dir / "tensorboard", step=step),
    "wandb": lambda run_dir, settings, _: WandbWriter(run_dir, settings),
}
