"""Starts, actions and recomputed observations that the tests of the batch share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.shogi import Board, Move, action_from_move
from keisei.shogi.constants import HAND_LIMITS, NUM_ACTIONS, OTHER_SIDE, WHITE
from keisei.shogi.notation import parse_sfen
from keisei.vec import ShogiVectorEnv

MATE_IN_ONE = "4k4/9/4P4/9/9/9/9/9/4K4 b G 1"
"""Black mates by G*5b."""
BARE_KINGS = "4k4/9/9/9/9/9/9/9/4K4 b - 1"
"""Nothing can be won; 5i5h, 5a5b, 5h5i, 5b5a repeats it."""
WHITE_WILL_DECLARE = "8K/9/9/9/9/9/+p+p+p+p+p4/+p+p+p+p+p4/k8 b 2r2b 1"
"""Black plays 1a1b (or anything else), then White may declare a win."""

CLASS_NAMES = ("UP", "UP LEFT", "UP RIGHT", "LEFT", "RIGHT", "DOWN", "DOWN LEFT", "DOWN RIGHT")
"""Classes 0 to 7: the row and the column of the direction of travel."""

Infos = dict[str, Any]


def action(board: Board, usi: str) -> int:
    """Action label of a USI move on a board."""
    return action_from_move(board, Move.from_usi(usi))


def actions(env: ShogiVectorEnv, *moves: str) -> NDArray[np.int64]:
    """Action labels of one USI move a game."""
    return np.array([action(env.board(i), usi) for i, usi in enumerate(moves)], np.int64)


def label(usi: str, *, white: bool) -> int:
    """Action label of a USI move, by the formulas of tests/data/conformance/MAPPING.md alone."""

    def view(name: str) -> tuple[int, int]:
        file, rank = int(name[0]) - 1, "abcdefghi".index(name[1])
        return (8 - file, 8 - rank) if white else (file, rank)

    to_file, to_rank = view(usi[2:4])
    if usi[1] == "*":
        move_class = 20 + "PLNSBRG".index(usi[0])
    else:
        from_file, from_rank = view(usi[:2])
        dx, dy = from_file - to_file, to_rank - from_rank
        if dy == -2 and abs(dx) == 1:
            move_class = 8 if dx < 0 else 9
        else:
            columns = ("LEFT", "", "RIGHT")
            rows = ("UP", "", "DOWN")
            name = f"{rows[(dy > 0) - (dy < 0) + 1]} {columns[(dx > 0) - (dx < 0) + 1]}".strip()
            move_class = CLASS_NAMES.index(name)
        move_class += 10 * usi.endswith("+")
    return 81 * move_class + 9 * to_file + to_rank


def legal_mask(board: Board) -> NDArray[np.bool_]:
    """bool [2187], True = legal, from the board's list of moves."""
    mask = np.zeros(NUM_ACTIONS, np.bool_)
    mask[[action_from_move(board, move) for move in board.legal_moves]] = True
    return mask


def compact_state(board: Board, max_plies: int, seat: int | None = None) -> NDArray[np.uint8]:
    """uint8 [100], the compact state of a board that has the game's whole history.

    With a seat it is that player's view, as if it were to move, whoever is.
    """
    placement = parse_sfen(board.sfen())
    viewer = placement.to_move if seat is None else seat
    white = viewer == WHITE
    state = np.zeros(100, np.uint8)
    for square, code in enumerate(placement.board):
        if code:
            is_white, piece = divmod(int(code), OTHER_SIDE)
            own = bool(is_white) == white
            state[80 - square if white else square] = piece if own else piece + OTHER_SIDE
    state[81:88] = placement.hands[viewer]
    state[88:95] = placement.hands[1 - viewer]
    state[95] = board.is_check() and viewer == placement.to_move
    state[96] = min(2, board.repetition_count() - 1)
    state[97] = viewer
    state[98] = 255 * board.ply // max_plies
    state[99] = min(255, max_plies - board.ply)
    return state


def planes(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [47, 9, 9], the planes of a compact state; axes are plane, file, rank."""
    result = np.zeros((47, 9, 9), np.uint8)
    for square, code in enumerate(state[:81]):
        file, rank = divmod(square, 9)
        if code > OTHER_SIDE:
            result[14 + code - OTHER_SIDE - 1, file, rank] = 1
        elif code:
            result[code - 1, file, rank] = 1
    for plane, value in enumerate(state[81:], start=28):
        result[plane] = value
    return result


def plane_maxima() -> NDArray[np.float32]:
    """float32 [47], the largest value of each plane."""
    return np.array([1] * 28 + [*HAND_LIMITS] * 2 + [1, 2, 1, 255, 255], np.float32)


class Shadow:
    """Boards that follow a batched environment game by game, with all their history.

    Game i begins with the i-th start position, and each later game in its place with the next.
    """

    def __init__(self, sfens: list[str | None]) -> None:
        self._sfens = sfens
        self._begun = list(range(len(sfens)))
        self.boards = [Board(sfen) for sfen in sfens]

    def step(self, chosen: NDArray[np.int64], active: NDArray[np.bool_] | None = None) -> None:
        moving = range(len(self.boards)) if active is None else np.flatnonzero(active)
        for index in moving:
            self.boards[index].push_action(int(chosen[index]))

    def restart(self, ended: NDArray[np.bool_]) -> None:
        for index in np.flatnonzero(ended):
            self._begun[index] += 1
            self.boards[index] = Board(self._sfens[self._begun[index] % len(self._sfens)])

    def states(self, max_plies: int) -> NDArray[np.uint8]:
        """uint8 [N, 100]."""
        return np.stack([compact_state(board, max_plies) for board in self.boards])

    def masks(self) -> NDArray[np.bool_]:
        """bool [N, 2187]."""
        return np.stack([legal_mask(board) for board in self.boards])
