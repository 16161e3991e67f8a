"""One ``go`` from when it is heard until it is answered."""

import threading
import time

from keisei.usi.limits import Limits


class Going:
    """What one ``go`` asks for, and what has been said to it since; threads may share it."""

    def __init__(self, limits: Limits) -> None:
        """Start the clock."""
        self._limits = limits
        self._began = self._clock_began = time.monotonic()
        self._is_stopped = False
        self._changed = threading.Condition()

    @property
    def limits(self) -> Limits:
        """What holds now."""
        with self._changed:
            return self._limits

    @property
    def is_stopped(self) -> bool:
        """Whether it is to be answered at once."""
        with self._changed:
            return self._is_stopped

    @property
    def seconds(self) -> float:
        """Since it was heard."""
        with self._changed:
            return time.monotonic() - self._began

    @property
    def clock_seconds(self) -> float:
        """Seconds that the clock of the move has run, from ``ponderhit`` if there was one."""
        with self._changed:
            return time.monotonic() - self._clock_began

    def begin_no_earlier(self, moment: float) -> None:
        """Let the clock not run before a moment (of ``time.monotonic``): until then was loading."""
        with self._changed:
            self._began = max(self._began, moment)
            self._clock_began = max(self._clock_began, moment)

    def stop(self) -> None:
        """Have it answered at once."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def hit(self, times: Limits) -> None:
        """Hear that the move that was pondered on has been played; else it changes nothing."""
        with self._changed:
            if self._limits.ponder:
                self._limits = self._limits.hit(times)
                self._clock_began = time.monotonic()
                self._changed.notify_all()

    def wait_until_wanted(self) -> None:
        """Wait until an answer may be given: nobody ponders, nobody analyses without end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._limits.is_bounded)
