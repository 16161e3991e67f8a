"""The course of games: which positions have occurred before, and after which checks.

Repetition compares 64-bit hashes of board and hands at plies of the same parity. In shogi nothing
is irreversible (captured pieces are dropped again and captured back), so the whole game is looked
at; a filter of 2048 bits a game spares the look for most positions.

A *game* keeps its whole history. A *node* of a tree keeps its parent, and its history is read by
walking its ancestors and then, from the root on, the history of the game that the root stands in.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import Slots, turn_of
from keisei.shogi.bitboard import ONE, ZERO
from keisei.shogi.jit import Int, inline_kernel, kernel

SEEN_WORDS = 32
"""Words of the filter that tells most new positions from repeated ones: 2048 bits."""
NO_HISTORY = -1
"""Parent of a root that begins its game."""

_U6, _U63 = np.uint64(6), np.uint64(63)
_SEEN_SHIFT = np.uint64(64 - SEEN_WORDS.bit_length() + 1)
_SHORTEST_CYCLE = 4
"""Plies after which a position can occur again."""


class History(NamedTuple):
    """The courses of G games.

    Attributes:
        hashes: uint64 [G, 2, plies // 2 + 1], of the positions from the first one on, those after
            an even number of plies and those after an odd number.
        seen: uint64 [G, SEEN_WORDS], a Bloom filter of the hashes: one names a word by its upper
            bits, and two bits of it by its lower ones.
    """

    hashes: NDArray[np.uint64]
    seen: NDArray[np.uint64]


def new_history(num_games: int, max_plies: int) -> History:
    """Room for the courses of games of up to ``max_plies`` plies."""
    return History(
        np.zeros((num_games, 2, max_plies // 2 + 1), np.uint64),
        np.zeros((num_games, SEEN_WORDS), np.uint64),
    )


@inline_kernel
def _filter_bits(position: np.uint64) -> np.uint64:
    return (ONE << (position & _U63)) | (ONE << ((position >> _U6) & _U63))


@inline_kernel
def mark_seen(history: History, game: Int, position: np.uint64) -> bool:
    """Enter a hash into a game's filter; True if it may have been in it before."""
    bits = _filter_bits(position)
    word = position >> _SEEN_SHIFT
    known = history.seen[game, word]
    history.seen[game, word] = known | bits
    return known & bits == bits


@inline_kernel
def begin_history(history: History, game: Int, position: np.uint64) -> None:
    """Make a position, by its hash, the first of its game."""
    history.hashes[game, 0, 0] = position
    for word in range(SEEN_WORDS):
        history.seen[game, word] = ZERO
    mark_seen(history, game, position)


@kernel
def write_course(slots: Slots, last: int, history: History) -> None:
    """Enter the positions of slots 0 to ``last``, each a move after the one before it.

    Args:
        slots: the positions.
        last: the last slot, and the game of the history whose course they are.
        history: with room for their plies; what it holds of earlier ones stays.
    """
    for slot in range(last + 1):
        ply = slots.plies[slot]
        history.hashes[last, ply & 1, ply >> 1] = slots.hashes[slot]
        mark_seen(history, last, slots.hashes[slot])


@inline_kernel
def remember(slots: Slots, history: History, game: Int) -> None:
    """Enter the position after a move into the history of its game, which stands in this slot.

    Sets ``repeats`` to 0 if the position is certainly new, else to 1 until ``count_repeats``.
    Apart from it, so that a loop over many games does little else than wait for their histories to
    come from memory, and waits for several at once.
    """
    ply, position = slots.plies[game], slots.hashes[game]
    history.hashes[game, ply & 1, ply >> 1] = position
    slots.repeats[game] = mark_seen(history, game, position)


@inline_kernel
def record_check(slots: Slots, slot: Int, gives_check: bool) -> None:  # noqa: FBT001
    """Set ``in_check`` and ``check_runs`` after a move."""
    mover = 1 - turn_of(slots, slot)
    slots.in_check[slot] = gives_check
    if gives_check:
        slots.check_runs[slot, mover] += 1
    else:
        slots.check_runs[slot, mover] = 0


@inline_kernel
def count_repeats(slots: Slots, history: History, game: Int) -> None:
    """Count the earlier occurrences of a game's position that is remembered."""
    if slots.repeats[game] != 0:
        parity, last = slots.plies[game] & 1, slots.plies[game] >> 1
        position = slots.hashes[game]
        repeats = 0
        for earlier in range(last - _SHORTEST_CYCLE // 2 + 1):
            repeats += np.int32(history.hashes[game, parity, earlier] == position)
        slots.repeats[game] = repeats


@inline_kernel
def plies_since_first(slots: Slots, history: History, game: Int) -> Int:
    """Plies since a game's position occurred for the first time."""
    parity, last = slots.plies[game] & 1, slots.plies[game] >> 1
    first = 0
    while history.hashes[game, parity, first] != slots.hashes[game]:
        first += 1
    return 2 * (last - first)


@inline_kernel
def occurrences(
    slots: Slots, parents: NDArray[np.int32], history: History, slot: Int
) -> tuple[Int, Int]:
    """Earlier occurrences of a node's position, and the plies since the first one.

    Args:
        slots: the nodes' positions.
        parents: int32 [S], the slot of the position before; of a root ``NO_HISTORY``, or -2 - the
            row of the history that leads to it.
        history: of the games that roots stand in.
        slot: the node.
    """
    position = slots.hashes[slot]
    found, since, distance, node = 0, 0, 0, slot
    parent = parents[node]
    while parent >= 0:
        node = parent
        distance += 1
        if distance & 1 == 0 and slots.hashes[node] == position:
            found += 1
            since = distance
        parent = parents[node]
    if parent != NO_HISTORY:
        game = -2 - parent
        bits = _filter_bits(position)
        if history.seen[game, position >> _SEEN_SHIFT] & bits == bits:
            ply = slots.plies[slot]
            earlier = slots.plies[node] - 1 - ((ply - slots.plies[node] + 1) & 1)
            while earlier >= 0:
                if history.hashes[game, ply & 1, earlier >> 1] == position:
                    found += 1
                    since = ply - earlier
                earlier -= 2
    return found, since
