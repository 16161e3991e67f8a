"""The peers: the work of one environment step, done by Python over cshogi boards.

Each board is a C++ object; Python chooses the moves, collects their labels and judges repetition.
"""

import random
from typing import NamedTuple

import cshogi
import numpy as np
from cshogi.dlshogi import make_move_label
from numpy.typing import NDArray

NUM_ACTIONS = 2187
NUM_PLANES = 104  # 28 kinds of piece and 76 pieces in hand, as cshogi's piece_planes writes them
_FIRST_DROP = 81


def label_table() -> NDArray[np.int64]:
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


def _write_planes(board: cshogi.Board, planes: NDArray[np.float32]) -> None:
    """Write a board in the view of the player to move."""
    write = board.piece_planes_rotate if board.turn else board.piece_planes
    write(planes)


class CshogiLoop:
    """The least that steps N games: moves of cshogi's own kind in, mask and planes out.

    All labels of a board are marked by one lookup in a table. Repetition is judged without looking
    for perpetual check.
    """

    def __init__(self, num_envs: int, max_plies: int, seed: int) -> None:
        self.mask = np.zeros((num_envs, NUM_ACTIONS), np.bool_)  # [N, 2187] True = legal
        self.planes = np.zeros((num_envs, NUM_PLANES, 9, 9), np.float32)  # mover's view
        self._max_plies = max_plies
        self._labels = label_table()
        self._random = random.Random(seed)
        self._boards = [cshogi.Board() for _ in range(num_envs)]
        self._legal = [list(board.legal_moves) for board in self._boards]
        self._seen: list[dict[int, int]] = [{b.zobrist_hash(): 1} for b in self._boards]
        self._plies = [0] * num_envs

    def play(self) -> None:
        """Play one random move in each game, then write its mask and planes."""
        self.mask[...] = False
        for index, board in enumerate(self._boards):
            board.push(self._random.choice(self._legal[index]))
            self._plies[index] += 1
            moves = list(board.legal_moves)
            if self._is_over(index, board, moves):
                board.reset()
                self._plies[index] = 0
                self._seen[index] = {board.zobrist_hash(): 1}
                moves = list(board.legal_moves)
            self._legal[index] = moves
            self.mask[index, self._labels[board.turn, np.array(moves) & 0xFFFF]] = True
            _write_planes(board, self.planes[index])

    def mean_legal_moves(self) -> float:
        """Legal moves a position, over the positions that stand now."""
        return float(np.mean([len(moves) for moves in self._legal]))

    def _is_over(self, index: int, board: cshogi.Board, moves: list[int]) -> bool:
        seen, key = self._seen[index], board.zobrist_hash()
        seen[key] = seen.get(key, 0) + 1
        return (
            not moves
            or seen[key] == 4
            or self._plies[index] >= self._max_plies
            or board.is_nyugyoku()
        )


class _Game:
    """One game and what the rules ask of its past."""

    def __init__(self) -> None:
        self.board = cshogi.Board()
        self.begin()

    def begin(self) -> None:
        """Begin anew."""
        self.board.reset()
        self.plies = 0
        self.check_runs = [0, 0]  # how many of a player's last moves gave check without a gap
        self.seen = {self.board.zobrist_hash(): [0]}  # plies at which each position stood
        self.find_moves()

    def find_moves(self) -> None:
        """Collect the legal moves by their labels."""
        turn = self.board.turn
        self.moves = {make_move_label(move, turn): move for move in self.board.legal_moves}

    def play(self, action: int) -> None:
        """Play a legal action; others raise KeyError."""
        mover = self.board.turn
        self.board.push(self.moves[action])
        self.plies += 1
        self.check_runs[mover] = self.check_runs[mover] + 1 if self.board.is_check() else 0
        self.seen.setdefault(self.board.zobrist_hash(), []).append(self.plies)
        self.find_moves()

    def mover_gains(self) -> float | None:
        """What the end of the game is worth to the player who moved; None if it goes on."""
        if not self.moves:
            return 1.0
        stood = self.seen[self.board.zobrist_hash()]
        if len(stood) == 4:
            moves_each = (stood[-1] - stood[0]) // 2
            always = [run >= moves_each for run in self.check_runs]
            opponent = self.board.turn
            return float(always[opponent]) - float(always[1 - opponent])
        return -1.0 if self.board.is_nyugyoku() else None


class Step(NamedTuple):
    """What a step gives back: arrays [N, ...] that the next step overwrites."""

    mask: NDArray[np.bool_]
    planes: NDArray[np.float32]
    rewards: NDArray[np.float32]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]


class CshogiEnvironment:
    """N games behind the calls of an environment: actions in; observations, rewards, ends out."""

    def __init__(self, num_envs: int, max_plies: int, seed: int) -> None:
        self._max_plies = max_plies
        self._random = random.Random(seed)
        self._games = [_Game() for _ in range(num_envs)]
        self._out = Step(
            mask=np.zeros((num_envs, NUM_ACTIONS), np.bool_),
            planes=np.zeros((num_envs, NUM_PLANES, 9, 9), np.float32),
            rewards=np.zeros(num_envs, np.float32),
            terminations=np.zeros(num_envs, np.bool_),
            truncations=np.zeros(num_envs, np.bool_),
        )

    def play(self) -> None:
        """Draw a legal action for each game and step."""
        actions = [self._random.choice(list(game.moves)) for game in self._games]
        self.step(np.array(actions))

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Play an action in each game, begin ended games anew, and describe all."""
        mask, planes, rewards, terminations, truncations = self._out
        mask[...] = False
        for index, (game, action) in enumerate(zip(self._games, actions.tolist(), strict=True)):
            game.play(action)
            gains = game.mover_gains()
            rewards[index] = gains or 0.0
            terminations[index] = gains is not None
            truncations[index] = gains is None and game.plies >= self._max_plies
            if terminations[index] or truncations[index]:
                game.begin()
            mask[index, list(game.moves)] = True
            _write_planes(game.board, planes[index])
        return self._out
