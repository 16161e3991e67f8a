"""Trees of many games as a struct of arrays: nodes, edges, and what a visit changes in them.

A node is a slot of a pool: the root of tree t is slot t, and the nodes of one simulation lie side
by side behind those of the one before, so that their moves are generated in whole blocks. A node
has an edge for each legal action, in descending order of its prior, so that the edges with a child
stand before those without one.

Values are those of the player to move at their node, in [-1, 1].
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import Slots, turn_of
from keisei.shogi.jit import Int, inline_kernel, kernel

NO_EDGE = -1
NO_CHILD = -1
UNKNOWN, WON, LOST, DRAWN = 0, 1, -1, 2
"""What is proven of a node, for the player to move there."""


class Tree(NamedTuple):
    """T trees of together S nodes and E edges.

    Attributes:
        parents: int32 [S], the pool's.
        visits: int32 [S].
        totals: float32 [S], the sum of what the visits found.
        values: float32 [S], what the evaluator said.
        proven: int8 [S].
        first_edges: int64 [S].
        num_edges: int32 [S], 0 until a node is evaluated.
        num_children: int32 [S], how many of its first edges have a child.
        actions: uint16 [E].
        priors: float32 [E], which sum to 1 for each node.
        children: int32 [E], slots, or NO_CHILD.
        noise: float32 [T, 593], Gumbel noise of the root's edges, in their order.
    """

    parents: NDArray[np.int32]
    visits: NDArray[np.int32]
    totals: NDArray[np.float32]
    values: NDArray[np.float32]
    proven: NDArray[np.int8]
    first_edges: NDArray[np.int64]
    num_edges: NDArray[np.int32]
    num_children: NDArray[np.int32]
    actions: NDArray[np.uint16]
    priors: NDArray[np.float32]
    children: NDArray[np.int32]
    noise: NDArray[np.float32]


@inline_kernel
def action_value(tree: Tree, child: Int) -> float:
    """What the action that leads to a child is worth to who chooses it, in [0, 1]."""
    if tree.proven[child] == LOST:
        return 1.0
    if tree.proven[child] == WON:
        return 0.0
    return 0.5 * (1.0 - tree.totals[child] / tree.visits[child])


@kernel
def link(tree: Tree, parents: NDArray[np.int64], edges: NDArray[np.int64], first: int) -> None:
    """Enter new nodes, which lie side by side from a slot on, as children of their edges."""
    for row in range(len(edges)):
        tree.children[edges[row]] = first + row
        # The next edge of the order; at a root with halving the edges up to it are taken in turn.
        place = edges[row] - tree.first_edges[parents[row]]
        tree.num_children[parents[row]] = max(tree.num_children[parents[row]], place + 1)


@kernel
def attach(
    tree: Tree,
    nodes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    actions: NDArray[np.int64],
    log_probs: NDArray[np.float32],
    first_edge: int,
    temperature: float,
) -> None:
    """Give evaluated nodes their edges, in descending order of the priors (or logit + noise).

    Args:
        tree: the trees, with room for the edges.
        nodes: int64 [n], nodes.
        offsets: int64 [n + 1], where the actions of each begin.
        actions: int64 [m], all legal actions of each node.
        log_probs: float32 [m], their log-probabilities.
        first_edge: where the edges are written.
        temperature: divides the logits.
    """
    for row in range(len(nodes)):
        node, begin, end = nodes[row], offsets[row], offsets[row + 1]
        logits = log_probs[begin:end] / np.float32(temperature)
        logits -= logits.max()
        logits -= np.log(np.exp(logits).sum())
        scores = logits.copy()
        if tree.parents[node] < 0:
            scores += tree.noise[node, : end - begin]
        # Stable, so that equal actions keep their order on every machine.
        order = np.argsort(-scores, kind="mergesort")
        if tree.parents[node] < 0:
            tree.noise[node, : end - begin] = tree.noise[node, : end - begin][order]
        tree.first_edges[node] = first_edge + begin
        tree.num_edges[node] = end - begin
        for place in range(end - begin):
            edge = first_edge + begin + place
            tree.actions[edge] = actions[begin + order[place]]
            tree.priors[edge] = np.exp(logits[order[place]])
            tree.children[edge] = NO_CHILD


@inline_kernel
def _prove_parents(tree: Tree, node: Int) -> None:
    """Carry what is proven of a node as far towards the root as it reaches."""
    while tree.parents[node] >= 0:
        parent = tree.parents[node]
        if tree.proven[parent] != UNKNOWN:
            return
        if tree.proven[node] == LOST:
            tree.proven[parent] = WON
        else:
            # All actions have to fail: an edge without a child may be the way out.
            if tree.num_children[parent] < tree.num_edges[parent]:
                return
            first = tree.first_edges[parent]
            result = LOST
            for edge in range(first, first + tree.num_edges[parent]):
                outcome = tree.proven[tree.children[edge]]
                if outcome == UNKNOWN:
                    return
                if outcome == DRAWN:
                    result = DRAWN
            tree.proven[parent] = result
        node = parent


@kernel
def back_up(
    tree: Tree,
    slots: Slots,
    ends: NDArray[np.uint8],
    winners: NDArray[np.int8],
    leaves: NDArray[np.int64],
) -> None:
    """Carry what a simulation found from its last node to the root of each tree.

    Args:
        tree: the trees.
        slots: the nodes' positions.
        ends: uint8 [S], how games end at nodes, 0 where they go on.
        winners: int8 [S], who wins them.
        leaves: int64 [T], the last nodes.
    """
    for row in range(len(leaves)):
        node = leaves[row]
        if tree.proven[node] == UNKNOWN and ends[node] != 0:
            if winners[node] < 0:
                tree.proven[node] = DRAWN
            else:
                tree.proven[node] = WON if winners[node] == turn_of(slots, node) else LOST
            _prove_parents(tree, node)
        proven = tree.proven[node]
        value = np.float32(0.0)
        if proven == UNKNOWN:
            value = tree.values[node]
        elif proven != DRAWN:
            value = np.float32(proven)
        while node >= 0:
            tree.visits[node] += 1
            tree.totals[node] += value
            value = -value
            node = tree.parents[node]
