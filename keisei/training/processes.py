"""The processes of a run: started here or by ``torchrun``, introduced to each other, and ended."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnusedImport=false
# (torch leaves parts of its signatures open.)

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing import get_context, parent_process
from types import FrameType
from typing import Any, cast

import torch

# Its functions have the process group as a default value when it is imported later, as others do:
# then the group's threads outlive it, and abort the process where Python ends around them.
import torch.distributed.nn
from torch import distributed
from torch.multiprocessing.spawn import (
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    start_processes,
)

from keisei.rl.ranks import LostRankError, ProcessRanks, Ranks

_HOST = "127.0.0.1"
_SILENCE = timedelta(hours=1)
"""How long ranks wait for one that lives; the others are idle while the first plays a match. One
that dies is noticed at once."""
_GRACE_SECONDS = 10.0
"""How long processes may take to end by themselves after one has died."""
_UNDECIDED = -1


class DeadProcessError(RuntimeError):
    """A process of the run has died; the message is one sentence."""


def launched_size() -> int | None:
    """How many processes ``torchrun`` or the like has started; None when nothing has."""
    size = os.environ.get("WORLD_SIZE")
    return int(size) if size is not None and "RANK" in os.environ else None


@contextmanager
def open_ranks() -> Generator[Ranks]:
    """Within a ``with`` block, the ranks that a launcher started; one alone without a launcher."""
    if (launched_size() or 1) == 1:
        yield Ranks()
        return
    # What is on the host never waits for a GPU.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _ended_by_ctrl_c():
        distributed.init_process_group(backend, timeout=_SILENCE)
    ranks = ProcessRanks(_SILENCE.total_seconds())
    try:
        yield ranks
    finally:
        ranks.close()
        distributed.destroy_process_group()


@contextmanager
def _ended_by_ctrl_c() -> Generator[None]:
    """Within a ``with`` block SIGINT ends the process at once.

    Python raises KeyboardInterrupt only when torch comes back, which for as long as the others may
    be silent looks for a store that is gone. A rank gets the signal when its parent dies, too.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run_processes(count: int, work: Callable[..., int], *arguments: object) -> int:
    """Run ``work(*arguments)`` in new processes that ``open_ranks`` introduces to each other.

    Ctrl-C and SIGTERM are passed on to all of them; the third Ctrl-C kills them. When one fails the
    others are ended, and none is left when this returns.

    Args:
        count: How many processes.
        work: A function of a module; it gives an exit code.
        arguments: Can be pickled.

    Returns:
        The first one's exit code; 128 and the signal's number when a signal ended it.

    Raises:
        DeadProcessError: A process was killed, ended without an exit code, or fell silent.
        ProcessRaisedException: It raised an exception, whose traceback the message holds.
    """
    store = distributed.TCPStore(  # pyright: ignore[reportPrivateImportUsage]
        _HOST, 0, is_master=True, wait_for_workers=False
    )
    codes = get_context("spawn").Array("i", [_UNDECIDED] * count)
    with _signals_passed_on() as (received, pass_to):
        context = cast(
            ProcessContext,
            start_processes(
                _work, (count, store.port, codes, work, arguments), nprocs=count, join=False
            ),
        )
        try:
            pass_to(context)
            while not context.join(grace_period=_GRACE_SECONDS):
                pass
        except (ProcessExitedException, ProcessRaisedException) as error:
            if not received:
                raise _told(error, count) from error
        finally:
            for process in context.processes:
                process.kill()
                process.join()
    if codes[0] != _UNDECIDED:
        return codes[0]
    if received:
        return 128 + received[0]
    raise DeadProcessError(
        f"the {count} processes lost each other; go on from the last checkpoint with --resume "
        "latest"
    )


def _told(error: ProcessExitedException | ProcessRaisedException, count: int) -> Exception:
    if isinstance(error, ProcessRaisedException):
        return error
    how = error.signal_name or f"exit code {error.exit_code}"
    return DeadProcessError(
        f"process {error.error_index} of {count} died ({how}) and the others were ended; go on "
        "from the last checkpoint with --resume latest"
    )


@contextmanager
def _signals_passed_on() -> Generator[tuple[list[int], Callable[[ProcessContext], None]]]:
    """Within a ``with`` block, pass Ctrl-C, SIGTERM and SIGHUP on to processes named there.

    Yields:
        The numbers of the signals that have come, and a function that names the processes.
    """
    received: list[int] = []
    contexts: list[ProcessContext] = []

    def send(number: int) -> None:
        for context in contexts:
            for process in context.processes:
                if process.is_alive():
                    os.kill(process.pid, number)

    def on_signal(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        # The first Ctrl-C asks, the second interrupts.
        is_last_resort = received.count(signal.SIGINT) > 2
        send(signal.SIGKILL if is_last_resort else number)

    def pass_to(context: ProcessContext) -> None:
        contexts.append(context)
        for number in received:
            send(number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield received, pass_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _work(
    rank: int,
    count: int,
    port: int,
    codes: Any,
    work: Callable[..., int],
    arguments: tuple[object, ...],
) -> None:
    parent = parent_process()
    if parent is None or os.getppid() != parent.pid:
        return  # It died before torch had asked the system to tell of that.
    # Ctrl-C of a terminal goes to the parent alone, which passes it on; not twice.
    os.setpgid(0, 0)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": _HOST,
        "MASTER_PORT": str(port),
        # The parent holds the store, as torchrun does.
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        # All are on this machine, whose name need not lead anywhere.
        "GLOO_SOCKET_IFNAME": os.environ.get("GLOO_SOCKET_IFNAME", "lo"),
    }
    try:
        # Of a lost rank the parent tells, which knows the reason.
        with suppress(LostRankError):
            codes[rank] = work(*arguments)
    finally:
        # As in the parent: Ctrl-C while Python ends would only print what it broke off.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
