"""Whether saved games and positions are what the rules could have led to.

Kernels look nothing up twice: they follow a line of squares until it meets a piece, a history until
it meets the present position. What comes from outside is therefore checked before any kernel of a
step reads it. What follows from the boards is built anew and compared; the rest is checked for its
range and for what it says of the rest. Letters: N games or positions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.games.endings import Rules
from keisei.games.history import History, mark_seen
from keisei.games.layout import turns_in, words_by_slot
from keisei.games.observing import MAX_REPETITION
from keisei.games.pool import Pool
from keisei.shogi.constants import (
    DRAGON,
    EMPTY,
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    GOLD,
    HAND_LIMITS,
    KING,
    KNIGHT,
    LANCE,
    NUM_ACTIONS,
    NUM_FILES,
    NUM_HAND_TYPES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    Termination,
)
from keisei.shogi.features import (
    IN_CHECK,
    MASK_BYTES,
    OWN_HAND,
    REPETITION,
    TO_MOVE,
)
from keisei.shogi.jit import Int, inline_kernel, kernel

_KNOWN_CODE = np.zeros(256, np.bool_)
_KNOWN_CODE[[EMPTY, *range(PAWN, DRAGON + 1)]] = True
_KNOWN_CODE[OTHER_SIDE + PAWN : OTHER_SIDE + DRAGON + 1] = True
_DEAD_END_RANKS = np.zeros(OTHER_SIDE, np.int64)
"""By piece, on how many of the farthest ranks it could never move again."""
_DEAD_END_RANKS[[PAWN, LANCE, KNIGHT]] = 1, 1, 2
_HAND_LIMITS = np.array(HAND_LIMITS)
_FAULTS = (
    "",
    "there is an unknown piece",
    "a side has not one king",
    "two pawns stand on a file",
    "a piece could never move again",
    "there are too many pieces",
)
_CHUNK = 65536
_NOT_THE_BOARD = "it does not agree with the board"
_NOT_THE_HISTORY = "it is not that of the history"


def check_games(
    state: Mapping[str, NDArray[Any]], rules: Rules, *, may_wait: bool
) -> NDArray[np.uint64]:
    """Check the games of a state.

    Args:
        state: From ``saved.arrays_of``.
        rules: What the games are played by. Whether players declare is not held against a state.
        may_wait: Whether games that are over may wait for a new beginning.

    Returns:
        The games' words, with nothing where the last block has no games.

    Raises:
        ValueError: These games cannot be gone on with.
    """
    plies, rows = state["plies"], np.arange(len(state["plies"]))
    words = words_by_slot(state["words"])[: len(rows)]
    turns = turns_in(state["words"])[: len(rows)]
    _refuse(turns > 1, "words", "neither Black nor White is to move")
    _refuse((plies < 0) | (plies > rules.max_plies), "plies", "the number is out of range")
    history = History(np.array(state["history"], order="C"), np.zeros_like(state["seen"]))
    pool = _rebuild(state["boards"][:, 0], turns.astype(np.int64), history)
    slots = pool.nodes.slots
    _compare(state, "boards", slots.boards)
    _refuse((words != words_by_slot(slots.words)[: len(rows)]).any(axis=1), "words", _NOT_THE_BOARD)
    _compare(state, "hashes", slots.hashes)
    _compare(state, "legal", pool.nodes.legal)
    _compare(state, "in_check", slots.in_check)
    present = history.hashes[rows, plies & 1, plies >> 1]
    _refuse(present != slots.hashes, "history", "it does not end with the present position")
    _fill_filters(history, plies)
    _compare(state, "seen", history.seen, _NOT_THE_HISTORY)
    _check_runs(state, turns)
    slots.plies[:], slots.check_runs[:] = plies, state["check_runs"]
    pool.nodes.parents[:] = -2 - rows
    _check_ends(state["over"], pool, rules)
    _compare(state, "repeats", slots.repeats, _NOT_THE_HISTORY)
    if not may_wait and state["over"].any():
        raise ValueError("The state holds games that are over; in the mode 'SameStep' none waits.")
    _check_last_moves(state, turns)
    return slots.words


def position_faults(views: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is wrong with positions by the rules of SFEN, which do not look at checks.

    Args:
        views: uint8 [N, >= 95], contiguous, what Black sees.

    Returns:
        uint8 [N], 0 of one with which nothing is.
    """
    faults = np.zeros(len(views), np.uint8)
    _find_faults(views, faults)
    return faults


def check_observations(states: NDArray[np.uint8], bits: NDArray[np.uint8]) -> None:
    """Check compact observations, which may come from different games.

    Args:
        states: uint8 [N, STATE_SIZE].
        bits: uint8 [N, MASK_BYTES], packed legal actions.

    Raises:
        ValueError: A position cannot occur, or the actions are not its legal ones.
    """
    for begin in range(0, len(states), _CHUNK):
        part = states[begin : begin + _CHUNK]
        # In its mover's view each is a position with Black to move.
        nodes = _rebuild(part, np.zeros(len(part), np.int64)).nodes
        legal = nodes.legal.view(np.uint8)[: len(part), :MASK_BYTES]
        wrong = (legal != bits[begin : begin + _CHUNK]).any(axis=1)
        wrong |= part[:, IN_CHECK] != nodes.slots.in_check
        wrong |= (part[:, REPETITION] > MAX_REPETITION) | (part[:, TO_MOVE] > 1)
        if wrong.any():
            raise ValueError(f"position {begin + int(np.argmax(wrong))} is not as a game gives it")


def _refuse(wrong: NDArray[np.bool_], name: str, reason: str) -> None:
    """Refuse a state if something is wrong in a game; bool [N]."""
    if wrong.any():
        raise ValueError(
            f"State array {name!r} is not as get_state gives it: {reason} in game "
            f"{int(np.argmax(wrong))}."
        )


def _compare(
    state: Mapping[str, NDArray[Any]],
    name: str,
    expected: NDArray[Any],
    reason: str = _NOT_THE_BOARD,
) -> None:
    count = len(state["hashes"])
    differs = (state[name][:count] != expected[:count]).reshape(count, -1)
    _refuse(differs.any(axis=1), name, reason)


def _rebuild(
    views: NDArray[np.uint8], turns: NDArray[np.int64], history: History | None = None
) -> Pool:
    """Games that begin with positions, their legal actions and check flags found.

    Args:
        views: uint8 [N, >= 95], what Black sees.
        turns: int64 [N], BLACK or WHITE.
        history: Of the games.

    Raises:
        ValueError: A position cannot occur.
    """
    views = np.array(views, order="C")
    faults = position_faults(views)
    _refuse(faults != 0, "boards", _FAULTS[int(faults[np.argmax(faults != 0)])])
    pool = Pool(len(views), history)
    _refuse(pool.set_up(0, views, turns), "boards", "the king could be captured")
    return pool


@inline_kernel
def _material_fault(counts: NDArray[np.int64], views: NDArray[np.uint8], row: Int) -> Int:
    """5 if there are more pieces of a kind than in a set, else 0; counts int64 [32] by code."""
    for piece in range(PAWN, KING):
        own = OWN_HAND.start + piece - PAWN
        total = np.int64(views[row, own]) + np.int64(views[row, own + NUM_HAND_TYPES])
        total += counts[piece] + counts[piece + OTHER_SIDE]
        if piece < GOLD:
            total += counts[piece + PROMOTED] + counts[piece + PROMOTED + OTHER_SIDE]
        if total > _HAND_LIMITS[piece - PAWN]:
            return 5
    return 0


@kernel
def _find_faults(views: NDArray[np.uint8], faults: NDArray[np.uint8]) -> None:
    """Number in _FAULTS of what is wrong with each position, by the rules of SFEN, uint8 [N]."""
    counts = np.zeros(2 * OTHER_SIDE, np.int64)
    for row in range(faults.shape[0]):
        counts[:] = 0
        fault = 0
        for file in range(NUM_FILES):
            own_pawns, enemy_pawns = 0, 0
            for rank in range(NUM_RANKS):
                code = np.int64(views[row, NUM_RANKS * file + rank])
                if not _KNOWN_CODE[code]:
                    fault = 1
                    continue
                counts[code] += 1
                own_pawns += code == PAWN
                enemy_pawns += code == PAWN + OTHER_SIDE
                ahead = rank if code < OTHER_SIDE else NUM_RANKS - 1 - rank
                if ahead < _DEAD_END_RANKS[code & (OTHER_SIDE - 1)]:
                    fault = 4
            if own_pawns > 1 or enemy_pawns > 1:
                fault = 3
        if counts[KING] != 1 or counts[KING + OTHER_SIDE] != 1:
            fault = max(fault, 2)
        faults[row] = max(fault, _material_fault(counts, views, row))


@kernel
def _fill_filters(history: History, plies: NDArray[np.int32]) -> None:
    """Write the filters as the hashes have them; plies played, int32 [N]."""
    for game in range(plies.shape[0]):
        for ply in range(plies[game] + 1):
            mark_seen(history, game, history.hashes[game, ply & 1, ply >> 1])


def _check_runs(state: Mapping[str, NDArray[Any]], turns: NDArray[np.uint64]) -> None:
    """A run of checks is as long as the game at most, and goes on while there is a check."""
    runs, plies = state["check_runs"], state["plies"]
    out_of_range = (runs < 0).any(axis=1) | (runs.max(axis=1) > plies)
    _refuse(out_of_range, "check_runs", "the number is out of range")
    last = runs[np.arange(len(runs)), 1 - turns.astype(np.int64)]
    wrong = (plies > 0) & ((last > 0) != (state["in_check"] != 0))
    _refuse(wrong, "check_runs", _NOT_THE_BOARD)


def _check_ends(over: NDArray[np.bool_], pool: Pool, rules: Rules) -> None:
    """A game is over exactly if it has ended, whether or not a win was declared."""
    ends = pool.nodes.ends
    pool.judge(0, len(over), rules._replace(declaration=False))
    _refuse(~over & (ends != Termination.NONE), "over", "a game that has ended goes on")
    pool.judge(0, len(over), rules._replace(declaration=True))
    _refuse(over & (ends == Termination.NONE), "over", "a game that goes on has ended")


def _check_last_moves(state: Mapping[str, NDArray[Any]], turns: NDArray[np.uint64]) -> None:
    """The last move is one that has been made on the board."""
    actions, origins = state["last_actions"], state["last_origins"]
    has_moved = state["plies"] > 0
    none = (actions == -1) & (origins == -1)
    _refuse(~has_moved & ~none, "last_actions", "a game that begins has a last move")
    wrong = (actions < 0) | (actions >= NUM_ACTIONS) | (origins < -1) | (origins >= NUM_SQUARES)
    wrong &= has_moved
    _refuse(wrong, "last_actions", "the number is out of range")
    rows = np.flatnonzero(has_moved)
    classes, targets = np.divmod(actions[rows], NUM_SQUARES)
    views = state["boards"][rows, 1 - turns[rows].astype(np.int64)]
    moved = views[np.arange(len(rows)), targets].astype(np.int64)
    left = views[np.arange(len(rows)), np.maximum(origins[rows], 0)]
    is_drop = classes >= FIRST_DROP_CLASS
    promotes = (classes >= FIRST_PROMOTION_CLASS) & ~is_drop
    dropped = (origins[rows] == -1) & (moved == classes - FIRST_DROP_CLASS + PAWN)
    travelled = (origins[rows] >= 0) & (left == EMPTY) & (moved > EMPTY) & (moved < OTHER_SIDE)
    travelled &= ~promotes | (moved > PROMOTED)
    wrong[rows] = ~((is_drop & dropped) | (~is_drop & travelled))
    _refuse(wrong, "last_actions", _NOT_THE_BOARD)
