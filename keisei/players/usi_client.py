"""A USI engine as a process: no wait without a limit, no process left behind.

USI is the Universal Shogi Interface (http://shogidokoro.starfree.jp/usi.html).
"""

import os
import select
import shlex
import shutil
import signal
import subprocess
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, NamedTuple, Self, cast

from keisei.players.clocks import Clock
from keisei.shogi.constants import BLACK, WHITE

_GAMES_FOLDER = "/usr/games"
"""Debian installs engines there, which is not on everybody's PATH."""
_CHUNK = 65536
_QUIT_SECONDS = 1.0
_POLL_SECONDS = 60.0
"""Longest wait in one call; the system takes 24 days at most."""
_UNREAD_BYTES = 1 << 20
"""More than any engine says in a line, or before it is asked."""
_COMPLAINT_BYTES = 500
_MOST_OPTIONS = 10_000
_OPTION_NAME_LENGTH = 200
_LISTED_LENGTH = 500


class EngineError(RuntimeError):
    """An engine that cannot be started, died, or did not answer; the message is one sentence."""


@dataclass(frozen=True)
class EngineSettings:
    """Which program to run and how it plays."""

    command: str
    """Program and arguments as a shell would split them."""
    limit: str
    """What follows ``go``: "nodes 100", "depth 1" or "byoyomi 1000"; nothing when the engine plays
    by the clock of each game."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values of the engine's options by their names."""
    start_seconds: float = 120.0
    """Longest wait for ``usiok`` and for ``readyok``."""
    move_seconds: float = 60.0
    """Longest wait for a move, past the byoyomi or what the clock allows."""
    swapped_times: bool = False
    """Whether it takes Black's time on a clock for White's."""

    def words(self) -> list[str]:
        """Program and arguments, the program with its folder.

        Raises:
            EngineError: There is no such program.
        """
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise EngineError(f"engine command {self.command!r}: {error}") from None
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), _GAMES_FOLDER))
        program = shutil.which(words[0], path=path) if words else None
        if program is None:
            raise EngineError(
                f"engine {self.command!r} is not installed: there is no such program on PATH"
            )
        return [program, *words[1:]]

    @property
    def answer_seconds(self) -> float:
        """Longest wait for ``bestmove``."""
        kind, _, number = self.limit.partition(" ")
        return self.move_seconds + (float(number) / 1000 if kind == "byoyomi" else 0.0)


class Answer(NamedTuple):
    """What an engine answered.

    Attributes:
        text: A move, "resign", "win", or whatever it said there.
        seconds: From the moment ``go`` was sent until the answer was read.
    """

    text: str
    seconds: float


class UsiEngine:
    """One running engine, ready to play; use it in a ``with`` block, which ends its process.

    The process and whatever it starts form a process group of their own, which is killed as a
    whole; a Ctrl-C in the terminal reaches Keisei alone, which then closes the engine.
    """

    def __init__(self, settings: EngineSettings) -> None:
        """Start the program and bring it to ``readyok``.

        Raises:
            EngineError: The program is missing, is no USI engine, lacks an option, or hangs.
        """
        self.name = settings.command
        self._settings = settings
        self._answers = True
        self._unread = self._unsent = b""
        self._stderr_open = True
        self._complaint = b""
        self._asked = self.deadline = 0.0
        try:
            self._process = subprocess.Popen(
                settings.words(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(f"cannot start engine {self.name!r}: {error.strerror}") from None
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._stdin, self._stdout, self._stderr = (
            cast(IO[bytes], stream).fileno() for stream in streams
        )
        try:
            for descriptor in (self._stdin, self._stdout, self._stderr):
                os.set_blocking(descriptor, False)
            self._introduce()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def new_game(self, *, ready: bool = False) -> None:
        """Tell the engine that the next position is of another game.

        Args:
            ready: Wait first until it is ready, as clients do between games, so that what it clears
                then does not cost its clock.

        Raises:
            EngineError: The engine has died, or does not get ready in time.
        """
        if ready:
            self._send("isready")
            self._await("readyok", self._settings.start_seconds)
        self._send("usinewgame")

    def think(self, position: str, clock: Clock | None = None) -> None:
        """Let the engine search a position; ``await_moves`` waits for the answer.

        What the engine has said unasked until now is passed over, so that an answer that it gave
        twice is not taken for that to this position.

        Args:
            position: The USI command, for example ``position startpos moves 7g7f``.
            clock: Of the game, for an engine without a limit.

        Raises:
            EngineError: The engine has died.
        """
        with suppress(BrokenPipeError):  # which is found out again below
            all(self._move_bytes(0) for _ in range(_UNREAD_BYTES // _CHUNK))
        self._unread = self._unread.rpartition(b"\n")[2]
        seconds, limit = self._settings.answer_seconds, self._settings.limit
        if clock is not None:
            seconds += max(map(clock.allowance, (BLACK, WHITE))) / 1000
            limit = clock.usi(swapped=self._settings.swapped_times)
        # Now, for who is put aside after sending would measure less than the engine had.
        self._asked = time.monotonic()
        self.deadline = self._asked + seconds
        self._send(f"{position}\ngo {limit}")

    def answer(self) -> Answer | None:
        """The answer to ``think`` if it is there by now, without a wait for it.

        Raises:
            BrokenPipeError: The engine has closed a pipe; ``death`` says why.
            EngineError: The time for an answer is over.
        """
        self._move_bytes(0)
        while b"\n" in self._unread:
            words = self._next_line().split()
            if words[:1] == ["bestmove"]:
                return Answer(" ".join(words[1:2]), time.monotonic() - self._asked)
        if time.monotonic() >= self.deadline:
            raise self._silence("said no 'bestmove' in time")
        return None

    def watch(self, poll: select.poll) -> None:
        """Register the pipes that something is to be read from or written to."""
        poll.register(self._stdout, select.POLLIN)
        if self._stderr_open:
            poll.register(self._stderr, select.POLLIN)
        if self._unsent:
            poll.register(self._stdin, select.POLLOUT)

    def close(self) -> None:
        """End the process, in peace if it will, else by force; further calls change nothing."""
        process = self._process
        try:
            if process.poll() is None and self._answers:
                os.write(self._stdin, b"quit\n")
                process.wait(_QUIT_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass  # It does not listen; what follows does not ask.
        finally:
            # Also what the program has started itself, and has perhaps left behind.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                cast(IO[bytes], stream).close()

    def _introduce(self) -> None:
        """Say hello, set the options and wait until the engine is ready."""
        seconds = self._settings.start_seconds
        self._send("usi")
        deadline = time.monotonic() + seconds
        known = {"USI_Hash", "USI_Ponder"}
        while (line := self._line("usiok", deadline)) != "usiok":
            if line.startswith("option name "):
                name = line.removeprefix("option name ").partition(" type ")[0]
                known.add(name[:_OPTION_NAME_LENGTH])
            if len(known) > _MOST_OPTIONS:
                raise EngineError(f"engine {self.name!r} names more than {_MOST_OPTIONS} options")
        for name, value in self._settings.options.items():
            if name not in known:
                listed = ", ".join(filter(str.isprintable, sorted(known)))
                names = textwrap.shorten(listed, _LISTED_LENGTH, placeholder=" ...")
                raise EngineError(f"engine {self.name!r} has no option {name!r}; it has {names}")
            self._send(f"setoption name {name}" + (f" value {value}" if value else ""))
        self._send("isready")
        self._await("readyok", seconds)

    def _await(self, word: str, seconds: float) -> str:
        """The next line that begins with a word; all others are passed over."""
        deadline = time.monotonic() + seconds
        while True:
            line = self._line(word, deadline)
            if line.partition(" ")[0] == word:
                return line

    def _line(self, awaited: str, deadline: float) -> str:
        """The next line of the engine's output, without blanks around it."""
        self._pump(lambda: b"\n" in self._unread, f"said no {awaited!r} in time", deadline)
        return self._next_line()

    def _next_line(self) -> str:
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode("utf-8", "replace").strip()

    def _send(self, text: str) -> None:
        self._unsent += text.encode() + b"\n"
        deadline = time.monotonic() + self._settings.start_seconds
        self._pump(lambda: not self._unsent, "does not read its input", deadline)

    def _pump(self, done: Callable[[], bool], complaint: str, deadline: float) -> None:
        """Move bytes in all three pipes until ``done``, so that none of them can block the engine.

        Raises:
            EngineError: The engine has died, or the deadline has passed (with this complaint).
        """
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._silence(complaint)
            try:
                self._move_bytes(min(left, _POLL_SECONDS))
            except BrokenPipeError:
                raise self.death() from None

    def _move_bytes(self, seconds: float) -> bool:
        """Move what the pipes have and take, once; False when it was nothing in that time."""
        poll = select.poll()
        self.watch(poll)
        ready = poll.poll(1000 * seconds)
        for descriptor, _ in ready:
            self._transfer(descriptor)
        return bool(ready)

    def _transfer(self, descriptor: int) -> None:
        """Read or write what one pipe has room for."""
        if descriptor == self._stdin:
            self._unsent = self._unsent[os.write(descriptor, self._unsent) :]
            return
        data = os.read(descriptor, _CHUNK)
        if descriptor == self._stderr:
            self._stderr_open = bool(data)
            self._complaint = (self._complaint + data)[-_COMPLAINT_BYTES:]
        elif not data:
            raise BrokenPipeError
        else:
            self._unread += data
            if len(self._unread) > _UNREAD_BYTES:
                raise self._silence(f"says more than {_UNREAD_BYTES} bytes at once")

    def _silence(self, complaint: str) -> EngineError:
        """What to raise when the engine does not do what it should."""
        self._answers = False
        return EngineError(f"engine {self.name!r} {complaint}{self._last_words()}")

    def death(self) -> EngineError:
        """What to raise when the engine has closed a pipe; waits a little for its end."""
        try:
            code = self._process.wait(_QUIT_SECONDS)
        except subprocess.TimeoutExpired:
            return EngineError(f"engine {self.name!r} has closed its pipes{self._last_words()}")
        if self._stderr_open:
            # What the engine started may hold the pipe open and say nothing.
            with suppress(BlockingIOError):
                self._complaint += os.read(self._stderr, _CHUNK)
        return EngineError(f"engine {self.name!r} died with exit code {code}{self._last_words()}")

    def _last_words(self) -> str:
        """The last line that the engine wrote on standard error, to end a sentence with."""
        lines = self._complaint.decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f"; it said {said[-1]!r}" if said else ""


def await_moves(engines: Sequence[UsiEngine]) -> list[Answer | EngineError]:
    """What engines that think answer, or why they do not; all are heard while one is awaited."""
    answers: list[Answer | EngineError | BrokenPipeError | None] = [None] * len(engines)
    while waiting := [each for each, answer in enumerate(answers) if answer is None]:
        poll = select.poll()
        for each in waiting:
            engines[each].watch(poll)
        left = min(engines[each].deadline for each in waiting) - time.monotonic()
        poll.poll(1000 * min(max(left, 0.0), _POLL_SECONDS))
        for each in waiting:
            try:
                answers[each] = engines[each].answer()
            except (EngineError, BrokenPipeError) as error:
                answers[each] = error
    # Only now, for the clocks of the others would run during the wait for an end.
    for each, answer in enumerate(answers):
        if isinstance(answer, BrokenPipeError):
            answers[each] = engines[each].death()
    return cast(list[Answer | EngineError], answers)
