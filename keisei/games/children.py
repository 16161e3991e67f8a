"""Looking one move ahead in many positions."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.masks import mask_words
from keisei.games.pool import Pool
from keisei.shogi.constants import BLACK, NUM_SQUARES

_PARENTS = 64
_ROOM = 2048
"""Positions after one move that are looked at together; more than MAX_LEGAL_MOVES."""


class Children(NamedTuple):
    """Positions after every legal move of some positions, all moves of each side by side.

    Attributes:
        rows: int64 [C], which position each comes from.
        actions: int64 [C], by which action.
        captured: uint8 [C], the code of the piece that it takes, the opponent's + OTHER_SIDE; 0
            for none.
        in_check: bool [C], True where the opponent is in check then.
        is_stuck: bool [C], True where the opponent has no legal move then.
    """

    rows: NDArray[np.int64]
    actions: NDArray[np.int64]
    captured: NDArray[np.uint8]
    in_check: NDArray[np.bool_]
    is_stuck: NDArray[np.bool_]


class Lookahead:
    """Finds the positions after every legal move of many positions.

    Several threads may share one: each look has a pool of its own while it lasts.
    """

    def __init__(self) -> None:
        self._spare = [Pool(_PARENTS + _ROOM)]

    def children(
        self, state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]
    ) -> Iterator[Children]:
        """The positions after every legal move, those of some positions at a time.

        Args:
            state: uint8 [n, 100], compact states.
            mask_bits: uint8 [n, 274], their packed legal actions.
        """
        try:
            pool = self._spare.pop()
        except IndexError:
            pool = Pool(_PARENTS + _ROOM)
        nodes = pool.nodes
        for begin in range(0, len(state), _PARENTS):
            part = state[begin : begin + _PARENTS]
            # In its mover's view each is a position with Black to move.
            pool.begin(0, part, np.zeros(len(part), np.int64))
            nodes.legal[: len(part)] = mask_words(mask_bits[begin : begin + _PARENTS])
            first = 0
            while first < len(part):
                first, past = pool.expand(first, len(part), _PARENTS, _PARENTS + _ROOM)
                pool.generate(_PARENTS, past)
                found = slice(_PARENTS, past)
                parents, actions = nodes.parents[found], nodes.actions[found].copy()
                yield Children(
                    rows=begin + parents.astype(np.int64),
                    actions=actions,
                    captured=nodes.slots.boards[parents, BLACK, actions % NUM_SQUARES],
                    in_check=nodes.slots.in_check[found] != 0,
                    is_stuck=nodes.is_stuck[found].copy(),
                )
        self._spare.append(pool)

    def has_mate(self, state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether the player to move can checkmate with one move, in many positions.

        Args:
            state: uint8 [n, 100], compact states.
            mask_bits: uint8 [n, 274], their packed legal actions.

        Returns:
            bool [n]; a stalemate, though won, is no mate.
        """
        mates = np.zeros(len(state), np.bool_)
        for found in self.children(state, mask_bits):
            mates[found.rows[found.in_check & found.is_stuck]] = True
        return mates
