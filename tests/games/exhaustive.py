"""Mates by trying everything, on the verbs of a pool alone: what the solver is compared with."""

import numpy as np
from numpy.typing import NDArray

from keisei.games.pool import Pool
from keisei.shogi.notation import parse_sfen

_ROOM = 1 << 16


class Exhaustive:
    """Tries all checks and all answers to them. Repetition and the ply cap are not looked at."""

    def __init__(self) -> None:
        self._pool = Pool(_ROOM)

    def shortest(self, sfen: str, most: int) -> int:
        """Plies (1, 3, ... most) in which the player to move mates by checks, 0 if in none."""
        start = parse_sfen(sfen)
        self._pool.set_up(0, start.view()[None], np.array([start.to_move]))
        for plies in range(1, most + 1, 2):
            if self._mates(0, 1, plies):
                return plies
        return 0

    def _children(self, first: int, last: int, target: int) -> int:
        parent, past = self._pool.expand(first, last, target, _ROOM)
        assert parent == last, "no room"
        if past > target:
            self._pool.generate(target, past)
        return past

    def _checks(self, first: int, last: int) -> NDArray[np.int64]:
        return first + np.flatnonzero(self._pool.nodes.slots.in_check[first:last])

    def _mates(self, slot: int, top: int, plies: int) -> bool:
        past = self._children(slot, slot + 1, top)
        checks = self._checks(top, past)
        if self._pool.nodes.is_stuck[checks].any():
            return True
        return plies > 1 and any(self._is_lost(check, past, plies - 1) for check in checks.tolist())

    def _is_lost(self, slot: int, top: int, plies: int) -> bool:
        """Whether each answer to a check is followed by a mate."""
        past = self._children(slot, slot + 1, top)
        if plies == 2:
            last = self._children(top, past, past)
            checks = self._checks(past, last)
            mates = checks[self._pool.nodes.is_stuck[checks]]
            return len(np.unique(self._pool.nodes.parents[mates])) == past - top
        return all(self._mates(answer, past, plies - 1) for answer in range(top, past))
