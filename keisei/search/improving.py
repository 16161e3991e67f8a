"""The policy that a search improves on: what a network may learn from it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.search.choosing import visited_edges
from keisei.search.formulas import Weights, mixed_value, sigma
from keisei.search.tree import LOST, NO_CHILD, WON, Tree, action_value
from keisei.shogi.intrinsics import Held, borrow
from keisei.shogi.jit import Int, inline_kernel, kernel


class ImprovedPolicy(NamedTuple):
    """What a search would teach about T positions with M legal actions together.

    Attributes:
        offsets: int64 [T + 1], where the actions of each begin.
        actions: int64 [M], legal actions, ascending in each.
        probabilities: float32 [M], which sum to 1 in each.
        values: float32 [T] in [-1, 1], to the player to move: the mean of the completed action
            values under the probabilities. What all visits found on average is less, since halving
            visits actions that it then gives up.
    """

    offsets: NDArray[np.int64]
    actions: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    values: NDArray[np.float32]

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Actions int64 [T, count], each drawn with its probability, whatever the others are."""
        ends = np.cumsum(self.probabilities, dtype=np.float64)
        begins = np.concatenate([[0.0], ends])[self.offsets]
        wanted = (
            begins[:-1, None] + rng.random((len(self.values), count)) * np.diff(begins)[:, None]
        )
        places = np.searchsorted(ends, wanted, side="right")
        # The sums are rounded; a place past the end would be of the next position.
        return self.actions[np.minimum(places, self.offsets[1:, None] - 1)]


@inline_kernel
def _completed(tree: Tree, root: Int, weights: Weights, out: NDArray[np.float32]) -> None:
    """Softmax of logits plus transformed action values, completed with the mixed value."""
    first, edges = tree.first_edges[root], visited_edges(tree, root)
    mixed = mixed_value(tree.values[root], edges)
    top = -np.inf
    for place in range(len(out)):
        child = np.int64(tree.children[first + place])
        q = mixed if child == NO_CHILD else action_value(tree, child, mixed)
        logit = np.log(max(tree.priors[first + place], np.float32(1e-30)))
        out[place] = logit + sigma(q, edges.most, weights)
        top = max(top, out[place])
    for place in range(len(out)):
        out[place] = np.exp(out[place] - top)


@inline_kernel
def _expected(tree: Tree, root: Int, probabilities: NDArray[np.float32]) -> float:
    """Mean of the completed action values, each in [0, 1], of probabilities in the edges' order."""
    first = tree.first_edges[root]
    mixed = mixed_value(tree.values[root], visited_edges(tree, root))
    total = 0.0
    for place in range(len(probabilities)):
        child = np.int64(tree.children[first + place])
        q = mixed if child == NO_CHILD else action_value(tree, child, mixed)
        total += probabilities[place] * q
    return total


@inline_kernel
def _proven(tree: Tree, root: Int, out: NDArray[np.float32]) -> None:
    """Leave only the moves that win, or take out those that lose, where that is proven."""
    first, wins, open_ends = tree.first_edges[root], 0, 0
    for place in range(len(out)):
        child = np.int64(tree.children[first + place])
        known = 0 if child == NO_CHILD else tree.proven[child]
        wins += known == LOST
        open_ends += known != WON
    for place in range(len(out)):
        child = np.int64(tree.children[first + place])
        known = 0 if child == NO_CHILD else tree.proven[child]
        if (wins > 0 and known != LOST) or (open_ends > 0 and known == WON):
            out[place] = 0.0


@kernel
def improve(
    held: Held[Tree],
    weights: Weights,
    offsets: NDArray[np.int64],
    actions: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    values: NDArray[np.float32],
) -> None:
    """Write the improved policy of each root (Danihelka et al. 2022, equation 11).

    With PUCT it is the share of the visits. Moves that are proven to lose get nothing while there
    are others, and nothing but those that win gets anything where there are such.

    Args:
        held: the trees.
        weights: of the formulas.
        offsets: int64 [T + 1], where the actions of each root begin.
        actions: int64 [M], filled in ascending order.
        probabilities: float32 [M], filled.
        values: float32 [T], filled with what the probabilities promise, in [-1, 1].
    """
    tree = borrow(held)
    for root in range(len(offsets) - 1):
        begin, end = offsets[root], offsets[root + 1]
        first = tree.first_edges[root]
        found = np.zeros(end - begin, np.float32)
        if weights.is_puct:
            for place in range(tree.num_children[root]):
                found[place] = tree.visits[tree.children[first + place]]
            _proven(tree, root, found)
        if found.sum() == 0.0:
            _completed(tree, root, weights, found)
            _proven(tree, root, found)
        order = np.argsort(tree.actions[first : first + end - begin])
        found /= found.sum()
        values[root] = 2.0 * _expected(tree, root, found) - 1.0
        for place in range(end - begin):
            actions[begin + place] = tree.actions[first + order[place]]
            probabilities[begin + place] = found[order[place]]
