"""Mates by checks, in many games at once: who mates by force, and how."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.endings import Rules
from keisei.games.hashing import mix
from keisei.games.history import NO_HISTORY, History
from keisei.games.layout import LANES, Slots, copy_slot, turn_of
from keisei.games.mate_lines import follow
from keisei.games.pool import Pool
from keisei.games.proofs import (
    INFINITE,
    IS_CUT,
    MAX_DEPTH,
    NODES,
    NUMBER,
    TURN_KEY,
    Prover,
    Task,
    key_of,
    new_prover,
    settle,
)
from keisei.games.proving import look_at_block, prove
from keisei.games.standing import Standing
from keisei.shogi.bitboard import ZERO
from keisei.shogi.intrinsics import Held, borrow, hold
from keisei.shogi.jit import Int, kernel, kernel_part

MATE, REFUTED, UNKNOWN = 1, -1, 0
"""Verdicts."""

_LEAST_POSITIONS, _MOST_POSITIONS = 1 << 10, 1 << 28
_LAST_REPEAT = 3
"""Earlier occurrences with which repetition ends a game."""


class Mates(NamedTuple):
    """What is known of T positions.

    Attributes:
        verdicts: int8 [T]: MATE, the player to move mates by force, with check at each move;
            REFUTED, there is no such mate (of so many plies, before the ply cap); UNKNOWN.
        lines: int64 [T, MAX_DEPTH], where there is a mate the actions of a line to it, each in its
            mover's view, -1 behind them. The defender holds out for long in it, but neither side
            need do its best.
        lengths: int32 [T], plies of the lines. The first action is always there; a line that the
            table has lost and that took too long to find again ends before the mate.
        nodes: int64 [T], positions whose moves have been looked at.
    """

    verdicts: NDArray[np.int8]
    lines: NDArray[np.int64]
    lengths: NDArray[np.int32]
    nodes: NDArray[np.int64]


class _Source(NamedTuple):
    """Positions with what came before them; as for ``keisei.games.history.occurrences``."""

    slots: Slots
    parents: NDArray[np.int32]
    history: History


class _Wanted(NamedTuple):
    """What is looked for.

    Attributes:
        nodes: For each root.
        plies: The longest mate.
        max_plies: The ply cap.
        number: Of the search of the first root; the others' follow.
        depth: 0, that of roots. Numba would compile all that a plain 0 is handed to for that alone.
    """

    nodes: int
    plies: int
    max_plies: int
    number: int
    depth: int = 0


@kernel
def _spent_positions(source: _Source, root: Int, plies: Int) -> NDArray[np.uint64]:
    """Keys of positions before a root that have occurred so often that once more ends the game.

    A mate itself cannot have occurred, so that for one in less than three plies there is no need.
    """
    slots, parents, history = source
    if plies < 3:
        return np.empty(0, np.uint64)
    past = np.empty(slots.plies[root], np.uint64)
    found, node = 0, root
    while parents[node] >= 0:
        node = parents[node]
        past[found] = key_of(slots, node)
        found += 1
    if parents[node] != NO_HISTORY:
        game, turn = -2 - parents[node], turn_of(slots, node)
        first = np.int64(slots.plies[node])
        for ply in range(first):
            side = np.uint64(turn ^ ((first - ply) & 1))
            past[found] = history.hashes[game, ply & 1, ply >> 1] + TURN_KEY * side
            found += 1
    spent = np.empty(found // _LAST_REPEAT, np.uint64)
    num_spent = 0
    for index in range(found):
        times = 0
        for other in range(index, found):
            times += np.int64(past[other] == past[index])
        if times == _LAST_REPEAT:
            spent[num_spent] = past[index]
            num_spent += 1
    return spent[:num_spent]


@kernel_part
def _solve_root(
    held: Held[Prover], source: _Source, wanted: _Wanted, row: Int, root: Int, found: Mates
) -> None:
    """Look for a mate in slot ``root`` of the source, a copy of which stands in the first frame."""
    prover = borrow(held)
    counts, numbers = prover.counts, prover.numbers
    slot = np.int64(prover.frames[0, 0])
    left = wanted.max_plies - np.int64(source.slots.plies[root])
    plies = min(wanted.plies, left)
    is_exact = bool(plies < MAX_DEPTH or left == MAX_DEPTH)
    task = Task(mix(np.uint64(wanted.number + row)), plies, is_exact)
    settle(prover, slot, INFINITE, 0, ZERO)
    prover.keys[slot] = key_of(prover.slots, slot)
    counts[NODES] = 0
    spent = _spent_positions(source, root, plies)
    if plies > 0:
        prove(held, task, spent, wanted.depth, wanted.nodes)
    found.nodes[row] += counts[NODES]
    if numbers[slot, 0] == 0:
        found.verdicts[row] = MATE
        found.lengths[row] = follow(held, task, spent, wanted.nodes, found.lines[row])
    elif numbers[slot, 1] == 0 and counts[IS_CUT] == 0:
        found.verdicts[row] = REFUTED


@kernel
def _solve_roots(
    held: Held[Prover],
    source: _Source,
    roots: NDArray[np.int64],
    wanted: _Wanted,
    found: Mates,
    cuts: NDArray[np.uint8],
) -> None:
    """Look for a mate in each of some slots, int64 [n], that is UNKNOWN yet.

    ``cuts``, uint8 [n], notes where a line was too long to be followed.
    """
    prover = borrow(held)
    counts = prover.counts
    counts[NUMBER] = wanted.number
    for row in range(len(roots)):
        top = row % LANES
        if top == 0:
            past = min(LANES, len(roots) - row)
            for slot in range(past):
                copy_slot(prover.slots, slot, source.slots, roots[row + slot])
            look_at_block(held, wanted.depth, wanted.depth)
        if found.verdicts[row] == UNKNOWN:
            prover.frames[0, 0] = top
            counts[IS_CUT] = cuts[row]
            _solve_root(held, source, wanted, row, roots[row], found)
            cuts[row] = counts[IS_CUT]


class MateSolver:
    """Looks for mates by df-pn (keisei/games/proving.py has the method and its sources).

    The attacker gives check with each move, the defender has every legal answer. Ends are those of
    the game: a mating pawn drop is no move, a position that comes up again in a line or for the
    fourth time in the game is no mate, nor is a mate beyond the ply cap. Declarations change
    nothing: a player in check may not declare.

    Its memory is bounded: 3 MB, and 46 bytes a position of the table. Where the table is full, what
    took the least work goes first; a search takes longer then, but what it says is as true. A line
    for whose positions' children there is no room is not followed, nor one of more than MAX_DEPTH
    plies, and a search that would have had to is never one of REFUTED. The same calls of a new
    solver have the same answers. It is for one thread at a time; who wants to stop it looks in
    small portions (``go_on``). A thousand nodes take about 6 ms.

    Args:
        positions: Room of the table; rounded up to a power of two.

    Raises:
        ValueError: When that is not from 1 to 2 ** 28.
    """

    def __init__(self, positions: int = 1 << 17) -> None:
        if not 1 <= positions <= _MOST_POSITIONS:
            raise ValueError(
                f"positions={positions} has to be a whole number from 1 to {_MOST_POSITIONS:,}."
            )
        size = max(_LEAST_POSITIONS, 1 << (positions - 1).bit_length())
        self._prover = new_prover(size)
        self._held = hold(self._prover)
        self._searches = 0
        self._last: tuple[Mates, NDArray[np.uint8], int] | None = None

    def solve(
        self, standing: Standing, nodes: int, *, plies: int = MAX_DEPTH, go_on: bool = False
    ) -> Mates:
        """Look for a mate where each of T games stands.

        Args:
            standing: The games, which must go on.
            nodes: Positions that may be looked at for each game.
            plies: The longest mate that counts, 1 to MAX_DEPTH.
            go_on: Take up the searches of the call before, which was about the same games as they
                stand now and so many plies, where it left them.

        Raises:
            ValueError: A number is out of range, or there is nothing to go on with.
        """
        parents = -2 - np.arange(len(standing.slots.plies), dtype=np.int32)
        source = _Source(standing.slots, parents, standing.history)
        return self._solve(source, standing.games, standing.rules, nodes, plies, go_on=go_on)

    def solve_slots(
        self,
        pool: Pool,
        slots: NDArray[np.int64],
        rules: Rules,
        nodes: int,
        *,
        plies: int = MAX_DEPTH,
        go_on: bool = False,
    ) -> Mates:
        """Look for a mate in each of T slots of a pool, such as leaves of trees.

        Args:
            pool: It must not be changed meanwhile.
            slots: int64 [T].
            rules: What is played by.
            nodes: As for ``solve``, like what follows.
            plies: As there.
            go_on: As there.

        Raises:
            ValueError: As there.
        """
        source = _Source(pool.nodes.slots, pool.nodes.parents, pool.nodes.history)
        return self._solve(source, slots, rules, nodes, plies, go_on=go_on)

    def _solve(
        self,
        source: _Source,
        roots: NDArray[np.int64],
        rules: Rules,
        nodes: int,
        plies: int,
        *,
        go_on: bool,
    ) -> Mates:
        roots = np.ascontiguousarray(roots, np.int64)
        if not 1 <= nodes <= np.iinfo(np.int32).max:
            raise ValueError(f"nodes={nodes} has to be a whole number from 1 to 2,147,483,647.")
        if not 1 <= plies <= MAX_DEPTH:
            raise ValueError(f"plies={plies} has to be a whole number from 1 to {MAX_DEPTH}.")
        if len(roots) and not 0 <= roots.min() <= roots.max() < len(source.slots.plies):
            raise ValueError(
                f"Slots {roots.min()} to {roots.max()} are asked about; there are "
                f"{len(source.slots.plies)}."
            )
        if not go_on:
            self._begin(len(roots))
        elif self._last is None or len(self._last[0].nodes) != len(roots):
            raise ValueError(f"No search of {len(roots)} positions has been begun to go on with.")
        assert self._last is not None
        found, cuts, number = self._last
        wanted = _Wanted(nodes, plies, rules.max_plies, number)
        _solve_roots(self._held, source, roots, wanted, found, cuts)
        return Mates(
            found.verdicts.copy(), found.lines.copy(), found.lengths.copy(), found.nodes.copy()
        )

    def _begin(self, count: int) -> None:
        found = Mates(
            verdicts=np.full(count, UNKNOWN, np.int8),
            lines=np.full((count, MAX_DEPTH), -1, np.int64),
            lengths=np.zeros(count, np.int32),
            nodes=np.zeros(count, np.int64),
        )
        self._last = found, np.zeros(count, np.uint8), self._searches
        self._searches += count
