"""A search of many positions at once: a tree for each, one leaf of every tree at a time."""

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.endings import Rules
from keisei.games.pool import Pool
from keisei.games.standing import Standing
from keisei.search.choosing import conclude, select
from keisei.search.formulas import Weights, halving_schedule
from keisei.search.settings import SearchSettings, SearchSettingsError
from keisei.search.tree import NO_EDGE, Tree, attach, back_up, link
from keisei.shogi.constants import MAX_LEGAL_MOVES, Termination
from keisei.shogi.features import MASK_BYTES

Verdict = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
"""Of n positions with m legal actions together: offsets int64 [n + 1]; actions int64 [m], ascending
in each; their log-probabilities float32 [m]; values float32 [n] in [-1, 1], to the players to move.
"""
Evaluate = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Verdict]
"""Judges compact states uint8 [n, 100] and packed legal actions uint8 [n, 274]."""

_BYTES_A_NODE = 2000
"""Position, node and edges together."""
_EDGES_A_NODE = 100
"""Room at first; more is taken when it is needed, at most MAX_LEGAL_MOVES a node."""


class EvaluatorError(ValueError):
    """An evaluator has answered what is no judgement of the positions it was asked about."""


class Found(NamedTuple):
    """What a search says of T positions.

    Attributes:
        actions: int64 [T], to be played.
        values: float32 [T] in [-1, 1], to the player to move.
        tree: The trees, for reading.
        pool: The positions of their nodes.
    """

    actions: NDArray[np.int64]
    values: NDArray[np.float32]
    tree: Tree
    pool: Pool


class Search:
    """Searches positions with an evaluator.

    Args:
        evaluate: Asked for all leaves of a simulation together.
        settings: How far and by which formulas.
        seed: Of the Gumbel noise; None for none, as one plays for strength.
    """

    def __init__(
        self, evaluate: Evaluate, settings: SearchSettings, seed: int | None = None
    ) -> None:
        self._evaluate = evaluate
        self._settings = settings
        self._rng = None if seed is None else np.random.default_rng(seed)
        self._weights = Weights(
            settings.method == "puct", settings.c_visit, settings.c_scale, settings.c_puct
        )
        self._schedule = halving_schedule(min(settings.candidates, MAX_LEGAL_MOVES), settings.nodes)

    def run(self, standing: Standing) -> Found:
        """Search where T games stand.

        Args:
            standing: The games, which must go on.

        Raises:
            EvaluatorError: The evaluator's answer is not finite or of other moves.
            SearchSettingsError: The trees need more memory than this machine has.
        """
        nodes, count, rules = self._settings.nodes, len(standing.games), standing.rules
        _require_memory(nodes, count)
        pool = Pool.of_games(standing, count * nodes)
        tree = _new_tree(pool, count)
        if self._rng is not None and not self._weights.is_puct:
            tree.noise[:] = self._rng.gumbel(size=tree.noise.shape)
        used = 0
        slots, ends, winners = pool.nodes.slots, pool.nodes.ends, pool.nodes.winners
        roots = np.arange(count)
        tree, used = self._look_at(tree, used, pool, roots, 0, count, rules)
        back_up(tree, slots, ends, winners, roots)
        leaves, edges = np.empty(count, np.int64), np.empty(count, np.int64)
        past = count
        for number in range(nodes):
            select(tree, number, self._schedule, self._weights, leaves, edges)
            growing = np.flatnonzero(edges != NO_EDGE)
            first, past = past, past + len(growing)
            if len(growing):
                parents, taken = leaves[growing], edges[growing]
                pool.advance(parents, tree.actions[taken].astype(np.int64), first)
                link(tree, parents, taken, first)
                pool.generate(first, past)
                pool.judge(first, past, rules)
                leaves[growing] = np.arange(first, past)
                going_on = first + np.flatnonzero(pool.nodes.ends[first:past] == Termination.NONE)
                tree, used = self._look_at(tree, used, pool, going_on, first, past, rules)
            back_up(tree, slots, ends, winners, leaves)
        actions, values = np.empty(count, np.int64), np.empty(count, np.float32)
        conclude(tree, self._settings.candidates, self._weights, actions, values)
        return Found(actions, values, tree, pool)

    def _look_at(
        self,
        tree: Tree,
        used: int,
        pool: Pool,
        chosen: NDArray[np.int64],
        first: int,
        past: int,
        rules: Rules,
    ) -> tuple[Tree, int]:
        """Evaluate some of the nodes from first to past and give them edges.

        Returns the trees, perhaps with more room, and how many edges are used.
        """
        if not len(chosen):
            return tree, used
        states = pool.observe(first, past, rules.max_plies)[chosen - first]
        bits = pool.nodes.legal[chosen].view(np.uint8)[:, :MASK_BYTES]
        offsets, actions, log_probs, values = self._evaluate(states, bits)
        if not (np.isfinite(log_probs).all() and np.isfinite(values).all()):
            raise EvaluatorError(
                "The evaluator gave numbers that are not finite; look at its weights."
            )
        if len(offsets) != len(chosen) + 1 or offsets[-1] != np.bitwise_count(bits).sum():
            raise EvaluatorError(
                f"The evaluator judged {offsets[-1]} moves of {len(offsets) - 1} positions; "
                f"there are {np.bitwise_count(bits).sum()} of {len(chosen)}."
            )
        tree.values[chosen] = values
        if used + len(actions) > len(tree.priors):
            tree = _with_more_edges(tree, used + len(actions))
        attach(tree, chosen, offsets, actions, log_probs, used, self._settings.temperature)
        return tree, used + len(actions)


def _require_memory(nodes: int, count: int) -> None:
    needed = count * (nodes + 1) * _BYTES_A_NODE
    there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there_is:
        raise SearchSettingsError(
            f"nodes={nodes} in {count} games at once needs {needed / 1e9:.1f} GB and there are "
            f"{there_is / 1e9:.1f} GB; lower one of them"
        )


def _new_tree(pool: Pool, count: int) -> Tree:
    size = len(pool.nodes.parents)
    edges = size * _EDGES_A_NODE
    return Tree(
        parents=pool.nodes.parents,
        visits=np.zeros(size, np.int32),
        totals=np.zeros(size, np.float32),
        values=np.zeros(size, np.float32),
        proven=np.zeros(size, np.int8),
        first_edges=np.zeros(size, np.int64),
        num_edges=np.zeros(size, np.int32),
        num_children=np.zeros(size, np.int32),
        actions=np.zeros(edges, np.uint16),
        priors=np.zeros(edges, np.float32),
        children=np.zeros(edges, np.int32),
        noise=np.zeros((count, MAX_LEGAL_MOVES), np.float32),
    )


def _with_more_edges(tree: Tree, least: int) -> Tree:
    """The same trees with room for at least so many edges."""
    size = max(least, 2 * len(tree.priors))
    return tree._replace(
        actions=np.resize(tree.actions, size),
        priors=np.resize(tree.priors, size),
        children=np.resize(tree.children, size),
    )
