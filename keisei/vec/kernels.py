"""One step of N games: play, generate, judge, begin anew, write observations."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.endings import NO_WINNER, Rules, judge_game
from keisei.games.generating import Scratch as MoveScratch
from keisei.games.generating import can_move, find_moves, gives_check
from keisei.games.generating import new_scratch as new_move_scratch
from keisei.games.hashing import mix
from keisei.games.history import begin_history, count_repeats, record_check, remember
from keisei.games.layout import LANES, aligned_zeros, block_of, copy_slot, slots_of, turn_of
from keisei.games.masks import MASK_WORDS, count_legal, is_legal, nth_legal
from keisei.games.observing import write_dense_mask, write_planes, write_state
from keisei.games.placing import apply_action, begin_count
from keisei.shogi.constants import Termination
from keisei.shogi.features import STATE_SIZE
from keisei.shogi.intrinsics import VECTOR_BYTES, Held, borrow, copy_bytes, vector_starts
from keisei.shogi.jit import Int, kernel, kernel_part
from keisei.vec.batch import GameBatch, Outputs, Results, Starts

STAY, MOVE, BEGIN = 0, 1, 2
"""What a game does in a step: nothing, play its action, begin anew."""
STREAM_STEP = np.uint64(0x9E3779B97F4A7C15)
"""What a stream goes on by with each number that is drawn from it."""

_NONE = int(Termination.NONE)
_MAX_PLIES = int(Termination.MAX_PLIES)
_BIT_PARTS = vector_starts(MASK_WORDS, VECTOR_BYTES // 8)
_U32 = np.uint64(32)


class Scratch(NamedTuple):
    """Room that one thread needs.

    Attributes:
        moves: Of the move generator.
        states: uint8 [LANES, STATE_SIZE], compact states of one block.
    """

    moves: MoveScratch
    states: NDArray[np.uint8]


class Step(NamedTuple):
    """What a step reads and writes.

    Attributes:
        batch: The games.
        starts: Where games begin.
        rules: What they are played by.
        restart: Whether a game that ends begins anew at once.
        tasks: uint8 [N], what each game does: STAY, MOVE or BEGIN.
        actions: int64 [N], legal for the games that move.
        results: Written for every game.
        ended: int64 [N], the games that ended, from the first game of the blocks on.
        finals: Last observations of the games that ended and began anew, in the rows of ``ended``.
        scratch: Of the thread that runs the step.
    """

    batch: GameBatch
    starts: Starts
    rules: Rules
    restart: bool
    tasks: NDArray[np.uint8]
    actions: NDArray[np.int64]
    results: Results
    ended: NDArray[np.int64]
    finals: Outputs
    scratch: Scratch


def new_scratch() -> Scratch:
    """Room for one thread."""
    return Scratch(new_move_scratch(), aligned_zeros((LANES, STATE_SIZE), np.uint8))


@kernel_part
def _begin(batch: GameBatch, starts: Starts, game: Int) -> None:
    """Begin a game at its next start position."""
    start, slots = batch.next_start[game], batch.slots
    copy_slot(slots, game, starts.slots, start)
    begin_count(slots, game)
    begin_history(batch.history, game, slots.hashes[game])
    for word in range(MASK_WORDS):
        batch.legal[game, word] = starts.legal[start, word]
    batch.next_start[game] = (start + 1) % starts.slots.hashes.shape[0]
    batch.over[game] = False
    batch.last_actions[game] = -1
    batch.last_origins[game] = -1


@kernel_part
def _move(step: Step, first: Int, last: Int) -> None:
    """Begin or move some games."""
    batch, starts, tasks, actions = step.batch, step.starts, step.tasks, step.actions
    slots, last_actions, last_origins = batch.slots, batch.last_actions, batch.last_origins
    for game in range(first, last):
        if tasks[game] == MOVE:
            last_origins[game] = apply_action(slots, game, actions[game])
            last_actions[game] = actions[game]
        elif tasks[game] == BEGIN:
            _begin(batch, starts, game)


@kernel_part
def _judge(step: Step, first: Int, last: Int, ended_row: Int) -> Int:
    """Record the moves of some games and judge them; returns the row past the last that ended."""
    slots, history, over = step.batch.slots, step.batch.history, step.batch.over
    tasks, moves, rules, results = step.tasks, step.scratch.moves, step.rules, step.results
    rewards, terminations, truncations, termination, winners, plies, ended = results
    for game in range(first, last):
        if tasks[game] == MOVE:
            remember(slots, history, game)
    for game in range(first, last):
        in_check = gives_check(moves, game)
        kind, winner = _NONE, NO_WINNER
        if tasks[game] == MOVE:
            record_check(slots, game, in_check)
            count_repeats(slots, history, game)
            kind, winner = judge_game(slots, history, game, can_move(moves, game), rules)
        else:
            slots.in_check[game] = in_check
        rewards[game] = 0.0
        terminations[game] = (kind != _NONE) & (kind != _MAX_PLIES)
        truncations[game] = kind == _MAX_PLIES
        termination[game] = kind
        winners[game] = winner
        plies[game] = 0
        ended[game] = kind != _NONE
        if kind != _NONE:
            if winner != NO_WINNER:
                rewards[game] = 1.0 if winner == 1 - turn_of(slots, game) else -1.0
            plies[game] = slots.plies[game]
            over[game] = True
            step.ended[ended_row] = game
            ended_row += 1
    return ended_row


@kernel_part
def _copy_row(source: NDArray[Any], game: Int, target: NDArray[Any], row: Int) -> None:
    """Copy the row of a game, where there are rows at all."""
    if target.shape[0] > 0:
        for index in range(target.shape[1]):
            target[row, index] = source[game, index]


@kernel_part
def _write(
    step: Step,
    first: Int,
    last: Int,
    ended_row: Int,
    outputs: Outputs,
    observe: bool,  # noqa: FBT001 (kernels take no keywords)
) -> None:
    """Write the observations of some games; begin those anew that ended, if so asked."""
    batch, starts, finals, restart = step.batch, step.starts, step.finals, step.restart
    slots, legal, over, max_plies = batch.slots, batch.legal, batch.over, step.rules.max_plies
    state, bits, mask, planes = outputs
    final_state, final_bits, final_mask, final_planes = finals
    states = step.scratch.states
    game = first
    while game < last:
        written = observe | over[game]
        if written & (state.shape[0] > 0):
            write_state(slots, game, max_plies, state, game)
        if written & (bits.shape[0] > 0):
            row = np.uint64(game) * np.uint64(MASK_WORDS)
            for part in _BIT_PARTS:
                copy_bytes(bits, row + part, legal, row + part)
        if written & (planes.shape[0] > 0):
            write_state(slots, game, max_plies, states, game - first)
            write_planes(states, game - first, planes, game)
        if written & (mask.shape[0] > 0):
            write_dense_mask(legal, mask, game)
        if restart & over[game]:
            # The game stays for another turn of the loop, which writes its first observation.
            _copy_row(state, game, final_state, ended_row)
            _copy_row(bits, game, final_bits, ended_row)
            _copy_row(mask, game, final_mask, ended_row)
            _copy_row(planes, game, final_planes, ended_row)
            ended_row += 1
            _begin(batch, starts, game)
        else:
            game += 1


@kernel
def step_blocks(
    held: Held[Step],
    outputs: Held[Outputs],
    observe: bool,  # noqa: FBT001 (kernels take no keywords)
    first_game: int,
    last_game: int,
) -> Int:
    """Begin or move games of whole blocks; judge them and write results and observations.

    Args:
        held: The games and what happens to them.
        outputs: Observations, written for every game.
        observe: False to write those of the games alone that ended.
        first_game: The first game.
        last_game: The game past the last.

    Returns:
        Number of games that ended; ``ended`` holds them from the first game on.
    """
    step = borrow(held)
    words, legal, moves = step.batch.slots.words, step.batch.legal, step.scratch.moves
    observations = borrow(outputs)
    row = first_game
    for block in range(block_of(first_game), block_of(last_game - 1) + 1):
        first, last = slots_of(block, last_game)
        _move(step, first, last)
        find_moves(words, block, moves, legal)
        past = _judge(step, first, last, row)
        _write(step, first, last, row, observations, observe)
        row = past
    return row - first_game


@kernel
def first_illegal(held: Held[Step], first_game: int, last_game: int) -> Int:
    """The first of some games that moves and whose action is not legal; -1 for none."""
    step = borrow(held)
    legal, tasks, actions = step.batch.legal, step.tasks, step.actions
    for game in range(first_game, last_game):
        if tasks[game] == MOVE and not is_legal(legal, game, actions[game]):
            return game
    return -1


@kernel
def sample_legal(
    held: Held[Step],
    actions: NDArray[np.int64],
    drawing: NDArray[np.bool_],
    first_game: int,
    last_game: int,
) -> None:
    """Write a uniformly random legal action of some games (0 if there is none).

    Args:
        held: The games; the random streams of those that draw move on.
        actions: int64 [N], where to write.
        drawing: bool [N], True for the games that draw.
        first_game: The first game.
        last_game: The game past the last.
    """
    batch = borrow(held).batch
    legal, random = batch.legal, batch.random
    for game in range(first_game, last_game):
        if drawing[game]:
            count = count_legal(legal, game)
            drawn = mix(random[game]) >> _U32
            random[game] += STREAM_STEP
            index = np.int64((drawn * np.uint64(count)) >> _U32)
            actions[game] = nth_legal(legal, game, index) if count > 0 else 0


@kernel
def seed_streams(seeds: NDArray[np.uint64], random: NDArray[np.uint64]) -> None:
    """Begin one random stream for each seed; both uint64 [N]."""
    for game in range(seeds.shape[0]):
        random[game] = mix(mix(seeds[game]))
