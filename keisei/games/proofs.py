"""What a search for mates remembers: the line it stands on, and a table of positions."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.generating import Scratch, new_scratch
from keisei.games.hashing import mix
from keisei.games.layout import LANES, Slots, new_slots, turn_of
from keisei.games.masks import new_masks
from keisei.games.movegen import new_planes
from keisei.shogi.bitboard import ONE, ZERO, lowest_bit
from keisei.shogi.jit import Int, inline_kernel, kernel_part

MAX_DEPTH = 63
"""Plies of the longest mate that is looked for; a refutation names depths as bits of a word."""
INFINITE = 1 << 28
TURN_KEY = np.uint64(0xD1B54A32D192ED03)
"""Added to the hash of a position in which White is to move."""
NODES, IS_CUT, NUMBER = 0, 1, 2
"""Places in ``Prover.counts``."""

_PLY_KEY = np.uint64(0xABC98388FB8FAC03)
_WAYS = 4
"""Places of the table where a position may stand."""
_ROOM = 128 * LANES
"""Slots of the stack."""


class Table(NamedTuple):
    """What is known of N positions.

    Attributes:
        keys: uint64 [N], position, side to move, and search; 0 for none.
        numbers: int32 [N, 2], proof and disproof number.
        rests: uint64 [N], of a refutation the depths of the line that it rests on.
        sums: uint64 [N], the sum of the positions that stood there.
        lengths: int16 [N], of a proof the plies to the mate.
        calls: int64 [N], when it was written.
        works: int32 [N], the nodes that it took.
    """

    keys: NDArray[np.uint64]
    numbers: NDArray[np.int32]
    rests: NDArray[np.uint64]
    sums: NDArray[np.uint64]
    lengths: NDArray[np.int16]
    calls: NDArray[np.int64]
    works: NDArray[np.int32]


class Prover(NamedTuple):
    """Memory of one search at a time.

    Attributes:
        slots: The positions of the line and of all its positions' children: roots in the first
            block, the children of each frame in whole blocks behind those of the frame before.
        legal: uint64 [S, MASK_WORDS], legal actions; of the attacker those that may give check.
        actions: int64 [S], that led there.
        keys: uint64 [S], of position and side to move.
        numbers: int32 [S, 2], proof and disproof number.
        rests: uint64 [S], as in ``Table``.
        lengths: int32 [S], as in ``Table``.
        frames: int32 [MAX_DEPTH + 2, 6], of each depth: its slot, its first child, the one past its
            last, both thresholds, and the count of nodes when it was opened.
        line: uint64 [MAX_DEPTH + 2], keys of the line.
        counts: int64 [3]: nodes looked at, 1 if some line was too long to follow, the number of the
            search.
        table: Of all searches.
        scratch: Of the move generator.
        checks: uint64, room for the planes of checks.
    """

    slots: Slots
    legal: NDArray[np.uint64]
    actions: NDArray[np.int64]
    keys: NDArray[np.uint64]
    numbers: NDArray[np.int32]
    rests: NDArray[np.uint64]
    lengths: NDArray[np.int32]
    frames: NDArray[np.int32]
    line: NDArray[np.uint64]
    counts: NDArray[np.int64]
    table: Table
    scratch: Scratch
    checks: NDArray[np.uint64]


class Task(NamedTuple):
    """What is looked for.

    Attributes:
        salt: Tells this search's positions in the table from those of others.
        plies: The longest mate that counts.
        is_exact: Whether a longer one is none by what was asked or by the ply cap.
    """

    salt: np.uint64
    plies: Int
    is_exact: bool


def new_prover(positions: int) -> Prover:
    """Memory with a table of so many positions, a power of two."""
    return Prover(
        slots=new_slots(_ROOM),
        legal=new_masks(_ROOM),
        actions=np.full(_ROOM, -1, np.int64),
        keys=np.zeros(_ROOM, np.uint64),
        numbers=np.zeros((_ROOM, 2), np.int32),
        rests=np.zeros(_ROOM, np.uint64),
        lengths=np.zeros(_ROOM, np.int32),
        frames=np.zeros((MAX_DEPTH + 2, 6), np.int32),
        line=np.zeros(MAX_DEPTH + 2, np.uint64),
        counts=np.zeros(3, np.int64),
        table=Table(
            keys=np.zeros(positions, np.uint64),
            numbers=np.zeros((positions, 2), np.int32),
            rests=np.zeros(positions, np.uint64),
            sums=np.zeros(positions, np.uint64),
            lengths=np.zeros(positions, np.int16),
            calls=np.zeros(positions, np.int64),
            works=np.zeros(positions, np.int32),
        ),
        scratch=new_scratch(),
        checks=new_planes(),
    )


@inline_kernel
def key_of(slots: Slots, slot: Int) -> np.uint64:
    """A word for board, hands and side to move."""
    return slots.hashes[slot] + TURN_KEY * np.uint64(turn_of(slots, slot))


@inline_kernel
def _table_key(task: Task, key: np.uint64, depth: Int) -> np.uint64:
    # Where a longer mate is none, what is left counts, too.
    ply = np.uint64(depth) if task.is_exact else ZERO
    return mix(key + task.salt + _PLY_KEY * ply)


@inline_kernel
def _sum_of_line(line: NDArray[np.uint64], depths: np.uint64) -> np.uint64:
    total = ZERO
    while depths != ZERO:
        total += line[lowest_bit(depths)]
        depths &= depths - ONE
    return total


@kernel_part
def recall(prover: Prover, task: Task, slot: Int, depth: Int) -> bool:
    """Read what the table knows of a slot's position at this depth; False if it knows nothing."""
    table = prover.table
    key = _table_key(task, prover.keys[slot], depth)
    first = np.int64(key & np.uint64(len(table.keys) - _WAYS))
    for place in range(first, first + _WAYS):
        if table.keys[place] == key:
            rests = table.rests[place]
            if rests != ZERO and (
                rests >> np.uint64(depth) != ZERO
                or _sum_of_line(prover.line, rests) != table.sums[place]
            ):
                return False
            prover.numbers[slot, 0] = table.numbers[place, 0]
            prover.numbers[slot, 1] = table.numbers[place, 1]
            prover.rests[slot] = rests
            prover.lengths[slot] = table.lengths[place]
            return True
    return False


@kernel_part
def record(prover: Prover, task: Task, slot: Int, depth: Int, work: Int) -> None:
    """Write what is known of a slot's position into the table, over what took the least work."""
    table = prover.table
    call = prover.counts[NUMBER]
    key = _table_key(task, prover.keys[slot], depth)
    first = np.int64(key & np.uint64(len(table.keys) - _WAYS))
    chosen, least = first, INFINITE
    for place in range(first, first + _WAYS):
        if table.keys[place] == key:
            chosen = place
            break
        cost = np.int64(table.works[place]) if table.calls[place] == call else -1
        if cost < least:
            chosen, least = place, cost
    table.keys[chosen] = key
    table.numbers[chosen, 0] = prover.numbers[slot, 0]
    table.numbers[chosen, 1] = prover.numbers[slot, 1]
    table.rests[chosen] = prover.rests[slot]
    table.sums[chosen] = _sum_of_line(prover.line, prover.rests[slot])
    table.lengths[chosen] = prover.lengths[slot]
    table.calls[chosen] = call
    table.works[chosen] = work


@inline_kernel
def settle(prover: Prover, slot: Int, proof: Int, disproof: Int, rests: np.uint64) -> None:
    """Write down what is known of a slot before its children are."""
    prover.numbers[slot, 0], prover.numbers[slot, 1] = proof, disproof
    prover.rests[slot] = rests
    prover.lengths[slot] = 0
