"""The line to a mate that has been proven."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.proofs import NODES, Prover, Task
from keisei.games.proving import open_frame, prove
from keisei.shogi.intrinsics import Held, borrow
from keisei.shogi.jit import Int, inline_kernel, kernel


@inline_kernel
def _choose(prover: Prover, depth: Int) -> Int:
    """The shortest mate of the attacker's frame, the longest of the defender's, or -1."""
    chosen = -1
    for child in range(prover.frames[depth, 1], prover.frames[depth, 2]):
        is_mate = prover.numbers[child, 0] == 0
        if depth & 1 == 0:
            shorter = chosen < 0 or prover.lengths[child] < prover.lengths[chosen]
            if is_mate and shorter:
                chosen = child
        elif not is_mate:
            return -1
        elif chosen < 0 or prover.lengths[child] > prover.lengths[chosen]:
            chosen = child
    return chosen


@kernel
def follow(
    held: Held[Prover],
    task: Task,
    spent: NDArray[np.uint64],
    nodes: int,
    moves: NDArray[np.int64],
) -> int:
    """Write the line of a root that has just been proven; returns its plies.

    What the table has lost is proven again, in up to so many nodes each; if that does not do, the
    line ends before the mate.
    """
    prover = borrow(held)
    depth = 0
    while depth < task.plies:
        chosen = _choose(prover, depth)
        if chosen < 0:
            if depth & 1 == 1:
                for child in range(prover.frames[depth, 1], prover.frames[depth, 2]):
                    if prover.numbers[child, 0] != 0:
                        prover.frames[depth + 1, 0] = child
                        prove(held, task, spent, depth + 1, prover.counts[NODES] + nodes)
            else:
                prove(held, task, spent, depth, prover.counts[NODES] + nodes)
            chosen = _choose(prover, depth)
            if chosen < 0:
                return depth
        moves[depth] = prover.actions[chosen]
        if prover.lengths[chosen] == 0:
            return depth + 1
        depth += 1
        prover.frames[depth, 0] = chosen
        open_frame(held, task, spent, depth)
    return depth
