"""A pool of positions: many slots side by side, and the verbs on them.

A slot is a node: it knows the slot of the position before, so that a line of moves, a tree, or the
children of many positions are all the same to the rules. What a node costs is about 700 bytes; its
repetitions are found by walking its ancestors (keisei.games.history).
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from keisei.games import verbs
from keisei.games.endings import Rules
from keisei.games.generating import new_scratch
from keisei.games.history import History, new_history
from keisei.games.standing import Standing
from keisei.games.verbs import Nodes
from keisei.shogi.bitboard import Bitboard
from keisei.shogi.features import STATE_SIZE
from keisei.shogi.intrinsics import hold
from keisei.shogi.jit import Int


class Pool:
    """S slots, in each of which a position may stand, and what can be done with them.

    A verb takes slots by their first and the one past their last, writes what ``Nodes`` says, and
    checks nothing: slots must exist, actions must be legal, moves must have been generated.

    Args:
        size: S.
        history: Of the games that roots may stand in, if any.

    Attributes:
        nodes: The arrays, for reading.
    """

    def __init__(self, size: int, history: History | None = None) -> None:
        self._take(verbs.new_nodes(size, new_history(0, 0) if history is None else history))

    @classmethod
    def of_games(cls, standing: Standing, room: int) -> Self:
        """A pool whose first slots stand where games do, their moves generated, as roots of trees.

        Args:
            standing: The games, whose whole histories are copied.
            room: Slots behind them.

        Raises:
            ValueError: When there is less than none.
        """
        if room < 0:
            raise ValueError(f"room={room} has to be a whole number from 0.")
        games = standing.games
        pool = cls(len(games) + room, History(*(array[games] for array in standing.history)))
        verbs.copy_games(pool._held, standing.slots, games)
        verbs.generate(pool._held, 0, len(games))
        return pool

    def begin(self, first: int, views: NDArray[np.uint8], turns: NDArray[np.int64]) -> None:
        """Set up positions, each as the first of its game.

        Args:
            first: The slot of the first one; the others follow it.
            views: uint8 [n, >= 95], what Black sees: codes by square, the opponent's + OTHER_SIDE,
                then counts of own hand and opponent's, PAWN to GOLD. Compact states will do, as
                positions in which Black is to move.
            turns: int64 [n], BLACK or WHITE.
        """
        verbs.begin(self._held, first, views, turns)

    def set_up(
        self, first: int, views: NDArray[np.uint8], turns: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Begin with positions of anybody's, and generate their moves.

        Arguments as for ``begin``.

        Returns:
            bool [n], True where the side that has just moved is in check, which no game allows.
        """
        last = first + len(turns)
        verbs.begin(self._held, first, views, 1 - turns)
        verbs.generate(self._held, first, last)
        left_in_check = self.nodes.slots.in_check[first:last] != 0
        verbs.begin(self._held, first, views, turns)
        verbs.generate(self._held, first, last)
        return left_in_check

    def generate(self, first: int, last: int) -> None:
        """Find legal actions, and who is in check."""
        verbs.generate(self._held, first, last)

    def count(self, first: int, last: int) -> int:
        """Number of legal actions of all these slots."""
        return int(verbs.count_actions(self._held, first, last))

    def expand(self, first: int, last: int, target: int, room_end: int) -> tuple[int, int]:
        """Write the children of some slots into consecutive ones, in the order of their actions.

        Args:
            first: The first parent.
            last: The slot past the last parent.
            target: The slot of the first child.
            room_end: The slot past the last that may be written.

        Returns:
            The first parent whose children had no room, ``last`` if all had; and the slot past the
            last child.
        """
        return verbs.expand(self._held, first, last, target, room_end)

    def advance(self, parents: NDArray[np.int64], actions: NDArray[np.int64], target: int) -> None:
        """Write the position after one action of each of some slots into consecutive ones.

        Args:
            parents: int64 [n], slots.
            actions: int64 [n], a legal action of each.
            target: The slot of the first position; the others follow it.
        """
        verbs.advance(self._held, parents, actions, target)

    def judge(self, first: int, last: int, rules: Rules) -> None:
        """Find repetitions, and which games are over; parents must have been judged."""
        verbs.judge(self._held, first, last, rules)

    def observe(self, chosen: NDArray[np.int64], max_plies: int) -> NDArray[np.uint8]:
        """Compact states, uint8 [n, STATE_SIZE], of slots int64 [n].

        Args:
            chosen: The slots.
            max_plies: The ply cap of their games.
        """
        states = np.empty((len(chosen), STATE_SIZE), np.uint8)
        verbs.observe(self._held, chosen, max_plies, states)
        return states

    def legal_actions(
        self, chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Offsets int64 [n + 1] and, one slot after the other, legal actions int64 [m] of slots."""
        offsets = np.empty(len(chosen) + 1, np.int64)
        return offsets, verbs.list_actions(self._held, chosen, offsets)

    def checkers(self, slot: int) -> Bitboard:
        """The pieces that give check to the player to move, in that player's view."""
        # In room of this call alone: other threads may look, too.
        return verbs.checkers(self._held, slot, new_scratch())

    def end_of(self, slot: int, rules: Rules) -> tuple[Int, Int]:
        """The end and the winner, by these rules, of a slot that has been judged before."""
        return verbs.end_of(self._held, slot, rules)

    def can_declare(self, slot: int) -> bool:
        """Whether the player to move may win by declaration (27-point rule)."""
        return bool(verbs.may_declare(self._held, slot))

    def grow(self, size: int) -> None:
        """Take more slots, behind those there are."""
        nodes = verbs.new_nodes(size, self.nodes.history)
        for new, old in zip(_slot_arrays(nodes), _slot_arrays(self.nodes), strict=True):
            new[: len(old)] = old
        self._take(nodes)

    def __getstate__(self) -> Nodes:
        """What a copy or a pickle takes along: no native memory."""
        return self.nodes

    def __setstate__(self, nodes: Nodes) -> None:
        """Go on as a copy with arrays of its own."""
        self._take(nodes)

    def _take(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self._held = hold(nodes)


def _slot_arrays(nodes: Nodes) -> list[NDArray[Any]]:
    """The arrays that grow with the number of slots."""
    apart = ("slots", "history", "scratch")
    own = nodes._asdict()
    return [*nodes.slots, *(own[name] for name in own if name not in apart)]
