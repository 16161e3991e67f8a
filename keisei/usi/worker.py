"""The thread that does what takes time: loading, setting up games, thinking."""

import queue
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from keisei.players.descriptions import PlayerDescriptionError
from keisei.usi.going import Going
from keisei.usi.options import Options
from keisei.usi.output import Say

if TYPE_CHECKING:
    from keisei.players.opened import PolicyLoader
    from keisei.usi.placed import PlacedGame
    from keisei.usi.thinking import Thinker

Leave = Callable[[int], object]
"""Ends the process with an exit code, whatever its threads are doing."""

_MISTAKE = 2
_BUG = 1


class UnusablePlayerError(ValueError):
    """The player of the options cannot be loaded; the message is one sentence."""


class Worker:
    """Does what the reader of the input hands on, in its order, on a thread of its own.

    Args:
        say: Sends a line to the shogi program.
        load_policy: Loads a network.
        leave: Called when the player cannot be loaded, with the exit code.
    """

    def __init__(self, say: Say, load_policy: "PolicyLoader", leave: Leave) -> None:
        self._say = say
        self._load_policy = load_policy
        self._leave = leave
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._goings: deque[Going] = deque()
        self._thread = threading.Thread(target=self._run, name="keisei-usi", daemon=True)
        self._thinker: Thinker | None = None
        self._loaded: Options | None = None
        self._ready_since = 0.0
        self._game: PlacedGame | None = None
        self._thread.start()

    @property
    def is_thinking(self) -> bool:
        """Whether a ``go`` is not answered yet, although all is loaded."""
        return self._thinker is not None and bool(self._goings)

    def make_ready(self, options: Options) -> None:
        """Load the player, unless it is there, and say so."""
        self._tasks.put(lambda: self._make_ready(options))

    def place(self, words: list[str]) -> None:
        """Set up the game of a ``position``."""
        self._tasks.put(lambda: self._place(words))

    def go(self, going: Going, options: Options) -> None:
        """Answer a ``go``."""
        self._goings.append(going)
        self._tasks.put(lambda: self._go(going, options))

    def end(self, *, at_once: bool) -> None:
        """Stop what has no end of its own, or all, and take nothing more."""
        for going in tuple(self._goings):
            if at_once or not going.limits.is_bounded:
                going.stop()
        self._tasks.put(None)

    def wait(self, seconds: float | None) -> bool:
        """Wait until all is done; False if it is not in that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (task := self._tasks.get()) is not None:
                task()
        except UnusablePlayerError as error:
            self._say(f"info string Error: {error}")
            sys.stderr.write(f"Error: {error}\n")
            self._give_up(_MISTAKE)
        except BaseException:
            traceback.print_exc()
            self._give_up(_BUG)
            raise

    def _give_up(self, code: int) -> None:
        """Answer who waits, and end the process."""
        while self._goings:
            is_mate = self._goings.popleft().limits.mate is not None
            self._say("checkmate timeout" if is_mate else "bestmove resign")
        self._leave(code)

    def _load(self, options: Options) -> "tuple[Thinker, PlacedGame]":
        """The player of the options and the game, loaded if they are not there.

        Raises:
            UnusablePlayerError: It cannot be loaded.
        """
        from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
        from keisei.usi.placed import PlacedGame  # noqa: PLC0415
        from keisei.usi.thinking import Thinker  # noqa: PLC0415

        parts = (options.player, options.device, options.threads)
        before = self._loaded
        if self._game is None:
            self._game = PlacedGame()
        if (
            self._thinker is None
            or before is None
            or parts != (before.player, before.device, before.threads)
        ):
            try:
                self._thinker = Thinker(options, self._load_policy)
            except (CheckpointError, PlayerDescriptionError) as error:
                raise UnusablePlayerError(str(error)) from None
            self._loaded, self._ready_since = options, time.monotonic()
        return self._thinker, self._game

    def _make_ready(self, options: Options) -> None:
        self._load(options)
        self._say("readyok")

    def _place(self, words: list[str]) -> None:
        from keisei.usi.placed import PlacedGame, PositionError  # noqa: PLC0415

        if self._game is None:
            self._game = PlacedGame()
        try:
            self._game.place(words)
        except PositionError as error:
            self._say(f"info string Error: {error}")

    def _go(self, going: Going, options: Options) -> None:
        from keisei.usi.mating import look_for_mate  # noqa: PLC0415

        thinker, game = self._load(options)
        going.begin_no_earlier(self._ready_since)
        if going.limits.mate is not None:
            answer = f"checkmate {look_for_mate(game, options, going, self._say)}"
        else:
            answer = f"bestmove {thinker.think(game, options, going, self._say)}"
        self._goings.popleft()
        self._say(answer)
