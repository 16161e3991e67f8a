"""The processes that train together, and how they agree.

A *rank* is one of K processes; each plays its own share of the games with the same weights. What a
method says of "all ranks" needs all of them: every rank calls the same methods in the same order,
so nothing that only one rank knows may decide whether a method is called.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import io
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from typing_extensions import override

from keisei.rl.pipes import Pipes, open_pipes
from keisei.rl.shared_memory import open_shared_rows

Value = TypeVar("Value")


class LostRankError(RuntimeError):
    """Another rank has ended or is silent; the message is one sentence."""


class Ranks:
    """A process that trains alone: what it has is what all ranks have, and nothing is done."""

    rank = 0
    """Number of this process, from 0."""
    size = 1
    """K, the number of processes."""
    local_rank = 0
    """Number of this process among those of its machine."""
    local_size = 1
    """Number of processes on this machine."""

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which alone writes files and shows the run."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Which of ``count`` games are this rank's; K divides the count."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def any(self, flag: bool) -> bool:  # noqa: FBT001 - the one thing that is told
        """Whether the flag is set on any rank."""
        return flag

    def gather(self, value: Value) -> list[Value]:
        """The values of all ranks in their order; they can be pickled."""
        return [value]

    def collect(self, value: Value) -> list[Value]:
        """The same on rank 0, and an empty list on all others; for large values."""
        return [value]

    def on_first(self, action: Callable[[], Value]) -> Value:
        """What an action gives on rank 0, which alone does it; its exceptions are raised on all."""
        return action()

    def on_each(self, action: Callable[[], Value]) -> Value:
        """What an action gives on this rank; what it raises on any rank is raised on all."""
        return action()

    @contextmanager
    def first_ahead(self) -> Generator[None]:
        """Within a ``with`` block one rank of each machine works first; the others find its files.

        Those are the ranks of ``local_rank`` 0, which work side by side.
        """
        yield

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum over all ranks of tensors of one shape; the tensor itself is changed."""
        return tensor

    def join(self, tensor: Tensor, counts: Sequence[int]) -> Tensor:  # noqa: ARG002
        """The elements [count] of all ranks, one after another.

        Args:
            tensor: [count] of this rank.
            counts: K numbers, the counts of all ranks.
        """
        return tensor

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give each parameter the sum of its gradients on all ranks; a missing one counts as 0."""

    def wait(self) -> None:
        """Come back when all ranks have called this."""

    def shared_rows(self, rows: int, columns: int) -> NDArray[np.float32] | None:  # noqa: ARG002
        """Zeros [rows, columns] that all ranks see and change; None where they cannot share memory.

        It is in order what a rank reads after a :meth:`wait` and another wrote before it.
        """
        return None


@contextmanager
def _among_ranks() -> Generator[None]:
    """Say in a sentence that a collective operation failed, which other ranks are the cause of."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise LostRankError(
            "another process of this run has ended or is silent; go on from the last checkpoint "
            "with --resume latest"
        ) from error


def _pack(value: object) -> bytes:
    # A plain pickle does not know tensors of uint64.
    packed = io.BytesIO()
    torch.save(value, packed)
    return packed.getvalue()


def _unpack(packed: bytes) -> Any:
    # From a process of this very run, so that it may hold more than tensors. They come to the host:
    # the devices of other ranks are not this one's.
    return torch.load(io.BytesIO(packed), map_location="cpu", weights_only=False)


class ProcessRanks(Ranks):
    """The ranks of torch's default process group, which must be initialised."""

    def __init__(self, silence: float) -> None:
        """Join the others.

        Args:
            silence: seconds until a rank that says nothing counts as lost.
        """
        self.rank = distributed.get_rank()
        self.size = distributed.get_world_size()
        self.local_rank = int(os.environ.get("LOCAL_RANK", self.rank))
        self.local_size = int(os.environ.get("LOCAL_WORLD_SIZE", self.size))
        self._silence = silence
        self._has_asked_for_pipes = False
        self._pipes: Pipes | None = None

    @override
    def any(self, flag: bool) -> bool:
        if self.local_size == self.size and not self._has_asked_for_pipes:
            self._pipes = open_pipes(self.rank, self.size, self._silence, self.gather)
            self._has_asked_for_pipes = True
        if self._pipes is not None:
            with _among_ranks():
                return self._pipes.any(flag)
        told = torch.tensor(int(flag))
        with _among_ranks():
            distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return bool(told)

    @override
    def gather(self, value: Value) -> list[Value]:
        values: list[Any] = [None] * self.size
        with _among_ranks():
            distributed.all_gather_object(values, value)
        return values

    @override
    def collect(self, value: Value) -> list[Value]:
        packed: list[Any] = [None] * self.size if self.is_first else []
        with _among_ranks():
            distributed.gather_object(_pack(value), packed if self.is_first else None)
        return [_unpack(each) for each in packed]

    @override
    def on_first(self, action: Callable[[], Value]) -> Value:
        value: Any = None
        failure: Exception | None = None
        if self.is_first:
            try:
                value = action()
            except Exception as error:  # noqa: BLE001 - raised again below, on all ranks
                failure = error
        told = [_pack((value, failure)) if self.is_first else b""]
        with _among_ranks():
            distributed.broadcast_object_list(told)
        if not self.is_first:
            value, failure = _unpack(told[0])
        if failure is not None:
            raise failure
        return value

    @override
    def on_each(self, action: Callable[[], Value]) -> Value:
        value: Any = None
        failure: Exception | None = None
        try:
            value = action()
        except Exception as error:  # noqa: BLE001 - raised again below, on all ranks
            failure = error
        first = next(filter(None, self.gather(failure)), None)
        if first is not None:
            raise first
        return value

    @override
    def wait(self) -> None:
        self.any(False)  # noqa: FBT003

    @override
    @contextmanager
    def first_ahead(self) -> Generator[None]:
        is_ahead = self.local_rank == 0
        if not is_ahead:
            self.wait()
        try:
            yield
        finally:
            if is_ahead:
                self.wait()

    @override
    def sum(self, tensor: Tensor) -> Tensor:
        with _among_ranks():
            distributed.all_reduce(tensor)
        return tensor

    @override
    def join(self, tensor: Tensor, counts: Sequence[int]) -> Tensor:
        padded = tensor.new_zeros(max(counts))
        padded[: len(tensor)] = tensor
        parts = [torch.empty_like(padded) for _ in counts]
        with _among_ranks():
            distributed.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @override
    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        # Not torch's DistributedDataParallel: it regroups the gradients after the first backward
        # pass of a process, so that three ranks and more would add them in another order after a
        # resume; and it waits for ever for a rank that has no plies left in a minibatch.
        gradients: list[Tensor] = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        together = self.sum(torch.cat([each.flatten() for each in gradients]))
        begin = 0
        for gradient in gradients:
            part = together[begin : begin + gradient.numel()]
            gradient.copy_(part.view_as(gradient))
            begin += gradient.numel()

    @override
    def shared_rows(self, rows: int, columns: int) -> NDArray[np.float32] | None:
        if self.local_size < self.size:
            return None
        return open_shared_rows((rows, columns), self.rank, self.gather)

    def close(self) -> None:
        """Leave the others; nothing is asked of them from here on."""
        if self._pipes is not None:
            self._pipes.close()
