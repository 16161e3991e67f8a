"""Checkpoints of strangers: bytes, parts of the archive, pickles and contents changed."""

import io
import pickle
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from keisei.config_schema import ConfigError
from keisei.files import UnwritableError
from keisei.training.checkpoint import CheckpointError
from keisei.training.model_manager import export_policy, load_policy
from keisei.training.session_manager import RunFolderError
from keisei.training.trainer import Trainer
from tests.fuzz.harness import Contents, fuzz, guarded, refused
from tests.fuzz.mutations import mutated_bytes, mutated_tree, odd_values
from tests.training.runs import small_config, train

CANARY = Path(gettempdir()) / "keisei-ran-foreign-code"
SETTINGS: dict[str, Any] = {
    "model.network": "resnet",
    "model.options": {"blocks": 1, "channels": 8},
    "evaluation.every_updates": 0,
    "opponents.share": 0.5,
    "opponents.active": 1,
    "opponents.pool_size": 2,
    "opponents.enter_games": 1,
}


@cache
def checkpoint() -> bytes:
    """A small one, with a pool of opponents."""
    with TemporaryDirectory() as folder:
        train(small_config(Path(folder), 2, **SETTINGS))
        return max((Path(folder) / "checkpoints").glob("checkpoint-*.pt")).read_bytes()


@cache
def archive() -> dict[str, Any]:
    return torch.load(io.BytesIO(checkpoint()), weights_only=True)


def packed(tree: Any) -> bytes:
    file = io.BytesIO()
    torch.save(tree, file)
    return file.getvalue()


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def put_together(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """An archive whose checksums are right."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        for name, data in members:
            written.writestr(name, data)
    return file.getvalue()


class Foreign:
    """Whoever unpickles it runs code."""

    def __reduce__(self) -> Any:
        return exec, (f"open({str(CANARY)!r}, 'w')",)


def deep() -> list[Any]:
    inner: list[Any] = []
    for _ in range(300):
        inner = [inner]
    return inner


def tensors() -> st.SearchStrategy[torch.Tensor]:
    """Tensors of odd types and sizes, some larger than what they hold."""
    return st.sampled_from(
        (
            *(torch.zeros(3), torch.zeros(()), torch.zeros(0), torch.full((8,), torch.nan)),
            *(torch.zeros(2, dtype=torch.complex64), torch.zeros(2, dtype=torch.int64) - 9),
            *(torch.zeros(1).expand(1 << 36), torch.zeros(1, dtype=torch.uint8).expand(9, 1 << 34)),
            *(torch.zeros(3).to_sparse(), torch.zeros(3, device="meta"), torch.zeros(3).half()),
            torch.nn.Parameter(torch.zeros(3)),
        )
    )


@st.composite
def other_contents(draw: DrawFn) -> bytes:
    """Contents with parts missing, renamed or replaced by plain values and tensors."""
    values = st.one_of(odd_values(), tensors(), st.builds(deep))
    return packed(draw(mutated_tree(st.builds(archive), values)))


@st.composite
def other_pickles(draw: DrawFn) -> bytes:
    """The pickle changed behind right checksums, or one of a foreign class."""
    members = parts(checkpoint())
    (name,) = (name for name in members if name.endswith("data.pkl"))
    foreign = st.sampled_from(
        (
            *(pickle.dumps(Foreign(), protocol) for protocol in (0, 2, 4)),
            *(
                pickle.dumps({"magic": Foreign()}, 2),
                b"cposix\nsystem\n(S'true'\ntR.",
                b"",
                b".",
                b"N.",
            ),
            *(
                b"\x80\x02" + 100_000 * b"]" + b".",
                b"\x80\x04B\xff\xff\xff\xff.",
                b"I" + b"9" * 9999 + b"\n.",
            ),
            b"(" * 50_000 + b".",
        )
    )
    changed = mutated_bytes(st.just(members[name]))
    members[name] = draw(st.one_of(changed, changed, foreign))
    return put_together(list(members.items()))


@st.composite
def other_members(draw: DrawFn) -> bytes:
    """Parts of the archive exchanged, missing, doubled under another name, short or packed."""
    members = list(parts(checkpoint()).items())
    for _ in range(draw(st.integers(1, 3))):
        one, other = (draw(st.integers(0, len(members) - 1)) for _ in range(2))
        (name, data), (other_name, other_data) = members[one], members[other]
        match draw(st.sampled_from(("swap", "cut", "name", "short", "long"))):
            case "swap":
                members[one], members[other] = (name, other_data), (other_name, data)
            case "cut" if len(members) > 2:
                del members[one]
            case "name":
                members[one] = (
                    draw(st.sampled_from((name + "x", "../x", "x/version", "/x"))),
                    data,
                )
            case "short":
                members[one] = (name, data[: draw(st.integers(0, len(data)))])
            case _:
                members[one] = (name, data + draw(st.sampled_from((b"x", bytes(1 << 26)))))
    names = [name for name, _ in members]
    members = [member for at, member in enumerate(members) if member[0] not in names[:at]]
    return put_together(members, draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))))


@st.composite
def files(draw: DrawFn) -> Contents:
    """Any of these, or other bytes."""
    bytes_ = mutated_bytes(st.builds(checkpoint))
    return Contents(
        draw(
            st.one_of(other_contents(), other_contents(), other_pickles(), other_members(), bytes_)
        )
    )


@fuzz(files(), examples=6, warm_up=Contents(b""))
def test_a_checkpoint_is_resumed_or_refused(contents: Contents) -> None:
    # With nothing in it, to warm up: the unchanged one.
    data = contents.data or checkpoint()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoint-000000000096.pt"
        file.write_bytes(data)
        config = small_config(Path(folder) / "run", 3, **SETTINGS)
        with guarded(megabytes=300 + (len(data) >> 20), may_start=True):
            refused(lambda: load_policy(file), CheckpointError)
            refused(
                lambda: export_policy(file, Path(folder) / "policy.safetensors"), CheckpointError
            )
            trainer: list[Trainer] = []

            def resume() -> None:
                trainer.append(Trainer(config, resume=file))

            if refused(resume, CheckpointError, ConfigError, RunFolderError) is None:
                refused(trainer[0].run, FloatingPointError, UnwritableError)
    assert not CANARY.exists()
