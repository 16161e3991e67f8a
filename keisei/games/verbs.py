"""The nodes of a pool, and the verbs on them as kernels.

The kernels check nothing, as :class:`keisei.games.pool.Pool` says, which is the door to them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.endings import Rules, can_declare, judge_node
from keisei.games.generating import (
    Scratch,
    can_move,
    checkers_in,
    find_moves,
    generate_block,
    gives_check,
    new_scratch,
)
from keisei.games.history import NO_HISTORY, History, record_check
from keisei.games.layout import Slots, block_of, copy_slot, new_slots, repeat_slot, slots_of
from keisei.games.masks import MASK_WORDS, count_legal, new_masks
from keisei.games.observing import write_state
from keisei.games.placing import apply_action, place
from keisei.shogi.bitboard import ONE, ZERO, Bitboard, lowest_bit
from keisei.shogi.intrinsics import Held, borrow
from keisei.shogi.jit import Int, inline_kernel, kernel


class Nodes(NamedTuple):
    """What a pool of S slots holds.

    Attributes:
        slots: The positions.
        parents: int32 [S], the slot of the position before; of a root -1, or -2 - the row of the
            history that leads to it.
        actions: int64 [S], the action that led to it from there, -1 for a root.
        legal: uint64 [S in whole blocks, MASK_WORDS], packed legal actions, once generated.
        is_stuck: bool [S], True where there is none, once generated.
        ends: uint8 [S], keisei.shogi.Termination, once judged.
        winners: int8 [S], BLACK, WHITE or -1 for nobody, once judged.
        history: Of the games that roots stand in.
        scratch: Room for the generator.
    """

    slots: Slots
    parents: NDArray[np.int32]
    actions: NDArray[np.int64]
    legal: NDArray[np.uint64]
    is_stuck: NDArray[np.bool_]
    ends: NDArray[np.uint8]
    winners: NDArray[np.int8]
    history: History
    scratch: Scratch


def new_nodes(size: int, history: History) -> Nodes:
    """Room for so many nodes, none of which stands anywhere."""
    return Nodes(
        slots=new_slots(size),
        parents=np.full(size, NO_HISTORY, np.int32),
        actions=np.full(size, -1, np.int64),
        legal=new_masks(size),
        is_stuck=np.zeros(size, np.bool_),
        ends=np.zeros(size, np.uint8),
        winners=np.full(size, -1, np.int8),
        history=history,
        scratch=new_scratch(),
    )


@kernel
def begin(
    held: Held[Nodes], first: int, views: NDArray[np.uint8], turns: NDArray[np.int64]
) -> None:
    """Set up positions; see ``Pool.begin``."""
    nodes = borrow(held)
    for row in range(len(turns)):
        slot = first + row
        place(nodes.slots, slot, views, row, turns[row])
        nodes.parents[slot] = NO_HISTORY
        nodes.actions[slot] = -1


@kernel
def generate(held: Held[Nodes], first: int, last: int) -> None:
    """See ``Pool.generate``."""
    nodes = borrow(held)
    for block in range(block_of(first), block_of(last - 1) + 1):
        find_moves(nodes.slots.words, block, nodes.scratch, nodes.legal)
        begin, end = slots_of(block, last)
        for slot in range(max(first, begin), end):
            nodes.slots.in_check[slot] = gives_check(nodes.scratch, slot)
            nodes.is_stuck[slot] = not can_move(nodes.scratch, slot)


@kernel
def count_actions(held: Held[Nodes], first: int, last: int) -> Int:
    """See ``Pool.count``."""
    legal = borrow(held).legal
    total = 0
    for slot in range(first, last):
        total += count_legal(legal, slot)
    return total


@kernel
def expand(held: Held[Nodes], first: int, last: int, target: int, room_end: int) -> tuple[int, int]:
    """See ``Pool.expand``."""
    nodes = borrow(held)
    slots, legal, child = nodes.slots, nodes.legal, target
    for parent in range(first, last):
        past = child + count_legal(legal, parent)
        if past > room_end:
            return parent, child
        repeat_slot(slots, parent, child, past)
        for word in range(MASK_WORDS):
            bits = legal[parent, word]
            while bits != ZERO:
                action = word * 64 + lowest_bit(bits)
                bits &= bits - ONE
                apply_action(slots, child, action)
                nodes.parents[child] = parent
                nodes.actions[child] = action
                child += 1
    return last, child


@kernel
def advance(
    held: Held[Nodes], parents: NDArray[np.int64], actions: NDArray[np.int64], target: int
) -> None:
    """See ``Pool.advance``."""
    nodes = borrow(held)
    for row in range(len(parents)):
        child, parent = target + row, parents[row]
        repeat_slot(nodes.slots, parent, child, child + 1)
        apply_action(nodes.slots, child, actions[row])
        nodes.parents[child] = parent
        nodes.actions[child] = actions[row]


@inline_kernel
def _verdict(nodes: Nodes, slot: Int, rules: Rules) -> tuple[Int, Int]:
    moves = not nodes.is_stuck[slot]
    return judge_node(nodes.slots, nodes.parents, nodes.history, slot, moves, rules)


@kernel
def judge(held: Held[Nodes], first: int, last: int, rules: Rules) -> None:
    """See ``Pool.judge``."""
    nodes = borrow(held)
    slots, parents = nodes.slots, nodes.parents
    for slot in range(first, last):
        parent = parents[slot]
        if parent >= 0:
            # Counted from the parent on, so that a node may be judged more than once.
            for side in range(2):
                slots.check_runs[slot, side] = slots.check_runs[parent, side]
            record_check(slots, slot, slots.in_check[slot] != 0)
        nodes.ends[slot], nodes.winners[slot] = _verdict(nodes, slot, rules)


@kernel
def observe(
    held: Held[Nodes], chosen: NDArray[np.int64], max_plies: int, out: NDArray[np.uint8]
) -> None:
    """Write the compact states uint8 [n, STATE_SIZE] of slots int64 [n]."""
    slots = borrow(held).slots
    for row in range(len(chosen)):
        write_state(slots, chosen[row], max_plies, out, row)


@kernel
def list_actions(
    held: Held[Nodes], chosen: NDArray[np.int64], offsets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Legal actions of slots, one after the other; fills offsets int64 [n + 1]."""
    legal = borrow(held).legal
    total = 0
    for row in range(len(chosen)):
        offsets[row] = total
        total += count_legal(legal, chosen[row])
    offsets[len(chosen)] = total
    actions = np.empty(total, np.int64)
    at = 0
    for row in range(len(chosen)):
        for word in range(MASK_WORDS):
            bits = legal[chosen[row], word]
            while bits != ZERO:
                actions[at] = word * 64 + lowest_bit(bits)
                bits &= bits - ONE
                at += 1
    return actions


@kernel
def checkers(held: Held[Nodes], slot: int, scratch: Scratch) -> Bitboard:
    """See ``Pool.checkers``."""
    generate_block(borrow(held).slots.words, block_of(slot), scratch.planes)
    return checkers_in(scratch, slot)


@kernel
def end_of(held: Held[Nodes], slot: int, rules: Rules) -> tuple[Int, Int]:
    """See ``Pool.end_of``."""
    return _verdict(borrow(held), slot, rules)


@kernel
def may_declare(held: Held[Nodes], slot: int) -> bool:
    """See ``Pool.can_declare``."""
    return can_declare(borrow(held).slots, slot)


@kernel
def copy_games(held: Held[Nodes], source: Slots, games: NDArray[np.int64]) -> None:
    """Let the first slots stand where games do, as roots."""
    nodes = borrow(held)
    slots = nodes.slots
    for slot in range(len(games)):
        game = games[slot]
        copy_slot(slots, slot, source, game)
        slots.plies[slot] = source.plies[game]
        slots.repeats[slot] = source.repeats[game]
        for side in range(2):
            slots.check_runs[slot, side] = source.check_runs[game, side]
        nodes.parents[slot] = -2 - slot
        nodes.actions[slot] = -1
