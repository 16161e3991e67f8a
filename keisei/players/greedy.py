"""A player of one ply: it mates if it can, else takes what is worth most, else moves at random."""

import itertools

import numpy as np
from numpy.typing import NDArray

from keisei.players.positions import Positions, legal_words, place_state
from keisei.shogi.actions import nth_legal
from keisei.shogi.constants import BLACK, NUM_SQUARES, OTHER_SIDE
from keisei.shogi.jit import kernel
from keisei.shogi.movegen import ANY_MOVE_WORD, PLANE_WORDS, generate_blocks, new_planes
from keisei.shogi.position import LANES, Games, apply_action, copy_position, new_games

_ROOM = 2048
"""Positions after one move that are looked at together; more than MAX_LEGAL_MOVES."""
_PARENT = _ROOM
"""Where the position before the move stands, behind those after it."""

PIECE_VALUES = (0, 1, 3, 4, 5, 8, 10, 6, 0, 7, 6, 6, 6, 10, 12)
"""What a captured piece is worth, by its code (EMPTY to DRAGON): Tanigawa's points of 1982."""
_VALUES = np.array(PIECE_VALUES, np.int64)
_WIN = 1000


@kernel
def _expand(
    state: NDArray[np.uint8],
    legal: NDArray[np.uint64],
    edges: NDArray[np.int64],
    games: Games,
    found: NDArray[np.int64],
) -> None:
    """Write the position after every move of some states.

    Args:
        state: uint8 [n, 100].
        legal: uint64 [n, MASK_WORDS].
        edges: int64 [n + 1], where each state's moves begin; edges[0] = 0.
        games: room for _ROOM positions and one more.
        found: int64 [2, _ROOM], the action and the value of the piece it takes.
    """
    for row in range(len(state)):
        place_state(games, _PARENT, state, row)
        for child in range(edges[row], edges[row + 1]):
            action = nth_legal(legal, row, child - edges[row])
            captured = np.int64(games.boards[_PARENT, BLACK, action % NUM_SQUARES])
            copy_position(games, child, games, _PARENT)
            apply_action(games, child, action)
            found[0, child] = action
            found[1, child] = _VALUES[captured - OTHER_SIDE] if captured > OTHER_SIDE else 0


@kernel
def _pick(
    planes: NDArray[np.uint64],
    found: NDArray[np.int64],
    edges: NDArray[np.int64],
    uniforms: NDArray[np.float64],
    out: NDArray[np.int64],
) -> None:
    """Choose uniformly among each state's best moves; a win is better than any capture."""
    for row in range(len(out)):
        best = -1
        ties = 0
        for child in range(edges[row], edges[row + 1]):
            block, lane = child // LANES, child % LANES
            if planes[(block * PLANE_WORDS + ANY_MOVE_WORD) * LANES + lane] == 0:
                found[1, child] = _WIN
            if found[1, child] > best:
                best, ties = found[1, child], 0
            ties += found[1, child] == best
        rank = np.int64(uniforms[row] * ties)
        for child in range(edges[row], edges[row + 1]):
            if found[1, child] == best:
                if rank == 0:
                    out[row] = found[0, child]
                rank -= 1


class GreedyPlayer:
    """Plays a move that leaves the opponent without one, else the best capture, else any move.

    Captures count by the piece that is taken (``PIECE_VALUES``), whatever may take back. Moves that
    are equally good are equally probable.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._games = new_games(_ROOM + 1, 0)
        self._planes = new_planes(_ROOM // LANES)
        self._found = np.zeros((2, _ROOM), np.int64)

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Pick one legal action for each of n positions.

        Returns:
            int64 [n], action labels.

        Raises:
            ValueError: A position has no legal action.
        """
        counts = np.bitwise_count(positions.mask_bits).sum(axis=1, dtype=np.int64)
        if not counts.all():
            row = int(np.argmin(counts))
            raise ValueError(f"position {row} has no legal action: its game is over")
        legal = legal_words(positions.mask_bits)
        uniforms = self._rng.random(len(counts))
        actions = np.empty(len(counts), np.int64)
        for rows in _groups(counts.tolist()):
            edges = np.concatenate([[0], np.cumsum(counts[rows])])
            _expand(positions.state[rows], legal[rows], edges, self._games, self._found)
            blocks = -(-int(edges[-1]) // LANES)
            generate_blocks(self._games.words, 0, blocks, self._planes)
            _pick(self._planes, self._found, edges, uniforms[rows], actions[rows])
        return actions


def _groups(counts: list[int]) -> list[slice]:
    """Split rows into runs whose counts add up to at most _ROOM."""
    cuts, total = [0], 0
    for row, count in enumerate(counts):
        if total + count > _ROOM:
            cuts.append(row)
            total = 0
        total += count
    return [slice(first, last) for first, last in itertools.pairwise([*cuts, len(counts)])]
