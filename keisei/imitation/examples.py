"""Positions with the move that was played and how the game ended, and what was left out.

Letters: N positions.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from keisei.games.placing import read_actions
from keisei.games.pool import Pool
from keisei.shogi.actions import board_action
from keisei.shogi.constants import (
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    GOLD,
    NUM_SQUARES,
    WHITE,
)
from keisei.shogi.features import MASK_BYTES


@dataclass(frozen=True, slots=True)
class Examples:
    """N positions to learn from.

    Attributes:
        states: uint8 [N, 100], compact states in the movers' views.
        mask_bits: uint8 [N, 274], packed legal actions.
        actions: int64 [N], the moves that were played, each legal.
        results: float32 [N], 1 if the player to move won the game, -1 if it lost, 0 for a draw, NaN
            where nobody knows.
        keys: uint64 [N], which game a position is from; the same for the same game.
    """

    states: NDArray[np.uint8]
    mask_bits: NDArray[np.uint8]
    actions: NDArray[np.int64]
    results: NDArray[np.float32]
    keys: NDArray[np.uint64]

    def __len__(self) -> int:
        """Number of positions N."""
        return len(self.actions)

    def chosen(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Examples":
        """Some of the positions."""
        return Examples(**{name: getattr(self, name)[rows] for name in _COLUMNS})


_COLUMNS = tuple(field.name for field in fields(Examples))


def joined(parts: Sequence[Examples]) -> Examples:
    """The positions of all parts, of which there is one or more."""
    return Examples(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    )


def game_key(course: bytes, seed: int) -> int:
    """The number of a game, from what tells it from others and the seed of the run."""
    digest = hashlib.blake2b(course, digest_size=8, key=seed.to_bytes(8, "little")).digest()
    return int.from_bytes(digest, "little")


@dataclass
class _Skipped:
    count: int
    first: str


@dataclass
class Tally:
    """What was read, and what was left out with the reason."""

    games: int = 0
    """Games of which positions were taken; in packed files runs of neighbouring positions."""
    positions: int = 0
    skipped: dict[str, _Skipped] = field(default_factory=dict[str, _Skipped])

    def skip(self, reason: str, first: str, count: int = 1) -> None:
        """Count what is left out.

        Args:
            reason: In general.
            first: Where the first one is, in particular.
            count: How many.
        """
        found = self.skipped.setdefault(reason, _Skipped(0, first))
        found.count += count

    def lines(self) -> list[str]:
        """What was left out, a line a reason, the most frequent first."""
        frequent = sorted(self.skipped.items(), key=lambda item: -item[1].count)
        return [f"Skipped {each.count:,}: {reason} ({each.first})" for reason, each in frequent]


@functools.cache
def _board_actions() -> NDArray[np.int64]:
    """Actions of moves on the board, int64 [81, 81] by origin and target; -1 where none goes."""
    squares = range(NUM_SQUARES)
    found = [[board_action(origin, to, promote=False) for to in squares] for origin in squares]
    return np.array([[-1 if each is None else each for each in row] for row in found], np.int64)


def find_actions(
    pool: Pool, slots: NDArray[np.int64], moves: NDArray[np.int64], turns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Actions of moves that may be anything.

    Args:
        pool: Positions whose moves have been generated.
        slots: int64 [N], which of them.
        moves: int64 [N, 4], origin and target in Black's squares, whether it promotes (0 or 1), and
            the piece that is dropped (PAWN to GOLD), 0 for a move on the board.
        turns: int64 [N], the colours to move.

    Returns:
        int64 [N], -1 where the move is not legal.
    """
    turned = turns == WHITE
    origins, targets = (
        np.where(turned, NUM_SQUARES - 1 - moves[:, column], moves[:, column]) for column in (0, 1)
    )
    promotes, dropped = moves[:, 2], moves[:, 3]
    is_drop = dropped != 0
    sound = (targets >= 0) & (targets < NUM_SQUARES) & (dropped >= 0) & (dropped <= GOLD)
    sound &= np.where(is_drop, promotes == 0, (origins >= 0) & (origins < NUM_SQUARES))
    actions = np.full(len(moves), -1, np.int64)
    on_board, drops = np.flatnonzero(sound & ~is_drop), np.flatnonzero(sound & is_drop)
    plain = _board_actions()[origins[on_board], targets[on_board]]
    promoted = plain + FIRST_PROMOTION_CLASS * NUM_SQUARES * (promotes[on_board] != 0)
    actions[on_board] = np.where(plain < 0, -1, promoted)
    actions[drops] = (FIRST_DROP_CLASS + dropped[drops] - 1) * NUM_SQUARES + targets[drops]
    rows = np.flatnonzero(actions >= 0)
    words = pool.nodes.legal[slots[rows], actions[rows] >> 6]
    is_legal = (words >> (actions[rows] & 63).astype(np.uint64)) & np.uint64(1) == 1
    actions[rows[~is_legal]] = -1
    rows = rows[is_legal]
    parts = np.empty((len(rows), 4), np.int64)
    read_actions(pool.nodes.slots, slots[rows], actions[rows], parts)
    # An action names the first piece on its way; the move may be of one behind it.
    actions[rows[~is_drop[rows] & (parts[:, 0] != origins[rows])]] = -1
    return actions


def seen(
    pool: Pool, slots: NDArray[np.int64], max_plies: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """States uint8 [N, 100] and packed legal actions uint8 [N, 274] of slots int64 [N]."""
    legal = pool.nodes.legal.view(np.uint8)[slots, :MASK_BYTES]
    return pool.observe(slots, max_plies), legal
