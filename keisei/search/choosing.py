"""Which edge a simulation follows, and which action is played in the end."""

import numpy as np
from numpy.typing import NDArray

from keisei.search.formulas import (
    Edges,
    Weights,
    first_play_urgency,
    mixed_value,
    sigma,
    visits_in_turn,
    wave_end,
)
from keisei.search.tree import (
    DRAWN,
    LOST,
    NO_CHILD,
    NO_EDGE,
    UNKNOWN,
    WON,
    Tree,
    action_value,
    add_child,
    settle,
    take_back,
)
from keisei.shogi.intrinsics import Held, borrow
from keisei.shogi.jit import Int, inline_kernel, kernel

_PROVEN, _VISIT = 1e18, 1e6
"""How much more than anything else what is proven counts, and a visit than a value."""


@inline_kernel
def visited_edges(tree: Tree, node: Int) -> Edges:
    """Sums over a node's edges whose child has been visited."""
    visits, most, prior, weighted = 0, 0, 0.0, 0.0
    first = tree.first_edges[node]
    for edge in range(first, first + tree.num_children[node]):
        child = tree.children[edge]
        count = np.int64(tree.visits[child])
        if count > 0:
            visits += count
            most = max(most, count)
            prior += tree.priors[edge]
            weighted += tree.priors[edge] * action_value(tree, child, 0.0)
    return Edges(visits, most, prior, weighted)


@inline_kernel
def _gumbel_edge(tree: Tree, node: Int, weights: Weights) -> Int:
    """The edge whose share of the visits lags most behind the improved policy (equation 14)."""
    edges = visited_edges(tree, node)
    first, made = tree.first_edges[node], tree.num_children[node]
    mixed = mixed_value(tree.values[node], edges)
    # Relative to the mixed value, whose factor is then 1, and with the largest exponent taken out.
    top = 0.0
    begun = 0
    for edge in range(first, first + made):
        child = tree.children[edge]
        begun += tree.visits[child] + tree.flying[child]
        q = action_value(tree, child, mixed)
        top = max(top, sigma(q - mixed, edges.most, weights))
    rest = np.exp(-top)
    known, total = 0.0, 0.0
    for edge in range(first, first + made):
        q = action_value(tree, tree.children[edge], mixed)
        known += tree.priors[edge]
        total += tree.priors[edge] * np.exp(sigma(q - mixed, edges.most, weights) - top)
    total = max(total + max(1.0 - known, 0.0) * rest, 1e-300)
    best, chosen = -np.inf, first
    for edge in range(first, first + made):
        child = tree.children[edge]
        q = action_value(tree, child, mixed)
        share = tree.priors[edge] * np.exp(sigma(q - mixed, edges.most, weights) - top) / total
        score = share - (tree.visits[child] + tree.flying[child]) / (1 + begun)
        if score > best and tree.proven[child] != WON:
            best, chosen = score, edge
    # What is proven to lose is left alone while there is something else, and there is: else this
    # node would be proven, too.
    if made < tree.num_edges[node] and tree.priors[first + made] * rest / total > best:
        chosen = first + made
    return chosen


@inline_kernel
def _puct_edge(tree: Tree, node: Int, weights: Weights) -> Int:
    """The edge of the highest upper confidence bound."""
    first, made = tree.first_edges[node], tree.num_children[node]
    begun, known = 0, 0.0
    for edge in range(first, first + made):
        child = tree.children[edge]
        begun += tree.visits[child] + tree.flying[child]
        known += tree.priors[edge]
    mean = tree.totals[node] / max(tree.visits[node], 1)
    unvisited = first_play_urgency(mean, known, weights)
    scale = weights.c_puct * np.sqrt(max(begun, 1))
    best, chosen = -np.inf, first
    for edge in range(first, first + made):
        child = tree.children[edge]
        visits = tree.visits[child] + tree.flying[child]
        score = action_value(tree, child, unvisited) + scale * tree.priors[edge] / (1 + visits)
        if score > best and tree.proven[child] != WON:
            best, chosen = score, edge
    if made < tree.num_edges[node] and unvisited + scale * tree.priors[first + made] > best:
        chosen = first + made
    return chosen


@inline_kernel
def candidate_score(tree: Tree, root: Int, place: Int, edges: Edges, weights: Weights) -> float:
    """Noise + logit + transformed value of a root's edge, by its place among them."""
    edge = tree.first_edges[root] + place
    child = np.int64(tree.children[edge])
    q = mixed_value(tree.values[root], edges)
    if child != NO_CHILD:
        q = action_value(tree, child, q)
    logit = np.log(max(tree.priors[edge], np.float32(1e-30)))
    return tree.noise[root, place] + logit + sigma(q, edges.most, weights)


@inline_kernel
def _candidate(tree: Tree, root: Int, count: Int, wanted: Int, weights: Weights) -> Int:
    """The edge of a root that the next simulation goes to.

    That is the best of its first edges, so many, that have so many visits. A candidate that is
    proven to lose is not looked at again, but another move in its place. Simulations that the lost
    ones leave go to the best of the others.
    """
    first, made = tree.first_edges[root], tree.num_children[root]
    known = visited_edges(tree, root)
    # The factor of the action values is what it was when the sweep began, so that a candidate need
    # not wait for what the others find.
    edges = Edges(known.visits, wanted, known.prior, known.weighted)
    best, chosen, best_left, left = -np.inf, -1, -np.inf, -1
    for place in range(max(count, made)):
        child = np.int64(tree.children[first + place])
        is_lost = child != NO_CHILD and tree.proven[child] == WON
        visits = 0 if child == NO_CHILD else tree.visits[child] + tree.flying[child]
        score = candidate_score(tree, root, place, edges, weights)
        if place < count and visits == wanted and score > best:
            best, chosen = score, place
        # Those that have come in later are the last resort.
        score -= 0.0 if place < count else _PROVEN
        if not is_lost and score > best_left:
            best_left, left = score, place
    if chosen >= 0:
        child = np.int64(tree.children[first + chosen])
        if child == NO_CHILD or tree.proven[child] != WON:
            return first + chosen
    if made < tree.num_edges[root] and (chosen >= 0 or left < 0 or left >= count):
        return first + made
    return first + left


@inline_kernel
def _descend(tree: Tree, root: Int, edge: Int, weights: Weights, new: Int) -> tuple[Int, Int, bool]:
    """Follow a tree from an edge of its root to where a node is to be added.

    Returns:
        The node to add it to; its edge, or NO_EDGE if that node has to be opened first; and whether
        that can be done. If not, the simulation has ended at something proven, or it was taken back
        since another one has not come back from where it would go.
    """
    node = root
    tree.flying[root] += 1
    while True:
        child = np.int64(tree.children[edge])
        if child == NO_CHILD:
            add_child(tree, node, new)
            return node, edge, True
        parent, node = node, child
        if tree.visits[node] == 0 or (tree.num_edges[node] == 0 and tree.flying[node] > 0):
            # A node of this wave does not know its parent yet.
            take_back(tree, np.int64(parent))
            return node, NO_EDGE, False
        tree.flying[node] += 1
        if tree.proven[node] != UNKNOWN:
            tree.simulations[root] += 1
            settle(tree, node)
            return node, NO_EDGE, False
        if tree.num_edges[node] == 0:
            return node, NO_EDGE, True
        edge = (
            _puct_edge(tree, node, weights)
            if weights.is_puct
            else _gumbel_edge(tree, node, weights)
        )


@kernel
def select(
    held: Held[Tree],
    weights: Weights,
    rounds: NDArray[np.int64],
    goal: int,
    leaves: int,
    first: int,
    found: NDArray[np.int64],
) -> int:
    """Begin the next wave of simulations: find where nodes are to be added.

    Args:
        held: the trees.
        weights: of the formulas.
        rounds: int64, from ``halving_rounds``.
        goal: no tree is to have more simulations than this.
        leaves: simulations under way at once in a tree, or, with halving, below a candidate.
        first: the slot of the first new node; the others follow it.
        found: int64 [2, n], with room for a wave of all trees, filled with the nodes that get a new
            child, and the edges that lead to these, or NO_EDGE if the node has to be opened first.

    Returns:
        The number of new nodes; 0 if all simulations came to what is proven, or none began.
    """
    tree = borrow(held)
    count = 0
    for root in range(len(tree.simulations)):
        candidates = min(rounds.shape[0] - 1, tree.num_edges[root])
        begun = tree.simulations[root]
        end = begun + leaves if weights.is_puct else wave_end(rounds, candidates, begun, leaves)
        end = min(end, goal)
        while tree.simulations[root] < end and tree.proven[root] == UNKNOWN:
            if weights.is_puct:
                edge = _puct_edge(tree, root, weights)
            else:
                wanted = visits_in_turn(rounds, candidates, tree.simulations[root])
                edge = _candidate(tree, root, candidates, wanted, weights)
            node, edge, is_new = _descend(tree, root, edge, weights, first + count)
            if is_new:
                tree.flying[first + count] = 1
                tree.simulations[root] += 1
                found[0, count], found[1, count] = node, edge
                count += 1
            elif tree.visits[node] == 0 or tree.proven[node] == UNKNOWN:
                break
    return count


@inline_kernel
def _preference(tree: Tree, root: Int, place: Int, edges: Edges, weights: Weights) -> float:
    """How much a root's edge with a child is to be played: what is proven, then visits, then q."""
    child = np.int64(tree.children[tree.first_edges[root] + place])
    if tree.proven[child] == LOST:
        return _PROVEN
    if tree.proven[child] == WON:
        return -_PROVEN
    if weights.is_puct:
        return float(tree.visits[child] + 0.5 * action_value(tree, child, 0.0))
    score = candidate_score(tree, root, place, edges, weights)
    return float(_VISIT * tree.visits[child] + score)


@kernel
def conclude(
    held: Held[Tree],
    weights: Weights,
    actions: NDArray[np.int64],
    values: NDArray[np.float32],
) -> None:
    """What the search of each tree says: the action to play, and the root's value.

    Args:
        held: the trees.
        weights: of the formulas.
        actions: int64 [T], to be filled. A proven win is played; what is proven to lose is not
            while there is something else.
        values: float32 [T], to be filled: the mean of what the visits found, or what is proven.
    """
    tree = borrow(held)
    for root in range(len(actions)):
        first, made = tree.first_edges[root], tree.num_children[root]
        edges = visited_edges(tree, root)
        best, chosen = -np.inf, 0
        for place in range(made):
            score = _preference(tree, root, place, edges, weights)
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
