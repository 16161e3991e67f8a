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


class Scratch(NamedTuple):
    """Room that one thread needs.

    Attributes:
        mask: uint64, from keisei.shogi.actions.new_mask_scratch.
        state: uint8 [1, STATE_SIZE].
    """

    mask: NDArray[np.uint64]
    state: NDArray[np.uint8]


class Step(NamedTuple):
    """The arrays that are read and written once the moves are played.

    Attributes:
        games: The games.
        legal: uint64 [N in whole blocks, MASK_WORDS], packed legal actions, written.
        planes: uint64, output of the move generator for all blocks.
        moving: bool [N], the games that moved; the others stay as they are.
        results: Written for every game.
        outputs: Observations, written for every game.
    """

    games: Games
    legal: NDArray[np.uint64]
    planes: NDArray[np.uint64]
    moving: NDArray[np.bool_]
    results: Results
    outputs: Outputs


def new_scratch() -> Scratch:
    """Room for one thread."""
    return Scratch(new_mask_scratch(), np.zeros((1, STATE_SIZE), np.uint8))


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
    state, planes, mask = outputs.state, outputs.planes, outputs.mask
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
def _enter_end(games: Games, game: Int, verdict: tuple[Int, Int], results: Results) -> None:
    """Enter the end of a game, (Termination, winner)."""
    ended_by, winner = verdict
    if winner != NO_WINNER:
        results.rewards[game] = 1.0 if winner == 1 - turn_of(games, game) else -1.0
    results.terminations[game] = ended_by != _MAX_PLIES
    results.truncations[game] = ended_by == _MAX_PLIES
    results.termination[game] = ended_by
    results.winner[game] = winner
    results.plies[game] = games.plies[game]


@kernel
def begin_games(
    batch: GameBatch,
    starts: Starts,
    marked: NDArray[np.bool_],
    rules: Rules,
    scratch: Scratch,
    outputs: Outputs,
) -> None:
    """Begin some games at their next start positions, and write their observations.

    Args:
        batch: The games.
        starts: Where they begin.
        marked: bool [N], the games to begin.
        rules: What the games are played by.
        scratch: Room of its own.
        outputs: Where to write.
    """
    games = batch.games
    for game in range(marked.shape[0]):
        if not marked[game]:
            continue
        start = batch.next_start[game]
        copy_position(games, game, starts.games, start)
        start_history(games, game)
        for word in range(MASK_WORDS):
            batch.legal[game, word] = starts.legal[start, word]
        batch.next_start[game] = (start + 1) % starts.games.hashes.shape[0]
        batch.over[game] = False
        batch.last_actions[game] = -1
        batch.last_origins[game] = -1
        _write(games, (game, game + 1), batch.legal, rules.max_plies, scratch, outputs)


@kernel
def play_blocks(
    games: Games,
    moving: NDArray[np.bool_],
    actions: NDArray[np.int64],
    last_actions: NDArray[np.int64],
    last_origins: NDArray[np.int64],
    first_block: int,
    last_block: int,
) -> None:
    """Play the actions of the games that move.

    Args:
        games: The games.
        moving: bool [N], the games that move.
        actions: int64 [N], legal for the games that move.
        last_actions: int64 [N], the action played, written.
        last_origins: int64 [N], where it began, written (keisei.vec.batch.GameBatch).
        first_block: The first block of games.
        last_block: The block past the last.
    """
    last = min(last_block * LANES, games.hashes.shape[0])
    for game in range(first_block * LANES, last):
        if moving[game]:
            last_origins[game] = apply_action(games, game, actions[game])
            last_actions[game] = actions[game]


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
    games, legal, planes, moving, results, outputs = step
    mask_scratch = scratch.mask
    for block in range(first_block, last_block):
        first = block * LANES
        last = min(first + LANES, games.hashes.shape[0])
        pack_planes(planes, block * PLANE_WORDS * LANES, mask_scratch, legal, first)
        for game in range(first, last):
            at = block * PLANE_WORDS * LANES + game - first
            checkers = at + CHECKERS_WORD * LANES
            in_check = (planes[checkers] | planes[checkers + LANES]) != ZERO
            _clear_result(results, game)
            if not moving[game]:
                games.in_check[game] = in_check
                continue
            record_move(games, game, in_check)
            can_move = planes[at + ANY_MOVE_WORD * LANES] != ZERO
            verdict = judge(games, game, can_move, rules.max_plies, rules.declaration)
            if verdict[0] != _NONE:
                _enter_end(games, game, verdict, results)
        _write(games, (first, last), legal, rules.max_plies, scratch, outputs)


def find_moves(step: Step, rules: Rules, scratch: Scratch, blocks: tuple[int, int]) -> None:
    """Generate, judge and write the games of some blocks (the first, the one past the last)."""
    generate_blocks(step.games.words, *blocks, step.planes)
    conclude_blocks(step, rules, scratch, *blocks)


@kernel
def first_illegal(
    legal: NDArray[np.uint64], actions: NDArray[np.int64], moving: NDArray[np.bool_]
) -> int:
    """The first game that moves and whose action is not legal; -1 if there is none.

    Args:
        legal: uint64 [N in whole blocks, MASK_WORDS], packed legal actions.
        actions: int64 [N].
        moving: bool [N], the games that move.
    """
    for game in range(actions.shape[0]):
        if moving[game] and not is_legal(legal, game, actions[game]):
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
