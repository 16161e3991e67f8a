"""Roots at which some of the actions alone are looked at."""

from collections.abc import Sequence

import numpy as np

from keisei.search.tree import Tree


def keep_actions(tree: Tree, root: int, actions: Sequence[int]) -> None:
    """Let a root have no other edges than those of some actions; before its first simulation.

    What is then proven of the root is so among these actions only.

    Args:
        tree: The trees, in which the edges are changed.
        root: Which one.
        actions: Legal actions there, at least one.
    """
    first, count = int(tree.first_edges[root]), int(tree.num_edges[root])
    kept = first + np.flatnonzero(np.isin(tree.actions[first : first + count], actions))
    past = first + len(kept)
    tree.actions[first:past] = tree.actions[kept]
    priors = tree.priors[kept]
    # What the policy thinks nothing of may have no prior at all.
    total = priors.sum()
    tree.priors[first:past] = priors / total if total > 0 else 1 / len(kept)
    tree.noise[root, : len(kept)] = tree.noise[root, kept - first]
    tree.num_edges[root] = len(kept)
