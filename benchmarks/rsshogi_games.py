"""A peer in Rust: a Python loop over rsshogi boards, with the mask but without planes."""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# (The peer need not be installed.)

import random

import numpy as np
import rsshogi.core as rs
from rsshogi.policy import move_label

NUM_ACTIONS = 2187


class RsshogiGames:
    """N games in lock step from the usual start, random legal moves, ended games replaced."""

    def __init__(self, num_envs: int, max_plies: int, seed: int) -> None:
        self.mask = np.zeros((num_envs, NUM_ACTIONS), np.bool_)  # [N, 2187] True = legal
        self._max_plies = max_plies
        self._labels: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._random = random.Random(seed)
        self._boards = [rs.Board() for _ in range(num_envs)]
        self._legal = [list(board.legal_moves()) for board in self._boards]
        self._seen: list[dict[int, int]] = [{b.zobrist_hash(): 1} for b in self._boards]
        self._plies = [0] * num_envs

    def play(self) -> None:
        """Play one random move in each game, then write its mask."""
        self.mask[...] = False
        for index, board in enumerate(self._boards):
            board.push_move(self._random.choice(self._legal[index]))
            self._plies[index] += 1
            moves = list(board.legal_moves())
            if self._is_over(index, board, moves):
                board.reset()
                self._plies[index], self._seen[index] = 0, {board.zobrist_hash(): 1}
                moves = list(board.legal_moves())
            self._legal[index] = moves
            self.mask[index, self._labels_of(moves, board.turn)] = True

    def mean_legal_moves(self) -> float:
        """Legal moves a position, over the positions that stand now."""
        return float(np.mean([len(moves) for moves in self._legal]))

    def _labels_of(self, moves: list[rs.Move], turn: rs.Color) -> list[int]:
        """The actions of moves; each is asked for once and remembered, which is faster."""
        known = self._labels[int(turn)]
        labels: list[int] = []
        for move in moves:
            value = move.value
            if value not in known:
                known[value] = move_label(move, turn)
            labels.append(known[value])
        return labels

    def _is_over(self, index: int, board: rs.Board, moves: list[rs.Move]) -> bool:
        seen, key = self._seen[index], board.zobrist_hash()
        seen[key] = seen.get(key, 0) + 1
        return (
            not moves
            or seen[key] == 4
            or self._plies[index] >= self._max_plies
            or board.can_declare_win()
        )
