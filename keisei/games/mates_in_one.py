"""Who can checkmate with one move, in many games at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.checks import keep_checks
from keisei.games.generating import Scratch, can_move, generate_block, gives_check, new_scratch
from keisei.games.layout import LANES, Slots, block_of, copy_slot, new_slots, slots_of
from keisei.games.masks import MASK_WORDS, new_masks, pack_planes
from keisei.games.movegen import new_planes
from keisei.games.placing import apply_action
from keisei.shogi.bitboard import ONE, ZERO, lowest_bit
from keisei.shogi.constants import MAX_LEGAL_MOVES
from keisei.shogi.intrinsics import Held, borrow, hold
from keisei.shogi.jit import Int, kernel, kernel_part
from keisei.shogi.kernel_threads import KernelThreads

NO_MATE = -1
"""In the place of an action."""
_ENOUGH = 32 * LANES
"""Positions after a check that are looked at together, or a few more."""
_ROOM = _ENOUGH + LANES * MAX_LEGAL_MOVES


class _Room(NamedTuple):
    """Where the checks of some games are tried.

    Attributes:
        slots: The positions after them.
        games: int64 [_ROOM], from which game each comes.
        actions: int64 [_ROOM], by which action.
        checks: uint64 [LANES, MASK_WORDS], actions of one block's games that may give check.
        planes: uint64, room for the planes of checks.
        scratch: Of the move generator.
    """

    slots: Slots
    games: NDArray[np.int64]
    actions: NDArray[np.int64]
    checks: NDArray[np.uint64]
    planes: NDArray[np.uint64]
    scratch: Scratch


@kernel_part
def _try_checks(
    room: _Room, tried: Int, slots: Slots, first: Int, checks: NDArray[np.uint64]
) -> Int:
    """Make each of the checks uint64 [MASK_WORDS] of a game's slot; how many are tried now."""
    for word in range(MASK_WORDS):
        bits = checks[word]
        while bits != ZERO:
            action = word * 64 + lowest_bit(bits)
            bits &= bits - ONE
            copy_slot(room.slots, tried, slots, first)
            apply_action(room.slots, tried, action)
            room.games[tried], room.actions[tried] = first, action
            tried += 1
    return tried


@kernel_part
def _note_mates(room: _Room, block: Int, tried: Int, mates: NDArray[np.int64]) -> None:
    """Note which positions of the room's block last looked at are mates, the first of each game."""
    begin, end = slots_of(block, tried)
    for slot in range(begin, end):
        is_mate = gives_check(room.scratch, slot) and not can_move(room.scratch, slot)
        if is_mate and mates[room.games[slot]] == NO_MATE:
            mates[room.games[slot]] = room.actions[slot]


@kernel
def _find_mates(
    held: Held[_Room], slots: Slots, first: int, past: int, mates: NDArray[np.int64]
) -> None:
    """Find a mate in one in some slots, which begin with a block; int64 [past] is written."""
    room = borrow(held)
    checks, planes = room.checks, room.scratch.planes
    mates[first:past] = NO_MATE
    game_block, past_blocks = block_of(first), block_of(past + LANES - 1)
    tried, tried_block, is_trying = 0, 0, False
    # Games and tries take turns in one loop: the move generator, most of what is to be compiled
    # here, stands in it once.
    while game_block < past_blocks or tried > 0:
        is_trying = is_trying or tried >= _ENOUGH or game_block == past_blocks
        words = room.slots.words if is_trying else slots.words
        block = tried_block if is_trying else game_block
        generate_block(words, block, planes)
        if is_trying:
            _note_mates(room, block, tried, mates)
            tried_block += 1
            if tried_block == block_of(tried + LANES - 1):
                tried, tried_block, is_trying = 0, 0, False
            continue
        keep_checks(words, block, planes, room.planes)
        pack_planes(planes, 0, room.scratch.mask, checks, 0)
        begin, end = slots_of(block, past)
        for game in range(begin, end):
            tried = _try_checks(room, tried, slots, game, checks[game - begin])
        game_block += 1


def _new_room() -> _Room:
    return _Room(
        new_slots(_ROOM),
        np.zeros(_ROOM, np.int64),
        np.zeros(_ROOM, np.int64),
        new_masks(LANES),
        new_planes(),
        new_scratch(),
    )


class MatesInOne:
    """Finds mates in one, in parts that threads share; one search at a time.

    Args:
        spans: The first slot of each part, which begins with a block, and the one past its last;
            none for who only asks about some slots at a time.
    """

    def __init__(self, spans: Sequence[tuple[int, int]] = ()) -> None:
        self._spans = list(spans)
        self._rooms = [hold(_new_room()) for _ in self._spans or [None]]
        self._threads = KernelThreads(len(self._rooms), "keisei-mates")

    def __reduce__(self) -> tuple[type["MatesInOne"], tuple[list[tuple[int, int]]]]:
        """A copy or a pickle is another one, with room and threads of its own."""
        return MatesInOne, (self._spans,)

    def find(self, slots: Slots) -> NDArray[np.int64]:
        """The lowest action that checkmates, int64 [S], in each of S slots; NO_MATE without one.

        A pawn drop that mates is no move, and a stalemate, though won, is no mate.
        """
        mates = np.empty(self._spans[-1][1], np.int64)
        tasks = [
            (room, slots, *span, mates) for room, span in zip(self._rooms, self._spans, strict=True)
        ]
        running = [self._threads.submit(_find_mates, *task) for task in tasks[1:]]
        try:
            _find_mates(*tasks[0])
        finally:
            for each in running:
                each.result()
        return mates

    def among(self, slots: Slots, first: int, past: int) -> NDArray[np.int64]:
        """The same in the slots first .. past - 1, int64 [past - first], without other threads."""
        mates = np.empty(past, np.int64)
        _find_mates(self._rooms[0], slots, first - first % LANES, past, mates)
        return mates[first:]

    def close(self) -> None:
        """Let the threads go; a later search starts new ones."""
        self._threads.close()
