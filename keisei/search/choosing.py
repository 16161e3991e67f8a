"""Which edge a simulation follows, and which action is played in the end."""

import numpy as np
from numpy.typing import NDArray

from keisei.search.formulas import Edges, Weights, mixed_value, sigma
from keisei.search.tree import (
    DRAWN,
    LOST,
    NO_CHILD,
    NO_EDGE,
    UNKNOWN,
    WON,
    Tree,
    action_value,
)
from keisei.shogi.jit import Int, inline_kernel, kernel

_PROVEN, _VISIT = 1e18, 1e6
"""How much more than anything else what is proven counts, and a visit than a value."""


@inline_kernel
def visited_edges(tree: Tree, node: Int) -> Edges:
    """Sums over a node's edges with a child."""
    visits, most, prior, weighted = 0, 0, 0.0, 0.0
    first = tree.first_edges[node]
    for edge in range(first, first + tree.num_children[node]):
        child = tree.children[edge]
        count = np.int64(tree.visits[child])
        visits += count
        most = max(most, count)
        prior += tree.priors[edge]
        weighted += tree.priors[edge] * action_value(tree, child)
    return Edges(visits, most, prior, weighted)


@inline_kernel
def _gumbel_edge(tree: Tree, node: Int, weights: Weights) -> Int:
    """The edge whose share of the visits lags most behind the improved policy (equation 14)."""
    edges = visited_edges(tree, node)
    first, made = tree.first_edges[node], tree.num_children[node]
    mixed = mixed_value(tree.values[node], edges)
    # Relative to the mixed value, whose factor is then 1, and with the largest exponent taken out.
    top = 0.0
    for edge in range(first, first + made):
        q = action_value(tree, tree.children[edge])
        top = max(top, sigma(q - mixed, edges.most, weights))
    rest = np.exp(-top)
    total = max(1.0 - edges.prior, 0.0) * rest
    for edge in range(first, first + made):
        q = action_value(tree, tree.children[edge])
        total += tree.priors[edge] * np.exp(sigma(q - mixed, edges.most, weights) - top)
    best, chosen = -np.inf, first
    for edge in range(first, first + made):
        child = tree.children[edge]
        q = action_value(tree, child)
        share = tree.priors[edge] * np.exp(sigma(q - mixed, edges.most, weights) - top) / total
        score = share - tree.visits[child] / (1 + edges.visits)
        if score > best:
            best, chosen = score, edge
    if made < tree.num_edges[node] and tree.priors[first + made] * rest / total > best:
        chosen = first + made
    return chosen


@inline_kernel
def _puct_edge(tree: Tree, node: Int, weights: Weights) -> Int:
    """The edge of the highest upper confidence bound; one without visits counts as lost."""
    first, made = tree.first_edges[node], tree.num_children[node]
    visits = 0
    for edge in range(first, first + made):
        visits += tree.visits[tree.children[edge]]
    scale = weights.c_puct * np.sqrt(max(visits, 1))
    best, chosen = -np.inf, first
    for edge in range(first, first + made):
        child = tree.children[edge]
        score = action_value(tree, child)
        score += scale * tree.priors[edge] / (1 + tree.visits[child])
        if score > best:
            best, chosen = score, edge
    if made < tree.num_edges[node] and scale * tree.priors[first + made] > best:
        chosen = first + made
    return chosen


@inline_kernel
def candidate_score(tree: Tree, root: Int, place: Int, edges: Edges, weights: Weights) -> float:
    """Noise + logit + transformed value of a root's edge, by its place among them."""
    edge = tree.first_edges[root] + place
    child = np.int64(tree.children[edge])
    q = mixed_value(tree.values[root], edges) if child == NO_CHILD else action_value(tree, child)
    logit = np.log(max(tree.priors[edge], np.float32(1e-30)))
    return tree.noise[root, place] + logit + sigma(q, edges.most, weights)


@inline_kernel
def _candidate(
    tree: Tree, root: Int, count: Int, schedule: NDArray[np.int32], number: Int, weights: Weights
) -> Int:
    """The root's edge that sequential halving visits in a simulation, by its number."""
    first = tree.first_edges[root]
    edges = visited_edges(tree, root)
    wanted = schedule[count, number]
    best, chosen = -np.inf, 0
    for place in range(count):
        child = tree.children[first + place]
        visits = 0 if child == NO_CHILD else tree.visits[child]
        if visits == wanted:
            score = candidate_score(tree, root, place, edges, weights)
            if score > best:
                best, chosen = score, place
    return first + chosen


@kernel
def select(
    tree: Tree,
    number: int,
    schedule: NDArray[np.int32],
    weights: Weights,
    leaves: NDArray[np.int64],
    edges: NDArray[np.int64],
) -> None:
    """Follow each tree to the edge that a simulation adds a node at, or to a node that is proven.

    Args:
        tree: the trees.
        number: of the simulation, from 0.
        schedule: int32 [candidates + 1, simulations], from ``halving_schedule``.
        weights: of the formulas.
        leaves: int64 [T], filled with the last node on the way.
        edges: int64 [T], filled with the edge to follow there, or NO_EDGE at a proven node.
    """
    for root in range(len(leaves)):
        node = root
        leaves[root], edges[root] = root, NO_EDGE
        while tree.proven[node] == UNKNOWN:
            if weights.is_puct:
                edge = _puct_edge(tree, node, weights)
            elif node == root:
                count = min(schedule.shape[0] - 1, tree.num_edges[root])
                edge = _candidate(tree, root, count, schedule, number, weights)
            else:
                edge = _gumbel_edge(tree, node, weights)
            child = tree.children[edge]
            if child == NO_CHILD:
                leaves[root], edges[root] = node, edge
                break
            node = child
            leaves[root] = node


@inline_kernel
def _preference(
    tree: Tree, root: Int, place: Int, edges: Edges, candidates: Int, weights: Weights
) -> float:
    """How much a root's edge with a child is to be played: what is proven, then visits, then q."""
    child = np.int64(tree.children[tree.first_edges[root] + place])
    if tree.proven[child] == LOST:
        return _PROVEN
    if tree.proven[child] == WON:
        return -_PROVEN
    if weights.is_puct:
        return float(tree.visits[child] + 0.5 * action_value(tree, child))
    if place >= candidates:
        return -np.inf
    score = candidate_score(tree, root, place, edges, weights)
    return float(_VISIT * tree.visits[child] + score)


@kernel
def conclude(
    tree: Tree,
    candidates: int,
    weights: Weights,
    actions: NDArray[np.int64],
    values: NDArray[np.float32],
) -> None:
    """What the search of each tree says: the action to play, and the root's value.

    Args:
        tree: the trees.
        candidates: at the root, for the Gumbel method.
        weights: of the formulas.
        actions: int64 [T], to be filled. A proven win is played; what is proven to lose is not
            while there is something else.
        values: float32 [T], to be filled: the mean of what the visits found, or what is proven.
    """
    for root in range(len(actions)):
        first, made = tree.first_edges[root], tree.num_children[root]
        edges = visited_edges(tree, root)
        best, chosen = -np.inf, 0
        for place in range(made):
            score = _preference(tree, root, place, edges, candidates, weights)
            if score > best:
                best, chosen = score, place
        if made < tree.num_edges[root] and best == -_PROVEN:
            chosen = made
        actions[root] = tree.actions[first + chosen]
        if tree.proven[root] == DRAWN:
            values[root] = 0.0
        elif tree.proven[root] != UNKNOWN:
            values[root] = tree.proven[root]
        else:
            values[root] = tree.totals[root] / tree.visits[root]
