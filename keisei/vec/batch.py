"""Everything that N games hold between steps, as a struct of arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.history import History, new_history
from keisei.games.layout import Slots, aligned_zeros, new_slots
from keisei.games.masks import MASK_WORDS, new_masks
from keisei.games.observing import NUM_PLANES
from keisei.shogi.constants import NUM_SQUARES
from keisei.shogi.features import STATE_SIZE

MASK_ROW = 8 * MASK_WORDS * 8
"""Bytes of a row of the dense mask: 64 for each word of packed bits."""


class Starts(NamedTuple):
    """The S positions that games begin from.

    Attributes:
        slots: Where they stand.
        legal: uint64 [>= S, MASK_WORDS], packed legal actions.
    """

    slots: Slots
    legal: NDArray[np.uint64]


class GameBatch(NamedTuple):
    """N games and where they stand.

    Attributes:
        slots: Where they stand.
        history: Their courses.
        legal: uint64 [N in whole blocks, MASK_WORDS], packed legal actions of the player to move.
        next_start: int64 [N], start position of the game's next beginning.
        over: bool [N], the game ended and has not begun anew.
        random: uint64 [N], state of the game's own random stream.
        last_actions: int64 [N], the action last played in the running game, -1 for none.
        last_origins: int64 [N], where it began in its mover's view, -1 for a drop or none.
    """

    slots: Slots
    history: History
    legal: NDArray[np.uint64]
    next_start: NDArray[np.int64]
    over: NDArray[np.bool_]
    random: NDArray[np.uint64]
    last_actions: NDArray[np.int64]
    last_origins: NDArray[np.int64]


class Results(NamedTuple):
    """What the last step did to each game.

    Attributes:
        rewards: float32 [N], to the player who moved: 1 win, -1 loss, 0 else.
        terminations: bool [N], the game ended by a rule.
        truncations: bool [N], the game reached the ply cap.
        termination: uint8 [N], keisei.shogi.Termination of the games that ended, else 0.
        winner: int8 [N], 0 Black, 1 White, -1 nobody.
        plies: int32 [N], length of the games that ended, else 0.
        ended: bool [N], the game ended in one way or the other.
    """

    rewards: NDArray[np.float32]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
    termination: NDArray[np.uint8]
    winner: NDArray[np.int8]
    plies: NDArray[np.int32]
    ended: NDArray[np.bool_]


class Outputs(NamedTuple):
    """Observations, each with N rows, or none where that form is not asked for.

    Attributes:
        state: uint8 [N or 0, STATE_SIZE], compact states.
        bits: uint64 [N or 0, MASK_WORDS], packed legal actions.
        mask: uint64 [N or 0, MASK_ROW / 8], the dense mask, one byte an action.
        planes: uint8 [N or 0, NUM_PLANES * 81].
    """

    state: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    mask: NDArray[np.uint64]
    planes: NDArray[np.uint8]


def new_batch(num_games: int, max_plies: int) -> GameBatch:
    """Room for N games, none of which has begun.

    Raises:
        ValueError: When there is not so much memory.
    """
    try:
        slots, history = new_slots(num_games), new_history(num_games, max_plies)
    except MemoryError:
        raise ValueError(
            f"num_envs={num_games} games of up to max_plies={max_plies} plies need more memory "
            "than there is; lower one of them."
        ) from None
    return GameBatch(
        slots=slots,
        history=history,
        legal=new_masks(num_games),
        next_start=np.zeros(num_games, np.int64),
        over=np.zeros(num_games, np.bool_),
        random=np.zeros(num_games, np.uint64),
        last_actions=np.full(num_games, -1, np.int64),
        last_origins=np.full(num_games, -1, np.int64),
    )


def new_results(num_games: int) -> Results:
    """Results of a step in which nothing happened."""
    return Results(
        rewards=np.zeros(num_games, np.float32),
        terminations=np.zeros(num_games, np.bool_),
        truncations=np.zeros(num_games, np.bool_),
        termination=np.zeros(num_games, np.uint8),
        winner=np.full(num_games, -1, np.int8),
        plies=np.zeros(num_games, np.int32),
        ended=np.zeros(num_games, np.bool_),
    )


def new_outputs(num_games: int, forms: set[str]) -> Outputs:
    """Room for the forms named: "state", "bits", "mask", "planes"."""

    def rows(form: str) -> int:
        return num_games if form in forms else 0

    return Outputs(
        state=aligned_zeros((rows("state"), STATE_SIZE), np.uint8),
        bits=aligned_zeros((rows("bits"), MASK_WORDS), np.uint64),
        mask=aligned_zeros((rows("mask"), MASK_ROW // 8), np.uint64),
        planes=aligned_zeros((rows("planes"), NUM_PLANES * NUM_SQUARES), np.uint8),
    )
