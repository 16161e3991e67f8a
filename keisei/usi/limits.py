"""What a ``go`` asks for, and how much of its time a move gets."""

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from keisei.shogi.moves import shown

_NUMBERS = ("btime", "wtime", "byoyomi", "binc", "winc", "movetime", "nodes", "depth")
_FLAGS = ("ponder", "infinite")
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")

DEFAULT_SECONDS = 1.0
"""Of a move for which neither a time nor a limit is given."""
_MOVES_TO_GO, _OPENING_PLIES = 14, 30
"""A move gets its share of the time for so many moves, and one more for each ply before that."""
_RESERVE_DELAYS = 10
"""So many delays are kept for the end of a game in which no time is added; on them the engine moves
at once."""
_LEAST_SHARE = 0.25
"""Of its time that a move gets even if the delay takes the rest."""


@dataclass(frozen=True)
class Limits:
    """The words of a ``go``; times in milliseconds, None where a word is absent."""

    ponder: bool = False
    infinite: bool = False
    btime: int | None = None
    wtime: int | None = None
    byoyomi: int | None = None
    binc: int | None = None
    winc: int | None = None
    movetime: int | None = None
    nodes: int | None = None
    depth: int | None = None
    mate: float | None = None
    """Milliseconds for a mate, or infinity."""
    searchmoves: tuple[str, ...] = ()

    @property
    def has_clock(self) -> bool:
        """Whether a time is given."""
        times = (self.btime, self.wtime, self.byoyomi, self.binc, self.winc, self.movetime)
        return any(time is not None for time in times)

    @property
    def is_bounded(self) -> bool:
        """Whether the search ends by itself."""
        return not (self.ponder or self.infinite or self.mate == math.inf)

    def hit(self, times: "Limits") -> "Limits":
        """What holds after ``ponderhit``, which may bring new times."""
        given = {
            name: getattr(times, name) for name in _NUMBERS if getattr(times, name) is not None
        }
        return replace(self, ponder=False, **given)


def parse_go(words: Sequence[str]) -> tuple[Limits, list[str]]:
    """What the words after ``go`` ask for, and a sentence for each that makes no sense."""
    found: dict[str, object] = {}
    complaints: list[str] = []
    rest = deque(words)
    while rest:
        word = rest.popleft()
        if word in _FLAGS:
            found[word] = True
        elif word == "searchmoves":
            known = (*_FLAGS, *_NUMBERS, "mate", "searchmoves")
            moves: list[str] = []
            while rest and rest[0] not in known:
                moves.append(rest.popleft())
            found[word] = tuple(moves)
        elif word == "mate" and (not rest or rest[0] == "infinite"):
            found[word] = math.inf
            if rest:
                rest.popleft()
        elif word in (*_NUMBERS, "mate"):
            number = _number(rest[0]) if rest else None
            if number is None:
                complaints.append(f"go: {word} needs a whole number; it is left out")
            else:
                # A search of no node is one of the fewest that there can be.
                found[word] = max(number, 1) if word == "nodes" else number
                rest.popleft()
        else:
            complaints.append(f"go: {shown(word)} is not known; it is left out")
    return Limits(**found), complaints  # pyright: ignore[reportArgumentType]


def _number(text: str) -> int | None:
    """A whole number from 0; a clock that is below it counts as 0."""
    return max(int(text), 0) if _WHOLE.fullmatch(text) else None


class Allotment(NamedTuple):
    """Seconds of a move, from when its clock starts."""

    wanted: float
    """To be used as a rule."""
    most: float
    """To be used if it is hard to decide."""
    saves: bool
    """Whether time that is not used is of use later."""


def allot(limits: Limits, *, is_white: bool, ply: int, delay: int) -> Allotment | None:
    """How long a move may take; None if only other limits are given.

    The share of the main time follows dlshogi; byoyomi is used up at each move.

    Args:
        limits: Of the ``go``.
        is_white: Whose clock.
        ply: Moves played before.
        delay: Milliseconds that the answer may take to the clock.
    """
    if limits.infinite or not limits.has_clock:
        if limits.infinite or limits.nodes is not None or limits.depth is not None:
            return None
        return Allotment(DEFAULT_SECONDS, DEFAULT_SECONDS, saves=False)
    if limits.movetime is not None:
        seconds = _net(limits.movetime, delay) / 1000
        return Allotment(seconds, seconds, saves=False)
    main = (limits.wtime if is_white else limits.btime) or 0
    increment = (limits.winc if is_white else limits.binc) or 0
    byoyomi = limits.byoyomi or 0
    # An increment may come only after the move, unless there is nothing else.
    there_is = _net(main + byoyomi or increment, delay)
    kept = 0.0 if byoyomi or increment else min(main, _RESERVE_DELAYS * delay)
    share = (main - kept) / (_MOVES_TO_GO + max(0, _OPENING_PLIES - ply))
    wanted = min(share + increment + _net(byoyomi, delay), there_is)
    return Allotment(wanted / 1000, min(wanted + share, there_is) / 1000, saves=main > 0)


def _net(time: float, delay: int) -> float:
    """What is left of a time after the way to the clock."""
    return max(time - delay, _LEAST_SHARE * time)
