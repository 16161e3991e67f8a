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
        state: uint8 [1, STATE_SIZE].
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
    return Scratch(new_mask_scratch(), np.zeros((1, STATE_SIZE), np.uint8))


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
    span: tuple[Int, Int],
    legal: NDArray[np.uint64],
    max_plies: Int,
    scratch: Scratch,
    outputs: Outputs,
) -> None:
    """Write the observations of some games (the first, the one past the last) in all forms."""
    state, planes, mask, bits = outputs.state, outputs.planes, outputs.mask, outputs.legal
    state_row = scratch.state
    if state.shape[0] > 0:
        for game in range(span[0], span[1]):
            write_state(games, game, max_plies, state, game)
    if planes.shape[0] > 0:
        for game in range(span[0], span[1]):
            write_state(games, game, max_plies, state_row, 0)
            write_planes(state_row, planes, game)
    if mask.shape[0] > 0:
        for game in range(span[0], span[1]):
            write_dense_mask(legal, mask, game)
    if bits.shape[0] > 0:
        for game in range(span[0], span[1]):
            for word in range(MASK_WORDS):
                bits[game, word] = legal[game, word]


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
def _end(step: Step, game: Int, verdict: tuple[Int, Int], rules: Rules, scratch: Scratch) -> None:
    """Enter the end of a game, (Termination, winner); begin it anew or leave it over."""
    batch, results = step.batch, step.results
    ended_by, winner = verdict
    if winner != NO_WINNER:
        results.rewards[game] = 1.0 if winner == 1 - turn_of(batch.games, game) else -1.0
    results.terminations[game] = ended_by != _MAX_PLIES
    results.truncations[game] = ended_by == _MAX_PLIES
    results.termination[game] = ended_by
    results.winner[game] = winner
    results.plies[game] = batch.games.plies[game]
    if rules.same_step:
        span = (game, game + 1)
        _write(batch.games, span, batch.legal, rules.max_plies, scratch, step.finals)
        _begin(step, game)
    else:
        batch.over[game] = True


@kernel
def play_blocks(step: Step, actions: NDArray[np.int64], first_block: int, last_block: int) -> None:
    """Play the actions of games whose order is MOVE; begin those whose order is RESET.

    Args:
        step: The games and where to write.
        actions: int64 [N], legal where the order is MOVE.
        first_block: The first block of games.
        last_block: The block past the last.
    """
    games, results, orders = step.batch.games, step.results, step.orders
    last = min(last_block * LANES, games.hashes.shape[0])
    for game in range(first_block * LANES, last):
        _clear_result(results, game)
        if orders[game] == MOVE:
            results.last_origins[game] = apply_action(games, game, actions[game])
            results.last_actions[game] = actions[game]
        elif orders[game] == RESET:
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
    # Taken out of their tuples once: inside the loops each taking would count references.
    games, legal = step.batch.games, step.batch.legal
    planes, orders, outputs, mask_scratch = step.planes, step.orders, step.outputs, scratch.mask
    for block in range(first_block, last_block):
        first = block * LANES
        last = min(first + LANES, games.hashes.shape[0])
        pack_planes(planes, block * PLANE_WORDS * LANES, mask_scratch, legal, first)
        for game in range(first, last):
            at = block * PLANE_WORDS * LANES + game - first
            checkers = at + CHECKERS_WORD * LANES
            in_check = (planes[checkers] | planes[checkers + LANES]) != ZERO
            if orders[game] != MOVE:
                games.in_check[game] = in_check
                continue
            record_move(games, game, in_check)
            can_move = planes[at + ANY_MOVE_WORD * LANES] != ZERO
            verdict = judge(games, game, can_move, rules.max_plies, rules.declaration)
            if verdict[0] != _NONE:
                _end(step, game, verdict, rules, scratch)
        _write(games, (first, last), legal, rules.max_plies, scratch, outputs)


def run_blocks(
    step: Step, actions: NDArray[np.int64], rules: Rules, scratch: Scratch, blocks: tuple[int, int]
) -> None:
    """Carry out the orders for the games of some blocks (the first, the one past the last)."""
    play_blocks(step, actions, *blocks)
    generate_blocks(step.batch.games.words, *blocks, step.planes)
    conclude_blocks(step, rules, scratch, *blocks)


@kernel
def first_illegal(
    legal: NDArray[np.uint64], actions: NDArray[np.int64], orders: NDArray[np.uint8]
) -> int:
    """The first game whose order is MOVE and whose action is not legal; -1 if there is none.

    Args:
        legal: uint64 [N in whole blocks, MASK_WORDS], packed legal actions.
        actions: int64 [N].
        orders: uint8 [N].
    """
    for game in range(actions.shape[0]):
        if orders[game] == MOVE and not is_legal(legal, game, actions[game]):
            return game
    return -1


@kernel
def sample_legal(
    legal: NDArray[np.uint64], random: NDArray[np.uint64], actions: NDArray[np.int64]
) -> None:
    """Write a uniformly random legal action of each game from its own stream (0 if it has none).

    Args:
        legal: uint64 [N in whole blocks, MASK_WORDS], packed legal actions.
        random: uint64 [N], states of the games' random streams, which move on.
        actions: int64 [N], where to write.
    """
    for game in range(actions.shape[0]):
        count = count_legal(legal, game)
        drawn = mix(random[game]) >> _U32
        random[game] += _STREAM_STEP
        index = np.int64((drawn * np.uint64(count)) >> _U32)
        actions[game] = nth_legal(legal, game, index) if count > 0 else 0


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
