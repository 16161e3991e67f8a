"""A player of one ply: it mates if it can, else takes what is worth most, else moves at random."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.children import Lookahead
from keisei.players.positions import Positions
from keisei.shogi.constants import OTHER_SIDE

PIECE_VALUES = (0, 1, 3, 4, 5, 8, 10, 6, 0, 7, 6, 6, 6, 10, 12)
"""What a captured piece is worth, by its code (EMPTY to DRAGON): Tanigawa's points of 1982."""
_VALUES = np.zeros(256, np.int64)
_VALUES[OTHER_SIDE : OTHER_SIDE + len(PIECE_VALUES)] = PIECE_VALUES
_WIN = 1000


class GreedyPlayer:
    """Plays a move that leaves the opponent without one, else the best capture, else any move.

    Captures count by the piece that is taken (``PIECE_VALUES``), whatever may take back. Moves that
    are equally good are equally probable.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._lookahead = Lookahead()

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Pick one legal action for each of n positions.

        Returns:
            int64 [n], action labels.

        Raises:
            ValueError: A position has no legal action.
        """
        has_moves = positions.mask_bits.any(axis=1)
        if not has_moves.all():
            row = int(np.argmin(has_moves))
            raise ValueError(f"position {row} has no legal action: its game is over")
        uniforms = self._rng.random(len(positions))
        actions = np.empty(len(positions), np.int64)
        for found in self._lookahead.children(positions.state, positions.mask_bits):
            values = np.where(found.is_stuck, _WIN, _VALUES[found.captured])
            rows, firsts, counts = np.unique(found.rows, return_index=True, return_counts=True)
            best = values == np.repeat(np.maximum.reduceat(values, firsts), counts)
            up_to = np.cumsum(best)
            ties = np.add.reduceat(best, firsts, dtype=np.int64)
            rank = up_to[firsts] - best[firsts] + (uniforms[rows] * ties).astype(np.int64)
            actions[rows] = found.actions[np.searchsorted(up_to, rank, side="right")]
        return actions
