"""One ``go`` while it is thought about: when it is enough, and what is said of it."""

import os
import time
from dataclasses import dataclass, field

import numpy as np

from keisei.search.lines import Line, read_lines
from keisei.search.search import Found
from keisei.search.tree import NO_CHILD, UNKNOWN, WON
from keisei.usi.going import Going
from keisei.usi.info import info_lines
from keisei.usi.limits import Allotment, allot
from keisei.usi.options import Options
from keisei.usi.output import Say

_BYTES_A_NODE = 2000
_MOST_OF_MEMORY = 0.75
_MOST_NODES = 1_000_000
_OPENING_PLIES = 20
"""In which no move gets more than its share of the time."""
_CLOSE = 0.7
"""With such a share of the visits of the first move the second one is close to it."""
_LEAST_SECONDS, _LEAST_SIMULATIONS = 0.05, 500
"""A speed that was measured for a shorter time and for fewer of them is none."""


@dataclass
class Thought:
    """What is known while one ``go`` is thought about.

    Attributes:
        options: As they were set.
        going: What is asked for.
        ply: Moves played before.
        is_white: Whose turn it is.
        is_forced: Whether there is one legal move only.
        speed: Simulations a second; at first those of an earlier search.
        lag: Seconds that may pass until the clock is looked at again; on a busy machine a portion
            of the search takes longer than it should.
        may_decide_early: Whether visits tell that no other move can catch up, or that it is hard to
            decide; where they are shared out in advance they do not.
        lines: What was found when it was last reported, the best first.
    """

    options: Options
    going: Going
    ply: int
    is_white: bool
    is_forced: bool
    speed: float = 1.0
    lag: float = 0.0
    may_decide_early: bool = False
    lines: list[Line] = field(default_factory=list[Line])
    _began: float = field(default_factory=time.monotonic)
    _reported: float = 0.0
    _done: int = 0
    _made: int = 0
    _found: Found | None = None

    @property
    def counts_nodes(self) -> bool:
        """Whether the number of simulations is limited."""
        return bool(self.going.limits.nodes or self.options.nodes_limit)

    @property
    def most_nodes(self) -> int:
        """The most simulations that limits and memory allow."""
        limits = (self.going.limits.nodes, self.options.nodes_limit, _MOST_NODES, self._room)
        return min(limit for limit in limits if limit)

    @property
    def _room(self) -> int:
        """Nodes for which there is memory."""
        there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        wanted = min(self.options.hash_mb * 1_000_000, int(_MOST_OF_MEMORY * there_is))
        return max(wanted // _BYTES_A_NODE, 1)

    @property
    def allotment(self) -> Allotment | None:
        """The time of the move."""
        return allot(
            self.going.limits,
            is_white=self.is_white,
            ply=self.ply,
            delay=self.options.network_delay,
        )

    @property
    def seconds_left(self) -> float:
        """Until the move has taken the most that it may; infinite while nothing is known of it."""
        allotment = self.allotment
        if self.going.limits.ponder or allotment is None:
            return float("inf")
        return allotment.most - self.going.clock_seconds

    def take(self, found: Found, made: int) -> bool:
        """Take what the search has found by now, after so many more simulations.

        Returns:
            Whether it has gone on since the last time.
        """
        before, self._done = self._done, int(found.tree.visits[0])
        self._found = found
        self._made += made
        seconds = time.monotonic() - self._began
        if seconds > _LEAST_SECONDS or self._done > _LEAST_SIMULATIONS:
            self.speed = self._done / seconds
        return self._done > before

    def is_over(self) -> bool:
        """Whether there is nothing more to find, or no time for it."""
        assert self._found is not None
        limits, allotment = self.going.limits, self.allotment
        if self.going.is_stopped or self._found.tree.proven[0] != UNKNOWN:
            return True
        if self._done > self.most_nodes:  # the look at the root is a visit, too
            return True
        if limits.ponder or limits.infinite:
            return False
        if limits.depth is not None and len(self._read(1)[0].moves) >= limits.depth:
            return True
        return allotment is not None and self._is_time(allotment)

    def _is_time(self, allotment: Allotment) -> bool:
        """Whether the clock asks for an answer, or gains by one without loss."""
        seconds = self.going.clock_seconds
        if self.is_forced or seconds + self.lag >= allotment.most:
            return True
        if not self.may_decide_early:
            return seconds >= allotment.wanted
        best, second = self._most_visits()
        if seconds < allotment.wanted:
            left = self.speed * (allotment.wanted - seconds)
            return allotment.saves and seconds > _LEAST_SECONDS and best - second > left
        return self.ply < _OPENING_PLIES or second < _CLOSE * best

    def _most_visits(self) -> tuple[int, int]:
        """Visits of the two moves that have most of them."""
        assert self._found is not None
        tree = self._found.tree
        first = int(tree.first_edges[0])
        children = tree.children[first : first + int(tree.num_children[0])]
        visits = np.sort(tree.visits[children[children != NO_CHILD]])[::-1].tolist()
        best, second = [*visits, 0, 0][:2]
        return best, second

    def _read(self, count: int) -> list[Line]:
        assert self._found is not None
        found = self._found
        return read_lines(found.tree, found.pool, 0, int(found.actions[0]), count)

    def report(self, say: Say, *, last: bool = False) -> None:
        """Say what is found, if it is time to."""
        assert self._found is not None
        now = time.monotonic()
        past = 1000 * (now - max(self._reported, self._began))
        if past < self.options.pv_interval and not last:
            return
        self._reported = now
        self.lines = self._read(self.options.multi_pv)
        plies = self._found.pool.nodes.slots.plies
        for line in info_lines(
            self.lines,
            seldepth=int(plies[self._found.tree.visits > 0].max()) - self.ply,
            nodes=self._done,
            seconds=self.going.seconds,
            hashfull=min(round(1000 * self._made / self._room), 1000),
            multi=self.options.multi_pv > 1,
        ):
            say(line)

    def answer(self) -> str:
        """What follows ``bestmove``."""
        line = self.lines[0]
        hopeless = 500 * (1 + line.value) < self.options.resign_threshold
        if hopeless and not self.going.limits.infinite and line.proven != WON:
            return "resign"
        moves = [move.usi() for move in line.moves[:2]]
        if self.options.ponder and len(moves) > 1:
            return f"{moves[0]} ponder {moves[1]}"
        return moves[0]
