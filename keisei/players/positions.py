"""Positions as players get them, and the kernels that read them back from compact states."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.actions import MASK_WORDS, action_parts
from keisei.shogi.constants import BLACK, NUM_ACTIONS, NUM_SQUARES, WHITE
from keisei.shogi.features import BOARD, ENEMY_HAND, MASK_BYTES, OWN_HAND, TO_MOVE
from keisei.shogi.jit import kernel
from keisei.shogi.moves import Move
from keisei.shogi.position import Games, new_games, place


@dataclass(slots=True)
class Game:
    """A game so far, from the usual start position."""

    number: int
    """Which of the games that are played, from 0."""
    moves: list[Move] = field(default_factory=list[Move], kw_only=True)
    """All moves so far, those of an opening included."""

    def usi_position(self) -> str:
        """The game as USI has it: ``position startpos moves 7g7f ...``."""
        if not self.moves:
            return "position startpos"
        return " ".join(["position startpos moves", *(move.usi() for move in self.moves)])


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of n games in each of which a player has to choose."""

    state: NDArray[np.uint8]
    """uint8 [n, 100], compact states, each from the view of its player to move."""
    mask_bits: NDArray[np.uint8]
    """uint8 [n, 274], packed legal masks, bit 1 = legal."""
    games: Sequence[Game] = ()
    """The n games so far; they go on changing after the call, so read them at once."""

    def __len__(self) -> int:
        """Number of positions n."""
        return len(self.state)

    def legal_actions(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The legal actions of all positions, one position after the other.

        Returns:
            Offsets int64 [n + 1] and actions int64 [m]: position i has the actions
            ``actions[offsets[i] : offsets[i + 1]]``, in ascending order.

        Raises:
            ValueError: A position has no legal action.
        """
        offsets = np.zeros(len(self) + 1, np.int64)
        counts = np.bitwise_count(self.mask_bits).sum(axis=1, dtype=np.int64)
        if not counts.all():
            row = int(np.argmin(counts))
            raise ValueError(f"position {row} has no legal action: its game is over")
        np.cumsum(counts, out=offsets[1:])
        legal = np.unpackbits(self.mask_bits, axis=1, count=NUM_ACTIONS, bitorder="little")
        return offsets, np.flatnonzero(legal.view(np.bool_)) % NUM_ACTIONS


def legal_words(mask_bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The packed masks as words uint64 [n, 35], bit ``action % 64`` of word ``action // 64``."""
    legal = np.zeros((len(mask_bits), MASK_WORDS), np.uint64)
    legal.view(np.uint8)[:, :MASK_BYTES] = mask_bits
    return legal


@kernel
def place_state(games: Games, game: int, state: NDArray[np.uint8], row: int) -> None:
    """Set up the position of a compact state with its player to move as Black.

    Args:
        games: where to write.
        game: its index.
        state: uint8 [n, 100].
        row: which state.
    """
    board = state[row, BOARD].copy()
    hands = np.empty((2, 7), np.uint8)
    hands[0] = state[row, OWN_HAND]
    hands[1] = state[row, ENEMY_HAND]
    place(games, game, board, hands, BLACK)


@kernel
def _read_moves(
    games: Games, state: NDArray[np.uint8], actions: NDArray[np.int64], out: NDArray[np.int64]
) -> None:
    for row in range(len(actions)):
        place_state(games, 0, state, row)
        origin, to, promotes, dropped = action_parts(games, 0, actions[row])
        turned = state[row, TO_MOVE] == WHITE
        out[row, 0] = NUM_SQUARES - 1 - origin if turned and dropped == 0 else origin
        out[row, 1] = NUM_SQUARES - 1 - to if turned else to
        out[row, 2] = promotes
        out[row, 3] = dropped


def moves_of(state: NDArray[np.uint8], actions: NDArray[np.int64]) -> list[Move]:
    """The moves that legal actions stand for.

    Args:
        state: uint8 [n, 100], compact states.
        actions: int64 [n], a legal action for each.
    """
    parts = np.empty((len(actions), 4), np.int64)
    _read_moves(new_games(1, 0), state, actions, parts)
    return [
        Move(None if dropped else origin, to, bool(promotes), dropped or None)
        for origin, to, promotes, dropped in parts.tolist()
    ]
