"""What a search has found, line by line, for people to read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.labels import moves_in_slots
from keisei.games.layout import side_to_move
from keisei.games.pool import Pool
from keisei.search.planting import is_mate_in_one
from keisei.search.tree import DRAWN, LOST, NO_CHILD, UNKNOWN, WON, Tree
from keisei.shogi.constants import WHITE
from keisei.shogi.jit import kernel
from keisei.shogi.moves import Move

UNKNOWN_PLIES = -1
_LONGEST = 64
_PROVEN = 1e9


class Line(NamedTuple):
    """One action of a root and what is expected to follow.

    Attributes:
        moves: The principal variation, of at least one move.
        visits: Of the first move.
        value: In [-1, 1], to the player who makes it.
        proven: WON, LOST, DRAWN or UNKNOWN, for that player.
        plies: To the end of a game that is won or lost, this move among them, if all play their
            best as far as the tree knows; else UNKNOWN_PLIES.
    """

    moves: list[Move]
    visits: int
    value: float
    proven: int
    plies: int


@kernel
def _count_plies(tree: Tree, ends: NDArray[np.uint8], plies: NDArray[np.int32]) -> None:
    """Plies from each proven node to the end of the game; children stand behind their parents."""
    for node in range(len(plies) - 1, -1, -1):
        plies[node] = UNKNOWN_PLIES
        if ends[node] != 0:
            plies[node] = 0
        elif is_mate_in_one(tree, node):
            plies[node] = 1
        elif tree.proven[node] == WON or tree.proven[node] == LOST:
            first = tree.first_edges[node]
            for edge in range(first, first + tree.num_children[node]):
                child = tree.children[edge]
                if child == NO_CHILD or tree.proven[child] != -tree.proven[node]:
                    continue
                if plies[child] == UNKNOWN_PLIES:
                    continue
                own = plies[child] + 1
                if plies[node] == UNKNOWN_PLIES:
                    plies[node] = own
                elif tree.proven[node] == WON:
                    plies[node] = min(plies[node], own)
                else:
                    plies[node] = max(plies[node], own)


def read_lines(tree: Tree, pool: Pool, root: int, played: int, count: int) -> list[Line]:
    """The best lines of one tree, the best first.

    Args:
        tree: The trees.
        pool: The positions of their nodes.
        root: Whose lines.
        played: The action that the search would play.
        count: How many lines at most; actions without a visit have none.
    """
    plies = np.full(len(tree.visits), UNKNOWN_PLIES, np.int32)
    if tree.proven[_children(tree, root)[1]].any():
        _count_plies(tree, pool.nodes.ends, plies)
    edges, children = _children(tree, root)
    order = np.argsort(-_merits(tree, children, plies), kind="stable")
    # What is played may have been chosen by more than visits.
    order = sorted(order.tolist(), key=lambda place: tree.actions[edges[place]] != played)
    return [_line(tree, pool, int(edges[place]), plies) for place in order[:count]]


def _children(tree: Tree, node: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The edges of a node that have a child, int64 [n], and the children, int32 [n]."""
    first = int(tree.first_edges[node])
    edges = np.arange(first, first + int(tree.num_children[node]))
    edges = edges[tree.children[edges] != NO_CHILD]
    return edges, tree.children[edges]


def _merits(
    tree: Tree, children: NDArray[np.int32], plies: NDArray[np.int32]
) -> NDArray[np.float64]:
    """How good nodes are for who moves to them: quick wins first, late losses last but one."""
    visits, proven = tree.visits[children], tree.proven[children]
    merits = visits - 0.25 * tree.totals[children] / np.maximum(visits, 1)
    merits[proven == LOST] = _PROVEN - plies[children[proven == LOST]]
    merits[proven == WON] = plies[children[proven == WON]] - _PROVEN
    return merits.astype(np.float64)


def _line(tree: Tree, pool: Pool, edge: int, plies: NDArray[np.int32]) -> Line:
    """The line that begins with an edge of a root."""
    first = child = int(tree.children[edge])
    slots = pool.nodes.slots
    parents, actions = [int(tree.parents[child])], [int(tree.actions[edge])]
    while len(actions) < _LONGEST:
        edges, children = _children(tree, child)
        if not len(edges):
            if is_mate_in_one(tree, child) and not pool.nodes.ends[child]:
                parents.append(child)
                actions.append(int(tree.actions[tree.first_edges[child]]))
            break
        best = int(np.argmax(_merits(tree, children, plies)))
        parents.append(child)
        actions.append(int(tree.actions[edges[best]]))
        child = int(children[best])
    turned = [side_to_move(slots, parent) == WHITE for parent in parents]
    moves = moves_in_slots(slots, np.array(parents), np.array(actions), np.array(turned))
    proven = int(tree.proven[first])
    return Line(
        moves,
        int(tree.visits[first]),
        _value_before(tree, first),
        proven if proven in (UNKNOWN, DRAWN) else -proven,
        UNKNOWN_PLIES if plies[first] == UNKNOWN_PLIES else int(plies[first]) + 1,
    )


def _value_before(tree: Tree, child: int) -> float:
    """What a node is worth to who moves to it, in [-1, 1]."""
    proven = int(tree.proven[child])
    if proven == DRAWN:
        return 0.0
    if proven != UNKNOWN:
        return float(-proven)
    return float(-tree.totals[child] / max(int(tree.visits[child]), 1))
