"""The peer: the work of one environment step, done by a Python loop over cshogi boards.

Each board is a C++ object; Python chooses the moves, collects the labels and judges repetition.
There are two ways to fill the mask: move by move with cshogi's own function, which is what its
users write, and all moves of a board by one lookup in a table.
"""

import random

import cshogi
import numpy as np
from cshogi.dlshogi import make_move_label
from numpy.typing import NDArray

NUM_ACTIONS = 2187
NUM_PLANES = 104  # 28 kinds of piece and 76 pieces in hand, as cshogi's piece_planes writes them
_FIRST_DROP = 81


def _label_table() -> NDArray[np.int64]:
    """Labels of all 16-bit moves: int64[2, 65536] by colour and move, -1 where there is none."""
    table = np.full((2, 1 << 16), -1, np.int64)
    for turn in (cshogi.BLACK, cshogi.WHITE):
        for origin in range(_FIRST_DROP + 7):
            for to in range(81):
                for promotes in (0, 1):
                    move = to | origin << 7 | promotes << 14
                    if origin != to and not (promotes and origin >= _FIRST_DROP):
                        table[turn, move] = make_move_label(move, turn)
    return table


class CshogiGames:
    """N games in lock step from the usual start, random legal moves, ended games replaced."""

    def __init__(self, num_envs: int, max_plies: int, seed: int, *, by_table: bool) -> None:
        self.mask = np.zeros((num_envs, NUM_ACTIONS), np.bool_)  # [N, 2187] True = legal
        self.planes = np.zeros((num_envs, NUM_PLANES, 9, 9), np.float32)  # mover's view
        self._max_plies = max_plies
        self._labels = _label_table() if by_table else None
        self._random = random.Random(seed)
        self._boards = [cshogi.Board() for _ in range(num_envs)]
        self._legal = [list(board.legal_moves) for board in self._boards]
        self._seen: list[dict[int, int]] = [{b.zobrist_hash(): 1} for b in self._boards]
        self._plies = [0] * num_envs

    def step(self) -> None:
        """Play one random move in each game, then write its mask and planes."""
        self.mask[...] = False
        for index, board in enumerate(self._boards):
            board.push(self._random.choice(self._legal[index]))
            self._plies[index] += 1
            moves = list(board.legal_moves)
            if self._is_over(index, board, moves):
                moves = self._restart(index, board)
            self._legal[index] = moves
            self._mark_legal(self.mask[index], board.turn, moves)
            write = board.piece_planes_rotate if board.turn else board.piece_planes
            write(self.planes[index])

    def mean_legal_moves(self) -> float:
        """Legal moves a position, over the positions that stand now."""
        return float(np.mean([len(moves) for moves in self._legal]))

    def _mark_legal(self, mask: NDArray[np.bool_], turn: int, moves: list[int]) -> None:
        if self._labels is None:
            for move in moves:
                mask[make_move_label(move, turn)] = True
        else:
            mask[self._labels[turn, np.array(moves) & 0xFFFF]] = True

    def _is_over(self, index: int, board: cshogi.Board, moves: list[int]) -> bool:
        seen, key = self._seen[index], board.zobrist_hash()
        seen[key] = seen.get(key, 0) + 1
        return (
            not moves
            or seen[key] == 4
            or self._plies[index] >= self._max_plies
            or board.is_nyugyoku()
        )

    def _restart(self, index: int, board: cshogi.Board) -> list[int]:
        board.reset()
        self._plies[index] = 0
        self._seen[index] = {board.zobrist_hash(): 1}
        return list(board.legal_moves)
