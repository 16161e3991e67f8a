"""Proof-number search for mates by checks: df-pn on a stack of slots, with a table of positions.

Depth-first proof-number search is Nagai's (A. Nagai, *Df-pn algorithm for searching AND/OR trees
and its applications*, 2002; A. Kishimoto, M. Winands, M. Mueller, J.-T. Saito, *Game-tree search
using proof numbers: the first twenty years*, ICGA Journal 35, 2012). The attacker gives check with
every move, the defender has all legal ones. A node's *proof number* says how much is still to be
proven for a mate, its *disproof number* how much for none; each frame works on its most promising
child until the numbers pass thresholds that say when another child promises more.

* Sums of numbers count a position twice that two moves lead to, so the largest child's number is
  taken, and one for each other child that is open (weak proof numbers: T. Ueda, T. Hashimoto, J.
  Hashimoto, H. Iida, *Weak proof-number search*, 2008).
* A move back into a position of the same line is no way to mate. What is refuted by that alone is
  so only below that position (the *graph history interaction*), so a refutation carries the depths
  of the line that it rests on, and holds only while the same positions stand there. A proof never
  rests on the line: a defender who goes round in circles only comes closer to a mate.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.games.checks import keep_checks
from keisei.games.generating import can_move, generate_block, gives_check
from keisei.games.layout import LANES, block_of, repeat_slot, slots_of
from keisei.games.masks import MASK_WORDS, count_legal, pack_planes
from keisei.games.placing import apply_action
from keisei.games.proofs import (
    INFINITE,
    IS_CUT,
    NODES,
    Prover,
    Task,
    key_of,
    recall,
    record,
    settle,
)
from keisei.shogi.bitboard import ONE, ZERO, lowest_bit
from keisei.shogi.intrinsics import Held, borrow
from keisei.shogi.jit import Int, inline_kernel, kernel, kernel_part

_IN_CHECK, _STUCK = 1, 2


@kernel
def look_at_block(held: Held[Prover], block: Int, depth: Int) -> None:
    """Generate the moves of a block's slots, which are at a depth.

    ``lengths`` says which are in check or stuck then.
    """
    prover = borrow(held)
    planes = prover.scratch.planes
    generate_block(prover.slots.words, block, planes)
    first, past = slots_of(block, len(prover.keys))
    for slot in range(first, past):
        in_check, stuck = gives_check(prover.scratch, slot), not can_move(prover.scratch, slot)
        prover.lengths[slot] = _IN_CHECK * np.int32(in_check) + _STUCK * np.int32(stuck)
    if depth & 1 == 0:
        keep_checks(prover.slots.words, block, planes, prover.checks)
    pack_planes(planes, 0, prover.scratch.mask, prover.legal, first)


@kernel_part
def _repeated(
    prover: Prover, spent: NDArray[np.uint64], slot: Int, depth: Int
) -> tuple[bool, np.uint64]:
    """Whether a child is no mate as it repeats a position, and the depth that this rests on."""
    key = prover.keys[slot]
    for known in spent:
        if known == key:
            return True, ZERO
    for earlier in range(depth - 2, -1, -2):
        if prover.line[earlier] == key:
            return True, ONE << np.uint64(earlier)
    return False, ZERO


@kernel_part
def _judge(prover: Prover, task: Task, spent: NDArray[np.uint64], slot: Int, depth: Int) -> None:
    """Find the first numbers of a child at a depth, whose moves have just been generated."""
    looked = prover.lengths[slot]
    defends = depth & 1 == 1
    moves = count_legal(prover.legal, slot)
    is_too_long = defends and depth + 2 > task.plies
    prover.keys[slot] = key_of(prover.slots, slot)
    if defends and looked == _IN_CHECK + _STUCK:
        settle(prover, slot, 0, INFINITE, ZERO)
    elif moves == 0 or (defends and looked & _IN_CHECK == 0):
        settle(prover, slot, INFINITE, 0, ZERO)
    elif is_too_long:
        if not task.is_exact:
            prover.counts[IS_CUT] = 1
        settle(prover, slot, INFINITE, 0, ZERO)
    else:
        is_refuted, rests = _repeated(prover, spent, slot, depth)
        if is_refuted:
            settle(prover, slot, INFINITE, 0, rests)
        elif not recall(prover, task, slot, depth):
            settle(prover, slot, moves if defends else 1, 1 if defends else moves, ZERO)


@kernel_part
def _expand(prover: Prover, slot: Int, first: Int, last: Int) -> None:
    """Write a slot's children from a slot on."""
    repeat_slot(prover.slots, slot, first, last)
    child = first
    for word in range(MASK_WORDS):
        bits = prover.legal[slot, word]
        while bits != ZERO:
            action = word * 64 + lowest_bit(bits)
            bits &= bits - ONE
            apply_action(prover.slots, child, action)
            prover.actions[child] = action
            child += 1


@kernel
def open_frame(held: Held[Prover], task: Task, spent: NDArray[np.uint64], depth: Int) -> None:
    """Look at all children of the slot of a frame.

    A position whose children have no room gets none, and is noted as one not followed.
    """
    prover = borrow(held)
    frames = prover.frames
    slot = np.int64(frames[depth, 0])
    # Behind the block of roots, or the children of the frame before.
    behind = np.int64(frames[depth - 1, 2]) if depth > 0 else LANES
    first = (behind + LANES - 1) // LANES * LANES
    past = first + count_legal(prover.legal, slot)
    prover.line[depth] = prover.keys[slot]
    prover.counts[NODES] += 1
    frames[depth, 5] = prover.counts[NODES]
    if past > len(prover.keys):
        prover.counts[IS_CUT] = 1
        frames[depth, 1] = frames[depth, 2] = first
        return
    frames[depth, 1], frames[depth, 2] = first, past
    _expand(prover, slot, first, past)
    for block in range(block_of(first), block_of(past - 1) + 1):
        look_at_block(held, block, depth + 1)
    for child in range(first, past):
        _judge(prover, task, spent, child, depth + 1)


@kernel_part
def _sum_up(prover: Prover, depth: Int) -> tuple[Int, Int, Int]:
    """Find the numbers of a frame's slot from its children.

    Returns the child to go on with, the number that the next best one has, and how many children
    are open besides it.
    """
    frames, numbers = prover.frames, prover.numbers
    slot, first, past = frames[depth, 0], frames[depth, 1], frames[depth, 2]
    # Of the one to move: what is to be shown of one child, and what of all.
    one = depth & 1
    every = 1 - one
    best, smallest, second, largest, others = first, INFINITE, INFINITE, 0, -1
    rests, longest = ZERO, 0
    for child in range(first, past):
        for_one, for_all = np.int64(numbers[child, one]), np.int64(numbers[child, every])
        if for_all == 0:
            rests |= prover.rests[child]
            longest = max(longest, np.int64(prover.lengths[child]))
            continue
        others += 1
        largest = max(largest, for_all)
        if for_one < smallest:
            best, smallest, second = child, for_one, smallest
        else:
            if for_one == 0 and _is_better(prover, child, best, one):
                best = child
            second = min(second, for_one)
    numbers[slot, one] = smallest
    if smallest == 0:
        numbers[slot, every] = INFINITE
        rests, longest = prover.rests[best], np.int64(prover.lengths[best])
    elif others < 0:
        numbers[slot, every] = 0
        if first == past:  # no room for its children
            numbers[slot, 0], numbers[slot, 1] = INFINITE, 0
    else:
        numbers[slot, every] = min(largest + others, INFINITE - 1)
        rests = ZERO
    is_refuted = numbers[slot, 1] == 0
    prover.rests[slot] = rests & ~(ONE << np.uint64(depth)) if is_refuted else ZERO
    prover.lengths[slot] = longest + 1
    return best, second, max(others, 0)


@inline_kernel
def _is_better(prover: Prover, child: Int, best: Int, one: Int) -> bool:
    """Of two children that settle a node: the shorter mate, the refutation that rests on less."""
    if one == 0:
        return prover.lengths[child] < prover.lengths[best]
    return prover.rests[child] == ZERO and prover.rests[best] != ZERO


@kernel
def prove(
    held: Held[Prover], task: Task, spent: NDArray[np.uint64], bottom: Int, last_node: Int
) -> None:
    """Prove or refute the position of a frame, up to so many nodes; its children are left in it."""
    prover = borrow(held)
    frames, numbers, counts = prover.frames, prover.numbers, prover.counts
    depth = bottom
    frames[depth, 3] = frames[depth, 4] = INFINITE
    open_frame(held, task, spent, depth)
    while True:
        best, second, others = _sum_up(prover, depth)
        slot, one = frames[depth, 0], depth & 1
        every = 1 - one
        is_over = counts[NODES] >= last_node
        if is_over or numbers[slot, 0] >= frames[depth, 3] or numbers[slot, 1] >= frames[depth, 4]:
            work = counts[NODES] - frames[depth, 5] + 1
            record(prover, task, slot, depth, work)
            if depth == bottom:
                return
            depth -= 1
        else:
            depth += 1
            frames[depth, 0] = best
            # A little more than the next best, so that they do not take turns at each step.
            allowed = second + second // 4 + 1
            frames[depth, 3 + one] = min(np.int64(frames[depth - 1, 3 + one]), allowed)
            frames[depth, 3 + every] = frames[depth - 1, 3 + every] - others
            open_frame(held, task, spent, depth)
