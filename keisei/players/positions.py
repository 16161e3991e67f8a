"""Positions as players get them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from keisei.games.standing import Standing
from keisei.players.clocks import Clock
from keisei.shogi.constants import NUM_ACTIONS, START_SFEN
from keisei.shogi.moves import Move


@dataclass(slots=True)
class Game:
    """A game so far."""

    number: int
    """Which of the games that are played, from 0."""
    moves: list[Move] = field(default_factory=list[Move], kw_only=True)
    """All moves so far, those of an opening included."""
    start: str = field(default=START_SFEN, kw_only=True)
    """The first position, in SFEN."""
    clock: Clock | None = field(default=None, kw_only=True)
    """The time of both sides; None in a game without a clock."""

    def usi_position(self) -> str:
        """The game as USI has it, ``position startpos moves 7g7f ...`` or ``position sfen ...``."""
        start = "startpos" if self.start == START_SFEN else f"sfen {self.start}"
        moves = ["moves", *(move.usi() for move in self.moves)] if self.moves else []
        return " ".join(["position", start, *moves])


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of n games in each of which a player has to choose."""

    state: NDArray[np.uint8]
    """uint8 [n, 100], compact states, each from the view of its player to move."""
    mask_bits: NDArray[np.uint8]
    """uint8 [n, 274], packed legal masks, bit 1 = legal."""
    games: Sequence[Game] = ()
    """The n games so far; they go on changing after the call, so read them at once."""
    standing: Standing | None = None
    """Where the games stand, for who looks ahead; it goes on changing, too."""

    def __len__(self) -> int:
        """Number of positions n."""
        return len(self.state)

    def legal_actions(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The legal actions of all positions, one position after the other.

        Returns:
            Offsets int64 [n + 1] and actions int64 [m]: position i has the actions
            ``actions[offsets[i] : offsets[i + 1]]``, in ascending order.

        Raises:
            ValueError: A position has no legal action.
        """
        offsets = np.zeros(len(self) + 1, np.int64)
        counts = np.bitwise_count(self.mask_bits).sum(axis=1, dtype=np.int64)
        if not counts.all():
            row = int(np.argmin(counts))
            raise ValueError(f"position {row} has no legal action: its game is over")
        np.cumsum(counts, out=offsets[1:])
        legal = np.unpackbits(self.mask_bits, axis=1, count=NUM_ACTIONS, bitorder="little")
        return offsets, np.flatnonzero(legal.view(np.bool_)) % NUM_ACTIONS
