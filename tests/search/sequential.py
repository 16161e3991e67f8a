"""Gumbel search in plain Python: one tree, one simulation after the other, in float64.

Written from the paper (Danihelka et al. 2022) and not from the kernels, for positions in whose
trees nothing is proven.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from keisei.games.endings import Rules
from keisei.games.pool import Pool
from keisei.search.evaluators import Evaluate
from keisei.search.settings import USUAL_TEMPERATURE, SearchSettings
from keisei.shogi import Board
from keisei.shogi.features import MASK_BYTES


@dataclass
class Node:
    """A position; all lists are by edge, in descending order of priors."""

    board: Board
    value: float
    actions: list[int]
    priors: list[float]
    children: dict[int, "Node"] = field(default_factory=dict[int, "Node"])
    visits: int = 1
    total: float = 0.0

    def visits_of(self, edge: int) -> int:
        return self.children[edge].visits if edge in self.children else 0

    def completed(self, edge: int) -> float:
        """The action value of an edge in [0, 1], or the mixed value (equation 33)."""
        if edge in self.children:
            child = self.children[edge]
            return (1 - child.total / child.visits) / 2
        own, visits = (1 + self.value) / 2, sum(child.visits for child in self.children.values())
        if not visits:
            return own
        known = sum(self.priors[edge] for edge in self.children)
        mean = sum(self.priors[edge] * self.completed(edge) for edge in self.children) / known
        return (own + visits * mean) / (1 + visits)


class Sequential:
    """A search of one position."""

    def __init__(self, evaluate: Evaluate, settings: SearchSettings, rules: Rules) -> None:
        self._evaluate, self._settings, self._rules = evaluate, settings, rules

    def run(self, board: Board) -> tuple[dict[int, int], int]:
        """Visits by action at the root, and what is to be played."""
        root = self._node(board)
        count = min(self._settings.candidates, len(root.actions))
        left = list(range(count))
        stages = max(1, math.ceil(math.log2(count)))
        done = 0
        while done < self._settings.nodes:
            for _ in range(max(1, self._settings.nodes // (stages * len(left)))):
                for edge in left[: self._settings.nodes - done]:
                    self._simulate(root, edge)
                    done += 1
            # The better half goes on, down to two (figure 1).
            left = sorted(left, key=lambda edge: -self._score(root, edge))
            left = left[: max(2, len(left) // 2)]
        best = max(root.children, key=lambda edge: (root.visits_of(edge), self._score(root, edge)))
        visits = {root.actions[edge]: child.visits for edge, child in root.children.items()}
        return visits, root.actions[best]

    def _node(self, board: Board) -> Node:
        pool = Pool.of_games(board.standing(self._rules), 0)
        bits = pool.nodes.legal[:1].view(np.uint8)[:, :MASK_BYTES]
        state = pool.observe(np.arange(1), self._rules.max_plies)
        _, actions, log_probs, values = self._evaluate(state, bits)
        logits = log_probs.astype(np.float64) / (self._settings.temperature or USUAL_TEMPERATURE)
        priors = np.exp(logits - logits.max())
        priors /= priors.sum()
        order = np.argsort(-priors, kind="stable")
        value = float(values[0])
        return Node(board, value, actions[order].tolist(), priors[order].tolist(), total=value)

    def _scale(self, node: Node) -> float:
        """The factor of action values on the scale of logits (equation 8)."""
        most = max((child.visits for child in node.children.values()), default=0)
        return (self._settings.c_visit + most) * self._settings.c_scale

    def _score(self, node: Node, edge: int) -> float:
        return math.log(node.priors[edge]) + self._scale(node) * node.completed(edge)

    def _choose(self, node: Node) -> int:
        """The edge whose visits lag most behind the improved policy (equation 14)."""
        scores = np.array([self._score(node, edge) for edge in range(len(node.actions))])
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        visits = np.array([node.visits_of(edge) for edge in range(len(node.actions))])
        return int(np.argmax(shares - visits / (1 + visits.sum())))

    def _simulate(self, root: Node, edge: int) -> None:
        path = [root]
        while edge in path[-1].children:
            path.append(path[-1].children[edge])
            edge = self._choose(path[-1])
        board = path[-1].board.copy()
        board.push_action(path[-1].actions[edge])
        assert board.outcome(max_plies=self._rules.max_plies) is None
        node = path[-1].children[edge] = self._node(board)
        value = node.value
        for each in reversed(path):
            value = -value
            each.visits += 1
            each.total += value
