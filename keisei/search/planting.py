"""Mates that a solver has found, as nodes and edges of trees."""

import numpy as np
from numpy.typing import NDArray

from keisei.search.tree import LOST, NO_CHILD, WON, Tree, settle
from keisei.shogi.intrinsics import Held, borrow
from keisei.shogi.jit import Int, kernel, shared_part


@kernel
def note_mates(
    held: Held[Tree], nodes: NDArray[np.int64], actions: NDArray[np.int64], first_edge: int
) -> None:
    """Enter mates in one: each node is won, and has the edge that mates alone.

    Args:
        held: the trees, with room for an edge a node.
        nodes: int64 [n], nodes that nobody has gone on from.
        actions: int64 [n], what mates there.
        first_edge: where the edges are written.
    """
    tree = borrow(held)
    for row in range(len(nodes)):
        node, edge = nodes[row], first_edge + row
        tree.proven[node] = WON
        tree.first_edges[node], tree.num_edges[node] = edge, 1
        tree.actions[edge], tree.priors[edge] = actions[row], 1.0
        tree.children[edge] = NO_CHILD


@shared_part
def is_mate_in_one(tree: Tree, node: Int) -> bool:
    """Whether a node is won by an action that is known and was not played."""
    return bool(
        (tree.proven[node] == WON) & (tree.num_edges[node] == 1) & (tree.num_children[node] == 0)
    )


@kernel
def plant(
    held: Held[Tree], root: int, first: int, line: NDArray[np.int64], first_edge: int
) -> None:
    """Enter a mate that is known at a root, which has no children yet, as nodes of its tree.

    Args:
        held: the trees, with room for as many edges as the line has actions, less one.
        root: who is to move there mates.
        first: the node after the line's first action; the others follow it.
        line: int64 [n], the actions.
        first_edge: where the edges of the other nodes are written.
    """
    tree = borrow(held)
    edge = tree.first_edges[root]
    while tree.actions[edge] != line[0]:
        edge += 1
    place = edge - tree.first_edges[root]
    # Before all others, which keep their order.
    for later in range(place, 0, -1):
        here = tree.first_edges[root] + later
        tree.actions[here] = tree.actions[here - 1]
        tree.priors[here], tree.priors[here - 1] = tree.priors[here - 1], tree.priors[here]
        noise = tree.noise[root]
        noise[later], noise[later - 1] = noise[later - 1], noise[later]
    tree.actions[tree.first_edges[root]] = line[0]
    tree.proven[root] = WON
    node = root
    for ply in range(len(line)):
        if ply > 0:
            edge = first_edge + ply - 1
            tree.first_edges[node], tree.num_edges[node] = edge, 1
            tree.actions[edge], tree.priors[edge] = line[ply], 1.0
        child = first + ply
        tree.children[tree.first_edges[node]] = child
        tree.num_children[node] = 1
        tree.proven[child] = LOST if ply % 2 == 0 else WON
        node = child
    # One simulation, to the end of the line.
    while node >= 0:
        tree.flying[node] += 1
        tree.values[node] = tree.proven[node]
        node = tree.parents[node]
    settle(tree, first + len(line) - 1)
