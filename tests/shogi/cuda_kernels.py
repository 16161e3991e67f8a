"""Kernels for a GPU around the rule functions of this package: one game a thread.

They are no more than calls; what they show is that the same source serves both machines. On a GPU
a block of games is a warp, whose threads read neighbouring words.
"""

import sys
from typing import Any

import numpy as np
from numba import cuda as _cuda  # noqa: TID251 (the tests' own kernels)
from numpy.typing import NDArray

from keisei.games.endings import Rules, judge_game
from keisei.games.history import History, count_repeats, record_check, remember
from keisei.games.layout import LANES, Slots, blocks_of, slot_base
from keisei.games.masks import MASK_WORDS, new_mask_scratch, pack_planes
from keisei.games.movegen import (
    ANY_MOVE_WORD,
    CHECKERS_WORD,
    PAWN_CHECK_WORD,
    PLANE_WORDS,
    forbid_mating_pawn_drop,
    generate_slot,
    new_planes,
)
from keisei.games.observing import NUM_PLANES, write_planes, write_state
from keisei.games.placing import apply_action
from keisei.shogi.bitboard import ZERO
from keisei.shogi.features import STATE_SIZE
from keisei.shogi.jit import inline_kernel

cuda: Any = _cuda


@inline_kernel
def output_base(game: int) -> int:
    """Index into the generator's output of a game's word 0."""
    return (game // LANES) * PLANE_WORDS * LANES + game % LANES


@cuda.jit
def play(
    slots: Slots, history: History, moving: NDArray[np.bool_], actions: NDArray[np.int64]
) -> None:
    """Play the actions of the games that move."""
    game = cuda.grid(1)
    if game < moving.shape[0] and moving[game]:
        apply_action(slots, game, np.int64(actions[game]))
        remember(slots, history, game)


@cuda.jit
def generate(words: NDArray[np.uint64], planes: NDArray[np.uint64]) -> None:
    """Write the legal moves of all games, mating pawn drops still among them."""
    game = cuda.grid(1)
    generate_slot(words, slot_base(game), planes, np.uint64(output_base(game)))


@cuda.jit
def forbid(words: NDArray[np.uint64], planes: NDArray[np.uint64]) -> None:
    """Take the mating pawn drops out. In one kernel with ``generate`` registers would run out."""
    game = cuda.grid(1)
    at = output_base(game)
    if planes[at + PAWN_CHECK_WORD * LANES] != ZERO:
        forbid_mating_pawn_drop(words, slot_base(game), planes, np.uint64(at))


@cuda.jit
def conclude(
    slots: Slots,
    history: History,
    moving: NDArray[np.bool_],
    planes: NDArray[np.uint64],
    max_plies: int,
    verdicts: NDArray[np.int64],
) -> None:
    """Record the moves played and write (Termination, winner) of the games that moved."""
    game = cuda.grid(1)
    if game < moving.shape[0] and moving[game]:
        at = output_base(game)
        checkers = at + CHECKERS_WORD * LANES
        record_check(slots, game, (planes[checkers] | planes[checkers + LANES]) != ZERO)
        count_repeats(slots, history, game)
        can_move = planes[at + ANY_MOVE_WORD * LANES] != ZERO
        verdict = judge_game(slots, history, game, can_move, Rules(max_plies, True))
        verdicts[game, 0], verdicts[game, 1] = verdict


@cuda.jit
def pack(
    planes: NDArray[np.uint64], scratch: NDArray[np.uint64], legal: NDArray[np.uint64]
) -> None:
    """Write the packed masks; here a thread takes a whole block of games."""
    block = cuda.grid(1)
    pack_planes(planes, block * PLANE_WORDS * LANES, scratch[block], legal, block * LANES)


@cuda.jit
def observe(
    slots: Slots, max_plies: int, state: NDArray[np.uint8], planes: NDArray[np.uint8]
) -> None:
    """Write the compact states and the planes."""
    game = cuda.grid(1)
    if game < state.shape[0]:
        write_state(slots, game, max_plies, state, game)
        write_planes(state, game, planes, game)


class Arrays:
    """What the kernels read and write, for the games of an environment's state.

    Args:
        state: Arrays of ``ShogiVectorEnv.get_state`` by name, beside them "moving" and "actions".
    """

    def __init__(self, state: dict[str, NDArray[Any]]) -> None:
        self.slots = Slots(*(state[name] for name in Slots._fields))
        self.history = History(state["history"], state["seen"])
        self.moving, self.actions = state["moving"], state["actions"]
        num_games = len(self.moving)
        self.blocks = blocks_of(num_games)
        self.moves = new_planes(self.blocks)
        self.scratch = np.stack([new_mask_scratch()] * self.blocks)
        self.legal = np.zeros((self.blocks * LANES, MASK_WORDS), np.uint64)
        self.verdicts = np.zeros((num_games, 2), np.int64)
        self.state = np.zeros((num_games, STATE_SIZE), np.uint8)
        self.planes = np.zeros((num_games, NUM_PLANES * 81), np.uint8)

    def launches(self, max_plies: int) -> list[tuple[Any, int, int, tuple[Any, ...]]]:
        """The kernels of one step: (kernel, blocks of threads, threads a block, arguments)."""
        slots, history, moving = self.slots, self.history, self.moving
        moves, blocks = self.moves, self.blocks
        return [
            (play, blocks, LANES, (slots, history, moving, self.actions)),
            (generate, blocks, LANES, (slots.words, moves)),
            (forbid, blocks, LANES, (slots.words, moves)),
            (pack, 1, blocks, (moves, self.scratch, self.legal)),
            (conclude, blocks, LANES, (slots, history, moving, moves, max_plies, self.verdicts)),
            (observe, blocks, LANES, (slots, max_plies, self.state, self.planes)),
        ]


def main() -> None:
    """Step the games of one file, and write what became of them into another."""
    source, target, max_plies = sys.argv[1:]
    arrays = Arrays(dict(np.load(source)))
    for kernel, blocks, threads, arguments in arrays.launches(int(max_plies)):
        kernel[blocks, threads](*arguments)
    results = {name: getattr(arrays, name) for name in ("legal", "verdicts", "state", "planes")}
    results |= {"history": arrays.history.hashes, "seen": arrays.history.seen}
    np.savez(target, **arrays.slots._asdict(), **results)


if __name__ == "__main__":
    main()
