"""How a target is run: some examples in the tests, or many for a time, under the same guards.

The fast tests take a few examples, the slow ones more, always the same. With KEISEI_FUZZ_SECONDS in
the environment (``make fuzz`` sets it) each target goes on with new ones for so many seconds, and
tells how many there were.
"""

import os
import random
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

LONG_SECONDS = float(os.environ.get("KEISEI_FUZZ_SECONDS", "0"))
SLOW_TIMES = 10
"""How many times the examples of the fast tests the slow ones take, and each round of a long run:
as hypothesis remembers all of a round, a long time is many of them."""
SENTENCE_LIMIT = 1000

_STARTS = {"os.posix_spawn", "os.fork", "subprocess.Popen"}
_RUNS_CODE = {
    *("os.system", "os.exec", "os.spawn", "pickle.find_class", "socket.connect", "pty.spawn"),
    *_STARTS,
}
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f\u0085\u2028\u2029]+")
_watched: set[str] = set()
_guards = True

T = TypeVar("T")


class HangError(BaseException):
    """An example took too long; nothing that is tested may catch it."""


class CodeRunError(BaseException):
    """An example made Python start a program or look up a pickled class."""


def fuzz(
    strategy: SearchStrategy[T], *, examples: int, warm_up: T | None = None
) -> Callable[[Callable[[T], None]], Callable[[int], None]]:
    """Make a test of a check of one value.

    Args:
        strategy: Gives the values.
        examples: How many of them the fast tests take.
        warm_up: A value that is checked first and without guards, so that kernels are compiled.
    """

    def decorate(check: Callable[[T], None]) -> Callable[[int], None]:
        def run(number: int, count: int) -> None:
            every: Any = settings(
                max_examples=count,
                deadline=None,
                database=None,
                derandomize=False,
                suppress_health_check=[*HealthCheck],  # pyright: ignore[reportArgumentType]
            )
            seed(number)(every(given(strategy)(check)))()

        def test(times: int) -> None:
            if warm_up is not None:
                with _unguarded():
                    check(warm_up)
            if not LONG_SECONDS:
                run(times, times * examples)
                return
            begin, done = time.monotonic(), 0
            first = random.SystemRandom().randrange(1 << 32)
            while (spent := time.monotonic() - begin) < LONG_SECONDS:
                run(first + done, SLOW_TIMES * examples)
                done += SLOW_TIMES * examples
                sys.__stdout__.write(f"\r{check.__name__}: {done} examples, {spent:.0f} s ")  # pyright: ignore[reportOptionalMemberAccess]
            sys.__stdout__.write("\n")  # pyright: ignore[reportOptionalMemberAccess]

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        test.__module__ = check.__module__
        return pytest.mark.parametrize(
            "times", [1, pytest.param(SLOW_TIMES, marks=pytest.mark.slow)]
        )(test)

    return decorate


@contextmanager
def guarded(
    *, seconds: float = 20.0, megabytes: int = 400, may_start: bool = False
) -> Generator[None]:
    """Within a ``with`` block: no hang, no memory beyond a limit, and no code run.

    Args:
        seconds: How long it may compute; waiting, or on a busy machine, it may take six times that.
        megabytes: What may be allocated on top of what is.
        may_start: The code that is tested starts programs by itself.
    """
    global _watched  # noqa: PLW0603 - an audit hook can never be taken off again
    if not _guards:
        yield
        return
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    data = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    before = {number: signal.signal(number, _hangs) for number in (signal.SIGALRM, signal.SIGPROF)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 6 * seconds)
    resource.setrlimit(resource.RLIMIT_DATA, (data + (megabytes << 20), limits[1]))
    _watched = _RUNS_CODE - _STARTS if may_start else _RUNS_CODE
    try:
        yield
    except (HangError, CodeRunError) as error:
        # Now that nobody can catch it any more, hypothesis may look for the shortest example.
        raise AssertionError(repr(error)) from error
    finally:
        _watched = set()
        resource.setrlimit(resource.RLIMIT_DATA, limits)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _unguarded() -> Generator[None]:
    global _guards  # noqa: PLW0603
    _guards = False
    try:
        yield
    finally:
        _guards = True


class Contents:
    """Bytes of a file, of which a failure shows the head only."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"Contents({self.data[:3000]!r}), {len(self.data)} bytes in all"


def refused(call: Callable[[], object], *kinds: type[Exception]) -> str | None:
    """The sentence with which a call is refused; None when it is not.

    Args:
        call: What is tried; an exception of another kind comes through.
        kinds: The exceptions that are documented.
    """
    try:
        call()
    except kinds as error:
        sentence = str(error)
        assert_sentence(sentence)
        return sentence
    return None


def assert_sentence(text: str) -> None:
    """Check for one line that a person can read, and that no failed allocation is behind it."""
    assert _ONE_LINE.fullmatch(text), text
    assert len(text) <= SENTENCE_LIMIT, text
    assert "allocate" not in text, text
    text.encode()


def _hangs(_number: int, _frame: FrameType | None) -> NoReturn:
    raise HangError


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    # Compiled kernels come from numba's cache, which is pickled.
    is_cache = bool(arguments) and str(arguments[0]).partition(".")[0] in ("numba", "copyreg")
    if event in _watched and not is_cache:
        raise CodeRunError(event, arguments)


sys.addaudithook(_audit)
