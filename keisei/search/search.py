"""A search of many positions at once: a tree for each, some leaves of every tree at a time."""

import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.mates import MATE, MateSolver
from keisei.games.mates_in_one import NO_MATE, MatesInOne
from keisei.games.pool import Pool
from keisei.games.standing import Standing
from keisei.search.choosing import conclude, select
from keisei.search.evaluators import (
    Evaluate,
    TwoSteps,
    require_each,
    require_finite,
    require_same_moves,
)
from keisei.search.formulas import Weights, halving_rounds
from keisei.search.improving import ImprovedPolicy, improve
from keisei.search.planting import note_mates, plant
from keisei.search.settings import USUAL_TEMPERATURE, SearchSettings, SearchSettingsError
from keisei.search.tree import (
    NO_EDGE,
    Tree,
    attach,
    back_up,
    enter,
    new_tree,
    with_more_edges,
)
from keisei.shogi.constants import MAX_LEGAL_MOVES, Termination
from keisei.shogi.features import MASK_BYTES
from keisei.shogi.intrinsics import hold

_BYTES_A_NODE = 2000
"""Position, node, edges and what an evaluator keeps, together."""
_EDGES_A_NODE = 64
"""Room at first; more is taken when it is needed, at most MAX_LEGAL_MOVES a node."""
_POSITIONS_A_MATE_NODE = 8
"""Room in the mate solver's table for each position that it may look at."""
_MOST_MATE_POSITIONS = 1 << 24
"""Its room at most, 0.8 GB; it goes on with a table that is full."""


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
        evaluator: Judges the new nodes of all trees together.
        settings: How far and by which formulas.
        seed: Of the Gumbel noise; None for none, as one plays for strength.
    """

    def __init__(
        self, evaluator: Evaluate | TwoSteps, settings: SearchSettings, seed: int | None = None
    ) -> None:
        self._evaluator = evaluator
        room = _POSITIONS_A_MATE_NODE * max(settings.mate_nodes, 1)
        self._solver = MateSolver(min(room, _MOST_MATE_POSITIONS))
        self._finder = MatesInOne()
        self._settings = settings
        self._rng = None if seed is None else np.random.default_rng(seed)

    def run(self, standing: Standing) -> Found:
        """Search where T games stand, as far as the settings say.

        Arguments and errors as for ``begin``.
        """
        trees = self.begin(standing)
        trees.simulate(self._settings.nodes)
        return trees.found()

    def begin(self, standing: Standing) -> "Trees":
        """Trees that are to grow.

        Args:
            standing: The games, which must go on.

        Raises:
            EvaluatorError: The evaluator's answer is not finite or of other moves.
            SearchSettingsError: The trees need more memory than this machine has.
            ValueError: A game is over, for its player to move has no move.
        """
        noise = np.zeros((len(standing.games), MAX_LEGAL_MOVES), np.float32)
        if self._rng is not None and self._settings.method == "gumbel":
            noise[:] = self._rng.gumbel(size=noise.shape)
        return Trees(self._evaluator, self._settings, standing, noise, self._solver, self._finder)


class Trees:
    """A tree for each of T games, which grows by simulations.

    Args:
        evaluator: Judges new nodes.
        settings: How far and by which formulas.
        standing: The games.
        noise: float32 [T, 593], Gumbel noise of the roots' edges.
        solver: Looks for mates at the roots.
        finder: Looks for mates in one at leaves.
    """

    def __init__(
        self,
        evaluator: Evaluate | TwoSteps,
        settings: SearchSettings,
        standing: Standing,
        noise: NDArray[np.float32],
        solver: MateSolver,
        finder: MatesInOne,
    ) -> None:
        nodes, count = settings.nodes, len(standing.games)
        _require_memory(nodes, count)
        self._evaluator, self._settings, self._rules = evaluator, settings, standing.rules
        self._weights = Weights(
            settings.method == "puct",
            settings.c_visit,
            settings.c_scale,
            settings.c_puct,
            settings.fpu_reduction,
        )
        self._rounds = halving_rounds(min(settings.candidates, MAX_LEGAL_MOVES), nodes)
        self._pool = Pool.of_games(standing, count * nodes)
        self._tree = new_tree(self._pool.nodes.parents, count, count * (nodes + 1) * _EDGES_A_NODE)
        self._held = hold(self._tree)
        self._tree.noise[:] = noise
        if self._pool.nodes.is_stuck[:count].any():
            game = int(np.argmax(self._pool.nodes.is_stuck[:count]))
            raise ValueError(f"There is nothing to search: game {game} has no legal move.")
        memory = 0 if callable(evaluator) else evaluator.memory
        self._memories = np.zeros((count * (nodes + 1), memory), np.float32)
        at_once = min(len(self._rounds) * settings.leaves, nodes)
        self._found = np.empty((2, count * at_once), np.int64)
        self._past, self._edges, self._goal = count, 0, 0
        self._solver, self._finder = solver, finder
        self._tree.flying[:count] = 1
        self._look_at(0)
        self._open(np.arange(count))
        if settings.mate_nodes:
            self._look_for_mates(standing)

    def simulate(self, simulations: int) -> int:
        """Grow all trees by so many simulations, or fewer where there is nothing left to do.

        Returns:
            How many simulations the trees have had together; 0 when each is proven or has had as
            many as the settings say, which is all that there is room for.

        Raises:
            EvaluatorError: The evaluator's answer is not finite or of other moves. What the trees
                had found before still stands, but they do not grow on.
        """
        before = self._tree.simulations.sum()
        self._goal = min(self._goal + simulations, self._settings.nodes)
        while self._grow():
            pass
        return int(self._tree.simulations.sum() - before)

    def found(self) -> Found:
        """What the trees say so far."""
        count = len(self._tree.simulations)
        actions, values = np.empty(count, np.int64), np.empty(count, np.float32)
        conclude(self._held, self._weights, actions, values)
        return Found(actions, values, self._tree, self._pool)

    def improved_policy(self, c_scale: float | None = None) -> ImprovedPolicy:
        """What a network could learn from the trees so far.

        Args:
            c_scale: How much action values count there, as in the settings (Gumbel); None for what
                the settings say. Less gives a policy that is less sure.
        """
        weights = self._weights if c_scale is None else self._weights._replace(c_scale=c_scale)
        num_edges = self._tree.num_edges[: len(self._tree.simulations)]
        offsets = np.concatenate([[0], np.cumsum(num_edges, dtype=np.int64)])
        actions = np.empty(offsets[-1], np.int64)
        probabilities = np.empty(offsets[-1], np.float32)
        values = np.empty(len(num_edges), np.float32)
        improve(self._held, weights, offsets, actions, probabilities, values)
        return ImprovedPolicy(offsets, actions, probabilities, values)

    def _grow(self) -> bool:
        """A wave of simulations, unless there is nothing left to do, which is False then."""
        before = self._tree.simulations.sum()
        pool, first, found = self._pool, self._past, self._found
        leaves = self._settings.leaves
        count = select(self._held, self._weights, self._rounds, self._goal, leaves, first, found)
        if count:
            self._past = first + count
            parents, edges = found[0, :count], found[1, :count]
            closed = np.flatnonzero(edges == NO_EDGE)
            if len(closed):
                self._open(parents[closed])
                enter(self._held, parents, edges, first)
            pool.advance(parents, self._tree.actions[edges].astype(np.int64), first)
            pool.generate(first, self._past)
            pool.judge(first, self._past, self._rules)
            self._look_at(first)
        # All simulations of a wave may have ended where games are over, and the next ones need not.
        return count > 0 or bool(self._tree.simulations.sum() > before)

    def _look_at(self, first: int) -> None:
        """Evaluate the new nodes, from one on, and carry what is found to the roots."""
        pool, past = self._pool, self._past
        states = pool.observe(np.arange(first, past), self._rules.max_plies)
        if callable(self._evaluator):
            values = self._judge_at_once(self._evaluator, states, first)
        else:
            values = self._evaluator.values(states, self._memories[first:past])
            require_each(values, past - first, "positions")
            require_finite(values)
        nodes = pool.nodes
        if self._settings.leaf_mates and first >= len(self._tree.simulations):
            self._look_for_mates_at_leaves(first)
        back_up(self._held, nodes.slots, nodes.ends, nodes.winners, first, values)

    def _look_for_mates(self, standing: Standing) -> None:
        """Let trees end with a mate that is found at their roots."""
        pool, mates = self._pool, self._solver.solve(standing, self._settings.mate_nodes)
        for root in np.flatnonzero(mates.verdicts == MATE).tolist():
            line = mates.lines[root, : min(mates.lengths[root], self._settings.nodes)]
            first, node = self._past, root
            for action in line:
                parent, node = node, self._past
                self._past += 1
                pool.advance(np.array([parent]), np.array([action]), node)
                pool.generate(node, node + 1)
                pool.judge(node, node + 1, self._rules)
            edges = self._room_for_edges(len(line) - 1)
            plant(self._held, root, first, line, edges)

    def _look_for_mates_at_leaves(self, first: int) -> None:
        """Prove the new nodes, from one on, that are won by a mate in one."""
        mates = self._finder.among(self._pool.nodes.slots, first, self._past)
        leaves = self._going_on(first)
        won = leaves[mates[leaves - first] != NO_MATE]
        if len(won):
            note_mates(self._held, won, mates[won - first], self._room_for_edges(len(won)))

    def _going_on(self, first: int) -> NDArray[np.int64]:
        """The new nodes, from one on, where the game goes on, int64 [n]."""
        return first + np.flatnonzero(self._pool.nodes.ends[first : self._past] == Termination.NONE)

    def _judge_at_once(
        self, evaluate: Evaluate, states: NDArray[np.uint8], first: int
    ) -> NDArray[np.float32]:
        """Evaluate positions and moves of the new nodes where games go on, and open these."""
        values, going_on = np.zeros(len(states), np.float32), self._going_on(first)
        if len(going_on):
            bits = self._pool.nodes.legal[going_on].view(np.uint8)[:, :MASK_BYTES]
            verdict = evaluate(states[going_on - first], bits)
            offsets, actions = self._pool.legal_actions(going_on)
            require_same_moves(verdict, offsets, actions)
            log_probs, of_those = verdict[2:]
            require_each(log_probs, len(actions), "moves")
            require_each(of_those, len(going_on), "positions")
            require_finite(log_probs, of_those)
            self._attach(going_on, offsets, actions, log_probs)
            values[going_on - first] = of_those
        return values

    def _open(self, nodes: NDArray[np.int64]) -> None:
        """Give nodes that have been evaluated their edges."""
        if callable(self._evaluator):
            return
        states = self._pool.observe(nodes, self._rules.max_plies)
        offsets, actions = self._pool.legal_actions(nodes)
        logits = self._evaluator.logits(states, self._memories[nodes], offsets, actions)
        require_each(logits, len(actions), "moves")
        require_finite(logits)
        self._attach(nodes, offsets, actions, logits)

    def _attach(
        self,
        nodes: NDArray[np.int64],
        offsets: NDArray[np.int64],
        actions: NDArray[np.int64],
        logits: NDArray[np.float32],
    ) -> None:
        first = self._room_for_edges(len(actions))
        temperature = self._settings.temperature or USUAL_TEMPERATURE
        attach(self._held, nodes, offsets, actions, logits, first, temperature)

    def _room_for_edges(self, count: int) -> int:
        """The first of so many edges that nobody has."""
        first, self._edges = self._edges, self._edges + count
        if self._edges > len(self._tree.priors):
            self._tree = with_more_edges(self._tree, self._edges)
            self._held = hold(self._tree)
        return first


def _require_memory(nodes: int, count: int) -> None:
    needed = count * (nodes + 1) * _BYTES_A_NODE
    there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there_is:
        raise SearchSettingsError(
            f"nodes={nodes} in {count} games at once needs {needed / 1e9:.1f} GB and there are "
            f"{there_is / 1e9:.1f} GB; lower one of them"
        )
