"""Rows that were found when a move was chosen, kept until the position is learned from.

Letters: P positions that are remembered, B positions of a batch, M moves of all of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.rl.embedding.features import (
    MAX_INPUT_ROWS,
    NUM_INPUT_ROWS,
    NUM_MOVE_ROWS,
    ROWS_PER_MOVE,
)
from keisei.rl.embedding.kernels import Bytes, Flags, Offsets, Rows
from keisei.shogi.constants import MAX_LEGAL_MOVES
from keisei.shogi.jit import Int, inline_kernel, kernel

_MOVES_A_POSITION = 100
"""Room for moves; positions with more of them leave less for others."""
_WAYS = 4
"""Places of the table where a position may stand."""
_TABLE = 8
"""Places of the table for each position."""
_PRIME, _BASIS = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)
_HALF = np.uint64(32)
_NOBODY = -1
assert max(NUM_INPUT_ROWS, NUM_MOVE_ROWS) <= np.iinfo(np.int16).max + 1


class Memory(NamedTuple):
    """The last positions, in a ring; their moves in another one that turns with it.

    Attributes:
        keys: uint64 [P], of the positions.
        inputs: int16 [P, MAX_INPUT_ROWS], rows of the input table.
        counts: int16 [P], how many of them.
        starts: int64 [P], where a position's moves begin in ``moves``.
        lengths: int64 [P], how many moves it has; _NOBODY where it is forgotten.
        moves: int16 [C, ROWS_PER_MOVE].
        ring: int64 [4]: the next position to be written, the oldest one, how many there are, and
            where the next moves go.
        table: int32 [places], positions by their keys, _NOBODY for none.
    """

    keys: NDArray[np.uint64]
    inputs: NDArray[np.int16]
    counts: NDArray[np.int16]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    moves: NDArray[np.int16]
    ring: NDArray[np.int64]
    table: NDArray[np.int32]


def new_memory(positions: int) -> Memory:
    """Room for P positions."""
    places = 1 << (_TABLE * positions - 1).bit_length()
    return Memory(
        keys=np.zeros(positions, np.uint64),
        inputs=np.zeros((positions, MAX_INPUT_ROWS), np.int16),
        counts=np.zeros(positions, np.int16),
        starts=np.zeros(positions, np.int64),
        lengths=np.full(positions, _NOBODY, np.int64),
        moves=np.zeros(
            (max(_MOVES_A_POSITION * positions, MAX_LEGAL_MOVES), ROWS_PER_MOVE), np.int16
        ),
        ring=np.zeros(4, np.int64),
        table=np.full(places, _NOBODY, np.int32),
    )


@inline_kernel
def _key_of(state: Bytes) -> np.uint64:
    """The key of a state uint8[100] (FNV-1a: G. Fowler, L. C. Noll, K.-P. Vo)."""
    key = _BASIS
    for index in range(state.shape[0]):
        key = (key ^ np.uint64(state[index])) * _PRIME
    return key ^ (key >> _HALF)


@inline_kernel
def _find(memory: Memory, key: np.uint64) -> Int:
    """The position with a key; _NOBODY if it is not remembered."""
    table = memory.table
    for way in range(_WAYS):
        found = table[(key + np.uint64(way)) & np.uint64(table.shape[0] - 1)]
        if found != _NOBODY and memory.keys[found] == key and memory.lengths[found] != _NOBODY:
            return np.int64(found)
    return _NOBODY


@inline_kernel
def _note(memory: Memory, key: np.uint64, position: Int) -> None:
    """Enter a position into the table, in the place of one that is forgotten if there is any."""
    table = memory.table
    chosen = key & np.uint64(table.shape[0] - 1)
    for way in range(_WAYS):
        place = (key + np.uint64(way)) & np.uint64(table.shape[0] - 1)
        other = table[place]
        if other == _NOBODY or memory.lengths[other] == _NOBODY or memory.keys[other] == key:
            chosen = place
            break
    table[chosen] = position


@inline_kernel
def _forget_oldest(memory: Memory) -> None:
    ring = memory.ring
    memory.lengths[ring[1]] = _NOBODY
    ring[1] = (ring[1] + 1) % memory.keys.shape[0]
    ring[2] -= 1


@inline_kernel
def _room_for(memory: Memory, length: Int) -> Int:
    """Where so many moves can be written; positions whose moves stand there are forgotten."""
    ring, size = memory.ring, memory.moves.shape[0]
    start = ring[3]
    if start + length > size:
        # What lies behind stays unused, and goes with the oldest.
        while ring[2] > 0 and memory.starts[ring[1]] >= start:
            _forget_oldest(memory)
        start = 0
    while ring[2] > 0 and start <= memory.starts[ring[1]] < start + length:
        _forget_oldest(memory)
    ring[3] = start + length
    return start


@kernel
def remember(
    memory: Memory, states: Bytes, inputs: tuple[Rows, Rows], legal: tuple[Offsets, Rows]
) -> None:
    """Keep the rows of B positions; the oldest ones make room.

    Args:
        memory: where to.
        states: uint8[B, 100].
        inputs: as :func:`keisei.rl.embedding.kernels.write_rows` writes them.
        legal: likewise.
    """
    rows, counts = inputs
    offsets, move_rows = legal
    ring, most = memory.ring, memory.keys.shape[0]
    for i in range(states.shape[0]):
        key = _key_of(states[i])
        if _find(memory, key) != _NOBODY:
            continue
        if ring[2] == most:
            _forget_oldest(memory)
        length = offsets[i + 1] - offsets[i]
        start = _room_for(memory, length)
        position = ring[0]
        memory.keys[position] = key
        memory.counts[position] = counts[i]
        for k in range(counts[i]):
            memory.inputs[position, k] = rows[i, k]
        for m in range(length):
            for part in range(ROWS_PER_MOVE):
                memory.moves[start + m, part] = move_rows[offsets[i] + m, part]
        memory.starts[position], memory.lengths[position] = start, length
        ring[0] = (position + 1) % most
        ring[2] += 1
        _note(memory, key, position)


@kernel
def recall_rows(
    memory: Memory,
    states: Bytes,
    inputs: tuple[Rows, Rows],
    legal: tuple[Offsets, Rows],
    is_missing: Flags,
    positions: tuple[int, int],
) -> None:
    """Copy the rows of some positions and of their legal moves where they are remembered.

    Args:
        memory: where from.
        states: uint8[B, 100].
        inputs: as :func:`keisei.rl.embedding.kernels.write_rows` writes them.
        legal: likewise.
        is_missing: bool[B], written: True = not remembered.
        positions: first position and one past the last.
    """
    rows, counts = inputs
    offsets, move_rows = legal
    for i in range(positions[0], positions[1]):
        length = offsets[i + 1] - offsets[i]
        place = _find(memory, _key_of(states[i]))
        is_missing[i] = place == _NOBODY or memory.lengths[place] != length
        if is_missing[i]:
            continue
        counts[i] = memory.counts[place]
        for k in range(counts[i]):
            rows[i, k] = memory.inputs[place, k]
        start = memory.starts[place]
        for m in range(length):
            for part in range(ROWS_PER_MOVE):
                move_rows[offsets[i] + m, part] = memory.moves[start + m, part]
