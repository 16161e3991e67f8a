"""Who sits where, and who is to be asked for a move: one rule for all who let several move."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.constants import BLACK, WHITE
from keisei.vec.arguments import one_of
from keisei.vec.kernels import STREAM_STEP, seed_streams

NOBODY = -1
"""In the place of an opponent: nobody is to be asked."""

_RULES = ("random", "black", "white", "alternate")
_OWN_STREAM = np.uint64(0x6B65697365690001)
"""Parts the streams of seats from those of actions, which begin from the same seeds."""
_U32 = np.uint64(32)


def opponents_to_move(
    seats: NDArray[Any], opponents: NDArray[np.int64], to_move: NDArray[Any]
) -> NDArray[np.int64]:
    """Who moves instead of whom the seats belong to, int64 [N], ``NOBODY`` where nobody does.

    Args:
        seats: int [N], the colours, BLACK or WHITE, of whom the seats belong to.
        opponents: int64 [N], the number of who sits opposite, or ``NOBODY``.
        to_move: int [N], the colours to move.
    """
    return np.where(seats == to_move, NOBODY, opponents)


def turns(movers: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Everybody who is to be asked for moves, by ascending number, with the games to move in.

    Args:
        movers: int64 [N], who moves in each game, or ``NOBODY``.
    """
    for mover in np.flatnonzero(np.bincount(movers + 1)[1:]).tolist():
        yield mover, np.flatnonzero(movers == mover)


def whole_numbers(name: str, answer: object, count: int) -> NDArray[Any]:
    """The answer of whom was asked for moves in some positions, int [count].

    Raises:
        ValueError: It is not one whole number a position.
    """
    chosen = np.asarray(answer)
    if chosen.shape != (count,) or chosen.dtype.kind not in "iu":
        raise ValueError(
            f"{name} gave {chosen.dtype} of shape {chosen.shape}; "
            f"it has to give whole numbers of shape ({count},)."
        )
    return chosen


class DrawnSeats:
    """The learner's colours and its opponents in N games, drawn anew whenever a game begins.

    Each game draws from a stream of its own, so that its seats do not depend on other games.

    Attributes:
        colours: int8 [N], the learner's.
        opponents: int64 [N], numbers below ``num_opponents``.
    """

    def __init__(self, num_envs: int, rule: str, num_opponents: int) -> None:
        """Check the rule; ``seed`` comes before the first ``draw``.

        Raises:
            ValueError: When there is no such rule.
        """
        self._rule = one_of("seats", rule, _RULES)
        self._num_opponents = num_opponents
        self.colours = np.zeros(num_envs, np.int8)
        self.opponents = np.zeros(num_envs, np.int64)
        self._streams = np.zeros(num_envs, np.uint64)
        self._games_begun = np.zeros(num_envs, np.int64)

    def seed(self, games: NDArray[np.bool_], seeds: NDArray[np.uint64]) -> None:
        """Begin the streams of some games, bool [N], from their seeds, uint64 [N]."""
        self._streams[games] = seeds[games] ^ _OWN_STREAM
        self._games_begun[games] = 0

    def draw(self, games: NDArray[np.bool_]) -> None:
        """Draw seats and opponents of the games, bool [N], that begin."""
        if not games.any():
            return
        drawn = np.zeros(len(games), np.uint64)
        self._streams[games] += STREAM_STEP
        seed_streams(self._streams, drawn)
        if self._rule == "random":
            colours = drawn & np.uint64(1)
        elif self._rule == "alternate":
            colours = (np.arange(len(games)) + self._games_begun) % 2
        else:
            colours = np.full(len(games), BLACK if self._rule == "black" else WHITE)
        self._games_begun[games] += 1
        opponents = ((drawn >> _U32) * np.uint64(self._num_opponents)) >> _U32
        # New arrays: a caller may hold the ones before.
        self.colours = np.where(games, colours, self.colours).astype(np.int8)
        self.opponents = np.where(games, opponents, self.opponents).astype(np.int64)

    def state(self) -> dict[str, NDArray[Any]]:
        """The arrays that are needed to go on."""
        return {
            "seats": self.colours,
            "opponents": self.opponents,
            "seat_streams": self._streams,
            "games_begun": self._games_begun,
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from arrays of the names and forms of ``state()``."""
        self.colours, self.opponents, self._streams, self._games_begun = (
            state[name].copy() for name in self.state()
        )
