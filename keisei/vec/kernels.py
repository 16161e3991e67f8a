"""One step of N games: play, generate, judge, begin anew, write observations."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.actions import (
    MASK_WORDS,
    count_legal,
    is_legal,
    new_mask_scratch,
    nth_legal,
    pack_planes,
)
from keisei.shogi.bitboard import ZERO
from keisei.shogi.constants import Termination
from keisei.shogi.endings import NO_WINNER, judge, record_move
from keisei.shogi.features import STATE_SIZE, write_state
from keisei.shogi.jit import Int, inline_kernel, kernel
from keisei.shogi.movegen import ANY_MOVE_WORD, CHECKERS_WORD, PLANE_WORDS, generate_blocks
from keisei.shogi.position import (
    LANES,
    Games,
    apply_action,
    copy_position,
    mix,
    start_history,
    turn_of,
)
from keisei.vec.batch import GameBatch, Outputs, Results, Rules, Starts
from keisei.vec.observation import write_dense_mask, write_planes

_NONE = int(Termination.NONE)
_MAX_PLIES = int(Termination.MAX_PLIES)
_STREAM_STEP = np.uint64(0x9E3779B97F4A7C15)
_U32 = np.uint64(32)

IDLE, MOVE, RESET = 0, 1, 2
"""What a step does with a game: nothing, play its action, begin anew."""


class Scratch(NamedTuple):
    """Room that one thread needs.

    Attributes:
        mask: uint64, from keisei.shogi.actions.new_mask_scratch.
        state: uint8 [STATE_SIZE].
    """

    mask: NDArray[np.uint64]
    state: NDArray[np.uint8]


class Step(NamedTuple):
    """All arrays that a step reads and writes.

    Attributes:
        batch: The games.
        starts: Where games begin.
        results: Written for every game.
        outputs: Observations of the positions after the step.
        finals: Observations of the final positions of games that ended and began anew.
        planes: uint64, output of the move generator for all blocks.
        orders: uint8 [N], IDLE, MOVE or RESET.
    """

    batch: GameBatch
    starts: Starts
    results: Results
    outputs: Outputs
    finals: Outputs
    planes: NDArray[np.uint64]
    orders: NDArray[np.uint8]


def new_scratch() -> Scratch:
    """Room for one thread."""
    return Scratch(new_mask_scratch(), np.zeros(STATE_SIZE, np.uint8))


@inline_kernel
def _begin(step: Step, game: Int) -> None:
    """Begin a game at its next start position."""
    batch, starts = step.batch, step.starts
    start = batch.next_start[game]
    copy_position(batch.games, game, starts.games, start)
    start_history(batch.games, game)
    for word in range(MASK_WORDS):
        batch.legal[game, word] = starts.legal[start, word]
    batch.next_start[game] = (start + 1) % starts.games.hashes.shape[0]
    batch.over[game] = False
    step.results.last_actions[game] = -1
    step.results.last_origins[game] = -1


@inline_kernel
def _write(
    games: Games,
    game: Int,
    legal: NDArray[np.uint64],
    rules: Rules,
    scratch: Scratch,
    outputs: Outputs,
) -> None:
    """Write the observations of one game in all forms asked for."""
    if outputs.state.shape[0] > 0:
        write_state(games, game, rules.max_plies, outputs.state[game])
    if outputs.planes.shape[0] > 0:
        write_state(games, game, rules.max_plies, scratch.state)
        write_planes(scratch.state, outputs.planes[game])
    if outputs.mask.shape[0] > 0:
        write_dense_mask(legal[game], outputs.mask[game])
    if outputs.legal.shape[0] > 0:
        for word in range(MASK_WORDS):
            outputs.legal[game, word] = legal[game, word]


@inline_kernel
def _clear_result(results: Results, game: Int) -> None:
    """Enter that nothing happened in a game."""
    results.rewards[game] = 0.0
    results.terminations[game] = False
    results.truncations[game] = False
    results.termination[game] = _NONE
    results.winner[game] = NO_WINNER
    results.plies[game] = 0


@inline_kernel
def _conclude(games: Games, game: Int, can_move: bool, rules: Rules, results: Results) -> bool:  # noqa: FBT001
    """Enter how a game stands after a move; True if it ended."""
    ended_by, winner = judge(games, game, can_move, rules.max_plies, rules.declaration)
    if ended_by == _NONE:
        return False
    if winner != NO_WINNER:
        results.rewards[game] = 1.0 if winner == 1 - turn_of(games, game) else -1.0
    results.terminations[game] = ended_by != _MAX_PLIES
    results.truncations[game] = ended_by == _MAX_PLIES
    results.termination[game] = ended_by
    results.winner[game] = winner
    results.plies[game] = games.plies[game]
    return True


@kernel
def play_blocks(step: Step, actions: NDArray[np.int64], first_block: int, last_block: int) -> None:
    """Play the actions of games whose order is MOVE; begin those whose order is RESET.

    Args:
        step: The games and where to write.
        actions: int64 [N], legal where the order is MOVE.
        first_block: The first block of games.
        last_block: The block past the last.
    """
    games, results = step.batch.games, step.results
    last = min(last_block * LANES, games.hashes.shape[0])
    for game in range(first_block * LANES, last):
        _clear_result(results, game)
        if step.orders[game] == MOVE:
            results.last_origins[game] = apply_action(games, game, actions[game])
            results.last_actions[game] = actions[game]
        elif step.orders[game] == RESET:
            _begin(step, game)


@kernel
def conclude_blocks(
    step: Step, rules: Rules, scratch: Scratch, first_block: int, last_block: int
) -> None:
    """Record the moves played, judge the games, and write results and observations.

    Args:
        step: The games, their moves generated, and where to write.
        rules: What the games are played by.
        scratch: This thread's own.
        first_block: The first block of games.
        last_block: The block past the last.
    """
    batch, planes = step.batch, step.planes
    games = batch.games
    for block in range(first_block, last_block):
        first = block * LANES
        pack_planes(planes, block * PLANE_WORDS * LANES, scratch.mask, batch.legal, first)
        for game in range(first, min(first + LANES, games.hashes.shape[0])):
            at = block * PLANE_WORDS * LANES + game - first
            checkers = at + CHECKERS_WORD * LANES
            in_check = (planes[checkers] | planes[checkers + LANES]) != ZERO
            if step.orders[game] != MOVE:
                games.in_check[game] = in_check
            else:
                record_move(games, game, in_check)
                can_move = planes[at + ANY_MOVE_WORD * LANES] != ZERO
                if _conclude(games, game, can_move, rules, step.results):
                    if rules.same_step:
                        _write(games, game, batch.legal, rules, scratch, step.finals)
                        _begin(step, game)
                    else:
                        batch.over[game] = True
            _write(games, game, batch.legal, rules, scratch, step.outputs)


def run_blocks(
    step: Step, actions: NDArray[np.int64], rules: Rules, scratch: Scratch, blocks: tuple[int, int]
) -> None:
    """Carry out the orders for the games of some blocks (the first, the one past the last)."""
    play_blocks(step, actions, *blocks)
    generate_blocks(step.batch.games.words, *blocks, step.planes)
    conclude_blocks(step, rules, scratch, *blocks)


@kernel
def first_illegal(batch: GameBatch, actions: NDArray[np.int64], orders: NDArray[np.uint8]) -> int:
    """The first game whose order is MOVE and whose action is not legal; -1 if there is none."""
    for game in range(actions.shape[0]):
        if orders[game] == MOVE and not is_legal(batch.legal, game, actions[game]):
            return game
    return -1


@kernel
def sample_legal(batch: GameBatch, actions: NDArray[np.int64]) -> None:
    """Write a uniformly random legal action of each game from its own stream (0 if it has none).

    Args:
        batch: The games; their random streams move on.
        actions: int64 [N], where to write.
    """
    for game in range(actions.shape[0]):
        count = count_legal(batch.legal, game)
        drawn = mix(batch.random[game]) >> _U32
        batch.random[game] += _STREAM_STEP
        index = np.int64((drawn * np.uint64(count)) >> _U32)
        actions[game] = nth_legal(batch.legal, game, index) if count > 0 else 0


@kernel
def standing(games: Games, legal: NDArray[np.uint64], rules: Rules, out: NDArray[np.uint8]) -> None:
    """Write how each game stands before any move: keisei.shogi.Termination, uint8 [N]."""
    for game in range(out.shape[0]):
        can_move = bool(count_legal(legal, game) > 0)
        ended_by, _ = judge(games, game, can_move, rules.max_plies, rules.declaration)
        out[game] = ended_by


@kernel
def seed_streams(seeds: NDArray[np.uint64], random: NDArray[np.uint64]) -> None:
    """Begin one random stream for each seed; both uint64 [N]."""
    for game in range(seeds.shape[0]):
        random[game] = mix(mix(seeds[game]))
