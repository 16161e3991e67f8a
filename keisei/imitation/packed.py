"""Positions in 32 bytes with a move and a result: PSV (YaneuraOu) and HCPE (Apery, dlshogi).

Both are Huffman codes, read from the lowest bit of each byte on: the side to move (1 bit), the
squares of Black's and White's king (7 each), the pieces on the other squares in the order of ours,
and the pieces in hand up to the end. The codes of the pieces are those of YaneuraOu's
``PackedSfen`` and of Apery's ``HuffmanCodedPos``:

| piece | PSV | HCPE | in hand PSV | in hand HCPE |
|---|---|---|---|---|
| none | 0 | 0 | | |
| pawn | 10pc | 10cp | 0pc | 0-c |
| lance | 1100pc | 1100cp | 100pc | 100-c |
| knight | 1101pc | 1110cp | 101pc | 110-c |
| silver | 1110pc | 1101cp | 110pc | 101-c |
| gold | 11110c | 11110c | 1110c | 1110c |
| bishop | 111110pc | 111110cp | 11110pc | 111110c |
| rook | 111111pc | 111111cp | 11111pc | 111111c |

with c for White's, p for promoted (in hand: put away into the box) and - for 0. A PSV goes on with
the score (int16), the move (to, from and a bit each for drop and promotion: 7, 7, 1, 1 bits), the
number of the move, the result to the player to move, and a byte without meaning; an HCPE with the
score, the move (to, from, promotion: 7, 7, 1 bits; drops come from 80 plus the piece) and the
result: 0 a draw, 1 Black's win, 2 White's.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keisei.games.pool import Pool
from keisei.imitation.examples import Examples, Tally, find_actions, game_key, seen
from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    GOLD,
    KING,
    KNIGHT,
    LANCE,
    NUM_HAND_TYPES,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    ROOK,
    SILVER,
)
from keisei.shogi.features import OWN_HAND
from keisei.shogi.jit import Int, inline_kernel, kernel
from keisei.vec.consistency import position_faults

PSV = np.dtype(
    [
        ("position", "u1", (32,)),
        ("score", "<i2"),
        ("move", "<u2"),
        ("ply", "<u2"),
        ("result", "i1"),
        ("padding", "u1"),
    ]
)
"""A record of 40 bytes."""
HCPE = np.dtype(
    [
        ("position", "u1", (32,)),
        ("score", "<i2"),
        ("move", "<u2"),
        ("result", "u1"),
        ("padding", "u1"),
    ]
)
"""A record of 38 bytes."""

_BITS = 256
_VIEW_SIZE = 95
_HAND = OWN_HAND.start
_MOST_CHANGED = 12
"""Neighbouring records whose boards differ on more squares are of different games."""
_DAMAGED, _IMPOSSIBLE, _CAPTURABLE, _ILLEGAL, _NO_RESULT = range(1, 6)
_REASONS = {
    _DAMAGED: "the packed position is damaged",
    _IMPOSSIBLE: "the position cannot be",
    _CAPTURABLE: "a king can be captured",
    _ILLEGAL: "the move is not legal",
    _NO_RESULT: "the result is none",
}


@inline_kernel
def _bit(packed: NDArray[np.uint8], row: Int, at: Int) -> Int:
    """Bit number ``at`` of a row; 0 past its end."""
    if at >= _BITS:
        return 0
    return (np.int64(packed[row, at >> 3]) >> (at & 7)) & 1


@inline_kernel
def _kind(packed: NDArray[np.uint8], row: Int, at: Int, psv: Int) -> tuple[Int, Int]:
    """The piece whose code goes on from bit ``at``, behind a first 1, and where the code ends."""
    if _bit(packed, row, at) == 0:
        return PAWN, at + 1
    first, second = _bit(packed, row, at + 1), _bit(packed, row, at + 2)
    if first + second == 0:
        return LANCE, at + 3
    if first + second == 1:
        # The two formats have them the other way round.
        return KNIGHT if second == psv else SILVER, at + 3
    if _bit(packed, row, at + 3) == 0:
        return GOLD, at + 4
    return BISHOP + _bit(packed, row, at + 4), at + 5


@inline_kernel
def _read_board(
    packed: NDArray[np.uint8],
    row: Int,
    psv: Int,
    views: NDArray[np.uint8],
) -> Int:
    """Read the pieces on the board and return the bit behind them."""
    at = 15
    for square in range(NUM_SQUARES):
        if views[row, square] != 0:
            continue
        if _bit(packed, row, at) == 0:
            at += 1
            continue
        piece, at = _kind(packed, row, at + 1, psv)
        promoted, colour = 0, _bit(packed, row, at)
        if piece != GOLD:
            promoted, colour = colour, _bit(packed, row, at + 1)
            if not psv:
                promoted, colour = colour, promoted
            at += 1
        at += 1
        views[row, square] = piece + promoted * PROMOTED + colour * OTHER_SIDE
    return at


@inline_kernel
def _read_hands(
    packed: NDArray[np.uint8],
    row: Int,
    at: Int,
    psv: Int,
    views: NDArray[np.uint8],
) -> bool:
    """Read the pieces in hand, and say whether they end where the record does."""
    while at < _BITS:
        piece, at = _kind(packed, row, at, psv)
        put_away = 0
        if not psv and piece >= BISHOP and piece <= ROOK:
            # Apery has a 1 before the bit that tells a rook from a bishop.
            if piece == BISHOP:
                return False
            piece = BISHOP + _bit(packed, row, at)
            at += 1
        elif piece != GOLD:
            put_away = _bit(packed, row, at)
            at += 1
        colour = _bit(packed, row, at)
        at += 1
        if put_away and not psv:
            return False
        if not put_away:
            views[row, _HAND + colour * NUM_HAND_TYPES + piece - PAWN] += 1
    return at == _BITS


@kernel
def _unpack(
    packed: NDArray[np.uint8],
    psv: Int,
    views: NDArray[np.uint8],
    turns: NDArray[np.int64],
    faults: NDArray[np.uint8],
) -> None:
    """Read packed positions uint8 [N, 32]; the rest is as ``unpack`` gives it, zeros before."""
    for row in range(packed.shape[0]):
        turns[row] = _bit(packed, row, 0)
        kings = np.zeros(2, np.int64)
        for colour in range(2):
            for place in range(7):
                kings[colour] |= _bit(packed, row, 1 + 7 * colour + place) << place
        if kings[0] >= NUM_SQUARES or kings[1] >= NUM_SQUARES or kings[0] == kings[1]:
            faults[row] = _DAMAGED
            continue
        views[row, kings[0]], views[row, kings[1]] = KING, KING + OTHER_SIDE
        at = _read_board(packed, row, psv, views)
        if not _read_hands(packed, row, at, psv, views):
            faults[row] = _DAMAGED


def unpack(
    packed: NDArray[np.uint8], *, is_psv: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Positions uint8 [N, 32] as the environment has them.

    Args:
        packed: Anything.
        is_psv: Whether they are YaneuraOu's, or Apery's.

    Returns:
        What Black sees, uint8 [N, 95], the colours to move int64 [N], and faults int64 [N]: 0 of
        those that have been read to their end and could occur, but for checks.
    """
    count = len(packed)
    views, turns = np.zeros((count, _VIEW_SIZE), np.uint8), np.zeros(count, np.int64)
    faults = np.zeros(count, np.uint8)
    _unpack(np.ascontiguousarray(packed), int(is_psv), views, turns, faults)
    is_impossible = (faults == 0) & (position_faults(views) != 0)
    return views, turns, np.where(is_impossible, _IMPOSSIBLE, faults).astype(np.int64)


class PackedReader:
    """Turns the records of one file into examples, portion by portion.

    Neighbouring records whose boards differ on at most 12 squares count as of one game, in whatever
    direction it was written. In a shuffled file each position is a game of its own.
    """

    def __init__(self, path: Path, max_plies: int, seed: int) -> None:
        """Begin a file.

        Args:
            path: Of the file, for what is said of it.
            max_plies: The ply cap that states speak of.
            seed: Of the keys of games.
        """
        self._path = path
        self._max_plies = max_plies
        self._seed = seed
        self._read = 0
        self._board = np.zeros(NUM_SQUARES, np.uint8)
        self._key = 0

    def take(self, records: NDArray[np.void], tally: Tally) -> Examples:
        """The next records, PSV or HCPE, of which those that are not sound are left out."""
        is_psv = records.dtype == PSV
        views, turns, faults = unpack(records["position"], is_psv=is_psv)
        results = records["result"].astype(np.int64)
        faults[(faults == 0) & ((results < -1) | (results > 2 - is_psv))] = _NO_RESULT
        rows = np.flatnonzero(faults == 0)
        pool = Pool(max(1, len(rows)))
        faults[rows[pool.set_up(0, views[rows], turns[rows])]] = _CAPTURABLE
        if is_psv:
            plies = records["ply"][rows].astype(np.int32) - 1
            pool.nodes.slots.plies[: len(rows)] = np.maximum(plies, 0)
        slots = np.arange(len(rows))
        actions = find_actions(
            pool, slots, _moves(records["move"][rows], is_psv=is_psv), turns[rows]
        )
        faults[rows[(actions < 0) & (faults[rows] == 0)]] = _ILLEGAL
        self._tell(faults, tally)
        kept = np.flatnonzero(faults[rows] == 0)
        rows = rows[kept]
        states, bits = seen(pool, slots[kept], self._max_plies)
        wins = results[rows] if is_psv else _to_mover(results[rows], turns[rows])
        keys = self._keys(self._read - len(records) + rows, views[rows], tally)
        tally.positions += len(rows)
        return Examples(states, bits, actions[kept], wins.astype(np.float32), keys)

    def _tell(self, faults: NDArray[np.int64], tally: Tally) -> None:
        for fault, reason in _REASONS.items():
            found = np.flatnonzero(faults == fault)
            if len(found):
                place = f"first record {self._read + int(found[0]) + 1} of {str(self._path)!r}"
                tally.skip(reason, place, len(found))
        self._read += len(faults)

    def _keys(
        self, numbers: NDArray[np.int64], views: NDArray[np.uint8], tally: Tally
    ) -> NDArray[np.uint64]:
        """Keys uint64 [N] of the games that positions are of: name of file, first record's number.

        Args:
            numbers: int64 [N], of the records in the file.
            views: uint8 [N, 95], their positions.
            tally: Hears of games that begin.
        """
        if not len(views):
            return np.zeros(0, np.uint64)
        boards = np.concatenate([self._board[None], views[:, :NUM_SQUARES]])
        begins = (boards[1:] != boards[:-1]).sum(axis=1) > _MOST_CHANGED
        names = (f"{self._path.name}:{number}" for number in numbers[begins].tolist())
        found = [self._key, *(game_key(name.encode(), self._seed) for name in names)]
        self._board, self._key = boards[-1], found[-1]
        tally.games += len(found) - 1
        return np.array(found, np.uint64)[np.cumsum(begins)]


def _moves(packed: NDArray[np.uint16], *, is_psv: bool) -> NDArray[np.int64]:
    """Moves uint16 [N] as ``find_actions`` takes them, int64 [N, 4]."""
    bits = packed.astype(np.int64)
    targets, origins = bits & 0x7F, (bits >> 7) & 0x7F
    if is_psv:
        promotes, dropped = bits >> 15, np.where(bits & 0x4000, origins, 0)
    else:
        promotes, dropped = (bits >> 14) & 1, np.maximum(origins - (NUM_SQUARES - 1), 0)
    return np.stack([np.where(dropped, -1, origins), targets, promotes, dropped], axis=1)


def _to_mover(results: NDArray[np.int64], turns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Results 0, 1 (Black) or 2 (White) as 0, 1 or -1 to the player to move."""
    won = np.where(turns == BLACK, 1, 2)
    return np.where(results == 0, 0, np.where(results == won, 1, -1))
