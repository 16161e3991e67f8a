"""Trees of many games as a struct of arrays: nodes, edges, and what a visit changes in them.

A node is a slot of a pool: the root of tree t is slot t, and the nodes of one wave of simulations
lie side by side behind those of the one before, so that their moves are generated in whole blocks.
A node gets an edge for each legal action when it is opened, which is when a simulation first goes
on from it. Edges with a child stand first, then the one whose turn is next.

Values are those of the player to move at their node, in [-1, 1].
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import Slots, turn_of
from keisei.shogi.constants import MAX_LEGAL_MOVES
from keisei.shogi.intrinsics import Held, borrow
from keisei.shogi.jit import Int, inline_kernel, kernel

NO_EDGE = -1
NO_CHILD = -1
UNKNOWN, WON, LOST, DRAWN = 0, 1, -1, 2
"""What is proven of a node, for the player to move there."""


class Tree(NamedTuple):
    """T trees of together S nodes and E edges.

    Attributes:
        parents: int32 [S], the pool's.
        visits: int32 [S]. 0 of a node that is not evaluated yet.
        flying: int32 [S], how many simulations go through a node and have not come back.
        totals: float32 [S], the sum of what the visits found.
        values: float32 [S], what the evaluator said.
        proven: int8 [S].
        first_edges: int64 [S].
        num_edges: int32 [S], 0 until a node is opened.
        num_children: int32 [S], how many of its first edges have a child.
        actions: uint16 [E].
        priors: float32 [E], which sum to 1 for each node.
        children: int32 [E], slots, or NO_CHILD.
        noise: float32 [T, 593], Gumbel noise of the root's edges, in their order.
        simulations: int64 [T], how many each tree has had.
    """

    parents: NDArray[np.int32]
    visits: NDArray[np.int32]
    flying: NDArray[np.int32]
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
    simulations: NDArray[np.int64]


def new_tree(parents: NDArray[np.int32], trees: int, edges: int) -> Tree:
    """Trees of one node each, with room for so many edges and as many nodes as have parents."""
    size = len(parents)
    return Tree(
        parents=parents,
        visits=np.zeros(size, np.int32),
        flying=np.zeros(size, np.int32),
        totals=np.zeros(size, np.float32),
        values=np.zeros(size, np.float32),
        proven=np.zeros(size, np.int8),
        first_edges=np.zeros(size, np.int64),
        num_edges=np.zeros(size, np.int32),
        num_children=np.zeros(size, np.int32),
        actions=np.zeros(edges, np.uint16),
        priors=np.zeros(edges, np.float32),
        children=np.zeros(edges, np.int32),
        noise=np.zeros((trees, MAX_LEGAL_MOVES), np.float32),
        simulations=np.zeros(trees, np.int64),
    )


def with_more_edges(tree: Tree, least: int) -> Tree:
    """The same trees with room for at least so many edges."""
    size = max(least, 2 * len(tree.priors))
    return tree._replace(
        actions=np.resize(tree.actions, size),
        priors=np.resize(tree.priors, size),
        children=np.resize(tree.children, size),
    )


@inline_kernel
def action_value(tree: Tree, child: Int, otherwise: float) -> float:
    """What the action that leads to a child is worth to who chooses it, in [0, 1].

    ``otherwise`` if that is not known yet.
    """
    if tree.proven[child] == LOST:
        return 1.0
    if tree.proven[child] == WON:
        return 0.0
    if tree.proven[child] == DRAWN:
        return 0.5
    if tree.visits[child] == 0:
        return otherwise
    return 0.5 * (1.0 - tree.totals[child] / tree.visits[child])


@inline_kernel
def _rank(tree: Tree, root: Int, edge: Int, place: Int) -> float:
    """What edges of a node are ordered by; root is -1 for all nodes that are none."""
    if root < 0:
        return float(tree.priors[edge])
    return float(np.log(max(tree.priors[edge], np.float32(1e-30))) + tree.noise[root, place])


@inline_kernel
def bring_forward(tree: Tree, node: Int, place: Int) -> None:
    """Put the best edge from a place on into that place; of equal ones that of the lowest action.

    A node has children for few of its edges, so they are sorted one by one when it is their turn.
    """
    first, past = tree.first_edges[node], tree.first_edges[node] + tree.num_edges[node]
    root = node if tree.parents[node] < 0 else -1
    here = first + place
    best, chosen = -np.inf, here
    for edge in range(here, past):
        rank = _rank(tree, root, edge, edge - first)
        if rank > best or (rank == best and tree.actions[edge] < tree.actions[chosen]):
            best, chosen = rank, edge
    tree.actions[here], tree.actions[chosen] = tree.actions[chosen], tree.actions[here]
    tree.priors[here], tree.priors[chosen] = tree.priors[chosen], tree.priors[here]
    if root >= 0:
        noise, there = tree.noise[root], chosen - first
        noise[place], noise[there] = noise[there], noise[place]


@inline_kernel
def add_child(tree: Tree, node: Int, child: Int) -> None:
    """Enter a new node as the child of the next edge of another one."""
    place = np.int64(tree.num_children[node])
    tree.children[tree.first_edges[node] + place] = child
    tree.num_children[node] = place + 1
    # The edges of a root stand in order already.
    if tree.parents[node] >= 0 and place + 1 < tree.num_edges[node]:
        bring_forward(tree, node, place + 1)


@kernel
def enter(held: Held[Tree], nodes: NDArray[np.int64], edges: NDArray[np.int64], first: int) -> None:
    """Enter new nodes, which lie side by side, as the first children of those just opened.

    Args:
        held: the trees.
        nodes: int64 [n], what the new nodes are children of.
        edges: int64 [n], what leads to them; NO_EDGE of those just opened, and then filled.
        first: the first new node.
    """
    tree = borrow(held)
    for row in range(len(nodes)):
        if edges[row] == NO_EDGE:
            edges[row] = tree.first_edges[nodes[row]]
            add_child(tree, nodes[row], first + row)


@kernel
def attach(
    held: Held[Tree],
    nodes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    actions: NDArray[np.int64],
    logits: NDArray[np.float32],
    first_edge: int,
    temperature: float,
) -> None:
    """Open nodes: give them their edges.

    Args:
        held: the trees, with room for the edges.
        nodes: int64 [n], nodes.
        offsets: int64 [n + 1], where the actions of each begin.
        actions: int64 [m], all legal actions of each node.
        logits: float32 [m], log-probabilities but for a constant in each node.
        first_edge: where the edges are written.
        temperature: divides the logits.
    """
    tree = borrow(held)
    for row in range(len(nodes)):
        node, begin, end = nodes[row], offsets[row], offsets[row + 1]
        highest = np.float32(-np.inf)
        for at in range(begin, end):
            highest = max(highest, logits[at])
        first = first_edge + begin
        total = np.float32(0.0)
        for at in range(begin, end):
            edge = first_edge + at
            tree.actions[edge] = actions[at]
            tree.children[edge] = NO_CHILD
            tree.priors[edge] = np.exp((logits[at] - highest) / np.float32(temperature))
            total += tree.priors[edge]
        for edge in range(first, first_edge + end):
            tree.priors[edge] /= total
        tree.first_edges[node] = first
        tree.num_edges[node] = end - begin
        if tree.parents[node] >= 0:
            bring_forward(tree, node, 0)
        else:
            for place in range(end - begin):
                bring_forward(tree, node, place)


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


@inline_kernel
def settle(tree: Tree, node: Int) -> None:
    """End a simulation at a node: carry what it found to the root."""
    value = tree.values[node]
    if tree.proven[node] == DRAWN:
        value = np.float32(0.0)
    elif tree.proven[node] != UNKNOWN:
        value = np.float32(tree.proven[node])
    while node >= 0:
        tree.flying[node] -= 1
        tree.visits[node] += 1
        tree.totals[node] += value
        value = -value
        node = tree.parents[node]


@inline_kernel
def take_back(tree: Tree, node: Int) -> None:
    """Let a simulation that has come to a node not have been begun."""
    while node >= 0:
        tree.flying[node] -= 1
        node = tree.parents[node]


@kernel
def back_up(
    held: Held[Tree],
    slots: Slots,
    ends: NDArray[np.uint8],
    winners: NDArray[np.int8],
    first: int,
    values: NDArray[np.float32],
) -> None:
    """Enter what is known of new nodes, which lie side by side, and carry it to the roots.

    Args:
        held: the trees.
        slots: the nodes' positions.
        ends: uint8 [S], how games end at nodes, 0 where they go on.
        winners: int8 [S], who wins them.
        first: the first new node.
        values: float32 [n], what the evaluator says of each; not looked at where games end.
    """
    tree = borrow(held)
    for row in range(len(values)):
        node = first + row
        tree.values[node] = values[row]
        if ends[node] != 0:
            if winners[node] < 0:
                tree.proven[node] = DRAWN
            else:
                tree.proven[node] = WON if winners[node] == turn_of(slots, node) else LOST
        if tree.proven[node] != UNKNOWN:
            _prove_parents(tree, node)
        settle(tree, node)
