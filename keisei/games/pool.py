"""A pool of positions: many slots side by side, and the verbs on them.

A slot is a node: it knows the slot of the position before, so that a line of moves, a tree, or the
children of many positions are all the same to the rules. What a node costs is about 700 bytes; its
repetitions are found by walking its ancestors (keisei.games.history).
"""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from keisei.games.endings import Rules, can_declare, judge_node
from keisei.games.generating import (
    Scratch,
    can_move,
    checkers_in,
    find_moves,
    generate_block,
    gives_check,
    new_scratch,
)
from keisei.games.history import NO_HISTORY, History, new_history, record_check
from keisei.games.layout import Slots, block_of, copy_slot, new_slots, repeat_slot, slots_of
from keisei.games.masks import MASK_WORDS, count_legal, new_masks
from keisei.games.observing import write_state
from keisei.games.placing import apply_action, place
from keisei.games.standing import Standing
from keisei.shogi.bitboard import ONE, ZERO, Bitboard, lowest_bit
from keisei.shogi.features import STATE_SIZE
from keisei.shogi.intrinsics import Held, borrow, hold
from keisei.shogi.jit import Int, inline_kernel, kernel


class Nodes(NamedTuple):
    """What a pool of S slots holds.

    Attributes:
        slots: The positions.
        parents: int32 [S], the slot of the position before; of a root -1, or -2 - the row of the
            history that leads to it.
        actions: int64 [S], the action that led to it from there, -1 for a root.
        legal: uint64 [S in whole blocks, MASK_WORDS], packed legal actions, once generated.
        is_stuck: bool [S], True where there is none, once generated.
        ends: uint8 [S], keisei.shogi.Termination, once judged.
        winners: int8 [S], BLACK, WHITE or -1 for nobody, once judged.
        history: Of the games that roots stand in.
        scratch: Room for the generator.
    """

    slots: Slots
    parents: NDArray[np.int32]
    actions: NDArray[np.int64]
    legal: NDArray[np.uint64]
    is_stuck: NDArray[np.bool_]
    ends: NDArray[np.uint8]
    winners: NDArray[np.int8]
    history: History
    scratch: Scratch


def _new_nodes(size: int, history: History) -> Nodes:
    return Nodes(
        slots=new_slots(size),
        parents=np.full(size, NO_HISTORY, np.int32),
        actions=np.full(size, -1, np.int64),
        legal=new_masks(size),
        is_stuck=np.zeros(size, np.bool_),
        ends=np.zeros(size, np.uint8),
        winners=np.full(size, -1, np.int8),
        history=history,
        scratch=new_scratch(),
    )


@kernel
def _begin(
    held: Held[Nodes], first: int, views: NDArray[np.uint8], turns: NDArray[np.int64]
) -> None:
    nodes = borrow(held)
    for row in range(len(turns)):
        slot = first + row
        place(nodes.slots, slot, views, row, turns[row])
        nodes.parents[slot] = NO_HISTORY
        nodes.actions[slot] = -1


@kernel
def _generate(held: Held[Nodes], first: int, last: int) -> None:
    nodes = borrow(held)
    for block in range(block_of(first), block_of(last - 1) + 1):
        find_moves(nodes.slots.words, block, nodes.scratch, nodes.legal)
        begin, end = slots_of(block, last)
        for slot in range(max(first, begin), end):
            nodes.slots.in_check[slot] = gives_check(nodes.scratch, slot)
            nodes.is_stuck[slot] = not can_move(nodes.scratch, slot)


@kernel
def _count(held: Held[Nodes], first: int, last: int) -> Int:
    legal = borrow(held).legal
    total = 0
    for slot in range(first, last):
        total += count_legal(legal, slot)
    return total


@kernel
def _expand(
    held: Held[Nodes], first: int, last: int, target: int, room_end: int
) -> tuple[int, int]:
    nodes = borrow(held)
    slots, legal, child = nodes.slots, nodes.legal, target
    for parent in range(first, last):
        past = child + count_legal(legal, parent)
        if past > room_end:
            return parent, child
        repeat_slot(slots, parent, child, past)
        for word in range(MASK_WORDS):
            bits = legal[parent, word]
            while bits != ZERO:
                action = word * 64 + lowest_bit(bits)
                bits &= bits - ONE
                apply_action(slots, child, action)
                nodes.parents[child] = parent
                nodes.actions[child] = action
                child += 1
    return last, child


@kernel
def _advance(
    held: Held[Nodes], parents: NDArray[np.int64], actions: NDArray[np.int64], target: int
) -> None:
    nodes = borrow(held)
    for row in range(len(parents)):
        child, parent = target + row, parents[row]
        repeat_slot(nodes.slots, parent, child, child + 1)
        apply_action(nodes.slots, child, actions[row])
        nodes.parents[child] = parent
        nodes.actions[child] = actions[row]


@inline_kernel
def _verdict(nodes: Nodes, slot: Int, rules: Rules) -> tuple[Int, Int]:
    moves = not nodes.is_stuck[slot]
    return judge_node(nodes.slots, nodes.parents, nodes.history, slot, moves, rules)


@kernel
def _judge(held: Held[Nodes], first: int, last: int, rules: Rules) -> None:
    nodes = borrow(held)
    slots, parents = nodes.slots, nodes.parents
    for slot in range(first, last):
        parent = parents[slot]
        if parent >= 0:
            # Counted from the parent on, so that a node may be judged more than once.
            for side in range(2):
                slots.check_runs[slot, side] = slots.check_runs[parent, side]
            record_check(slots, slot, slots.in_check[slot] != 0)
        nodes.ends[slot], nodes.winners[slot] = _verdict(nodes, slot, rules)


@kernel
def _observe(
    held: Held[Nodes], first: int, last: int, max_plies: int, out: NDArray[np.uint8]
) -> None:
    slots = borrow(held).slots
    for slot in range(first, last):
        write_state(slots, slot, max_plies, out, slot - first)


@kernel
def _checkers(held: Held[Nodes], slot: int, scratch: Scratch) -> Bitboard:
    generate_block(borrow(held).slots.words, block_of(slot), scratch.planes)
    return checkers_in(scratch, slot)


@kernel
def _end_of(held: Held[Nodes], slot: int, rules: Rules) -> tuple[Int, Int]:
    return _verdict(borrow(held), slot, rules)


@kernel
def _can_declare(held: Held[Nodes], slot: int) -> bool:
    return can_declare(borrow(held).slots, slot)


@kernel
def _copy_games(held: Held[Nodes], source: Slots, games: NDArray[np.int64]) -> None:
    nodes = borrow(held)
    slots = nodes.slots
    for slot in range(len(games)):
        game = games[slot]
        copy_slot(slots, slot, source, game)
        slots.plies[slot] = source.plies[game]
        slots.repeats[slot] = source.repeats[game]
        for side in range(2):
            slots.check_runs[slot, side] = source.check_runs[game, side]
        nodes.parents[slot] = -2 - slot
        nodes.actions[slot] = -1


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
        self._take(_new_nodes(size, new_history(0, 0) if history is None else history))

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
        _copy_games(pool._held, standing.slots, games)
        _generate(pool._held, 0, len(games))
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
        _begin(self._held, first, views, turns)

    def set_up(
        self, first: int, views: NDArray[np.uint8], turns: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Begin with positions of anybody's, and generate their moves.

        Arguments as for ``begin``.

        Returns:
            bool [n], True where the side that has just moved is in check, which no game allows.
        """
        last = first + len(turns)
        _begin(self._held, first, views, 1 - turns)
        _generate(self._held, first, last)
        left_in_check = self.nodes.slots.in_check[first:last] != 0
        _begin(self._held, first, views, turns)
        _generate(self._held, first, last)
        return left_in_check

    def generate(self, first: int, last: int) -> None:
        """Find legal actions, and who is in check."""
        _generate(self._held, first, last)

    def count(self, first: int, last: int) -> int:
        """Number of legal actions of all these slots."""
        return int(_count(self._held, first, last))

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
        return _expand(self._held, first, last, target, room_end)

    def advance(self, parents: NDArray[np.int64], actions: NDArray[np.int64], target: int) -> None:
        """Write the position after one action of each of some slots into consecutive ones.

        Args:
            parents: int64 [n], slots.
            actions: int64 [n], a legal action of each.
            target: The slot of the first position; the others follow it.
        """
        _advance(self._held, parents, actions, target)

    def judge(self, first: int, last: int, rules: Rules) -> None:
        """Find repetitions, and which games are over; parents must have been judged."""
        _judge(self._held, first, last, rules)

    def observe(self, first: int, last: int, max_plies: int) -> NDArray[np.uint8]:
        """The compact states, uint8 [n, STATE_SIZE], in games of at most ``max_plies`` plies."""
        states = np.empty((last - first, STATE_SIZE), np.uint8)
        _observe(self._held, first, last, max_plies, states)
        return states

    def checkers(self, slot: int) -> Bitboard:
        """The pieces that give check to the player to move, in that player's view."""
        # In room of this call alone: other threads may look, too.
        return _checkers(self._held, slot, new_scratch())

    def end_of(self, slot: int, rules: Rules) -> tuple[Int, Int]:
        """The end and the winner, by these rules, of a slot that has been judged before."""
        return _end_of(self._held, slot, rules)

    def can_declare(self, slot: int) -> bool:
        """Whether the player to move may win by declaration (27-point rule)."""
        return bool(_can_declare(self._held, slot))

    def grow(self, size: int) -> None:
        """Take more slots, behind those there are."""
        nodes = _new_nodes(size, self.nodes.history)
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
