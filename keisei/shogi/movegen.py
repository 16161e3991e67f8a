"""Legal moves of a block of games, as sets of destinations.

A destination and a direction of travel determine the origin, so the legal moves of a position are
27 bitboards: ten directions, the same promoting, seven drops. The generator makes them directly.
Rays from the king find checks and pins; each direction then moves the pieces that are not pinned
off that line, to squares that answer a check. Nothing is tried out and taken back, and nothing
branches, so that the loop over the games of a block becomes vector code.

"Own" pieces are those of the player whose view it is, and move up; the opponent's move down.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.attacks import (
    Army,
    army_of,
    attacked_squares,
    king_lines,
    lines_down,
    opposing_king,
    pawn_drop_mates,
    pieces_of,
    pinned_pieces,
    sliding_check_lines,
    step_checkers,
)
from keisei.shogi.bitboard import (
    ALL,
    NOT_RANK_1,
    NOT_RANKS_1_2,
    ONE,
    ZERO,
    ZONE,
    Bitboard,
    both,
    down,
    down_left,
    down_right,
    either,
    files_of,
    inverse,
    left,
    lowest_bit,
    mask_if,
    ray_down,
    ray_down_left,
    ray_down_right,
    ray_left,
    ray_right,
    ray_up,
    ray_up_left,
    ray_up_right,
    right,
    several,
    up,
    up2_left,
    up2_right,
    up_left,
    up_right,
    where,
    without,
)
from keisei.shogi.constants import FIRST_DROP_CLASS, FIRST_PROMOTION_CLASS, NUM_CLASSES, PAWN
from keisei.shogi.jit import Int, inline_kernel, kernel, kernel_part
from keisei.shogi.position import HAND_WORD, LANES, TURN_WORD, WORDS, aligned_zeros

CHECKERS_WORD = 2 * NUM_CLASSES
"""Word of the generator's output that holds the pieces giving check (lo, hi)."""
ANY_MOVE_WORD = CHECKERS_WORD + 2
"""Not 0 iff there is a legal move."""
PAWN_CHECK_WORD = CHECKERS_WORD + 3
"""Not 0 iff a pawn may be dropped in front of the opponent's king."""
PLANE_WORDS = CHECKERS_WORD + 4

_BLOCK = np.uint64(LANES)
_BYTE = np.uint64(0xFF)
_CHECKERS = np.uint64(CHECKERS_WORD * LANES)
_PAWN_CHECK = np.uint64(PAWN_CHECK_WORD * LANES)
_PLANES = tuple(np.uint64(2 * plane * LANES) for plane in range(NUM_CLASSES))
"""Where the planes begin. Sums, not numbers of planes, are handed on: Numba compiles a function
anew for each constant that it is called with."""
_PROMOTIONS = _PLANES[FIRST_PROMOTION_CLASS]


def new_planes(blocks: int = 1) -> NDArray[np.uint64]:
    """Room for the generator's output, uint64 [blocks * PLANE_WORDS * LANES]."""
    return aligned_zeros(blocks * PLANE_WORDS * LANES, np.uint64)


@inline_kernel
def _put(out: NDArray[np.uint64], at: np.uint64, squares: Bitboard) -> np.uint64:
    """Write one plane; returns a word that is not 0 iff the plane has a square."""
    out[at] = squares[0]
    out[at + _BLOCK] = squares[1]
    return squares[0] | squares[1]


@inline_kernel
def _put_moves(
    out: NDArray[np.uint64],
    at: np.uint64,
    moves: tuple[Bitboard, Bitboard],
    king_move: Bitboard,
) -> np.uint64:
    """Write a direction's planes from (all moves, moves that may promote); the king's added."""
    found = _put(out, at, either(moves[0], king_move))
    return found | _put(out, at + _PROMOTIONS, moves[1])


@inline_kernel
def _forward(
    free_to_move: Bitboard, target: Bitboard, army: Army, free: Bitboard
) -> tuple[Bitboard, Bitboard]:
    """Moves up: pawns and lances must promote on the last rank."""
    must = either(up(both(army.pawn, free_to_move)), ray_up(both(army.lance, free_to_move), free))
    may = either(up(both(army.silver, free_to_move)), ray_up(both(army.rook, free_to_move), free))
    never = either(
        up(both(either(army.gold, army.horse), free_to_move)),
        ray_up(both(army.dragon, free_to_move), free),
    )
    plain = either(both(must, NOT_RANK_1), either(may, never))
    return both(plain, target), both(both(either(must, may), ZONE), target)


@inline_kernel
def _join(may: Bitboard, never: Bitboard, target: Bitboard) -> tuple[Bitboard, Bitboard]:
    """Planes of a direction that keeps or enters the zone only at its destination."""
    return both(either(may, never), target), both(both(may, ZONE), target)


@kernel_part
def _put_straight(
    out: NDArray[np.uint64],
    at: np.uint64,
    army: Army,
    pins: tuple[Bitboard, Bitboard, Bitboard, Bitboard],
    free: Bitboard,
    target: Bitboard,
    safe: Bitboard,
) -> np.uint64:
    """Planes of the directions UP, LEFT, RIGHT and DOWN."""
    king = army.king
    upright = inverse(either(pins[1], either(pins[2], pins[3])))
    level = inverse(either(pins[0], either(pins[2], pins[3])))
    steppers = either(army.gold, army.horse)
    found = _put_moves(out, at, _forward(upright, target, army, free), both(up(king), safe))

    rook, dragon, step = both(army.rook, level), both(army.dragon, level), both(steppers, level)
    moves = _join(ray_left(rook, free), either(left(step), ray_left(dragon, free)), target)
    found |= _put_moves(out, at + _PLANES[3], moves, both(left(king), safe))
    moves = _join(ray_right(rook, free), either(right(step), ray_right(dragon, free)), target)
    found |= _put_moves(out, at + _PLANES[4], moves, both(right(king), safe))

    # Moving down, only a start in the zone promotes.
    rook = both(army.rook, upright)
    leaving = both(ray_down(both(rook, ZONE), free), target)
    slow = either(without(rook, ZONE), both(army.dragon, upright))
    rest = both(either(down(both(steppers, upright)), ray_down(slow, free)), target)
    moves = (either(leaving, rest), leaving)
    return found | _put_moves(out, at + _PLANES[5], moves, both(down(king), safe))


@kernel_part
def _put_diagonal(
    out: NDArray[np.uint64],
    at: np.uint64,
    army: Army,
    pins: tuple[Bitboard, Bitboard, Bitboard, Bitboard],
    free: Bitboard,
    target: Bitboard,
    safe: Bitboard,
) -> np.uint64:
    """Planes of the directions UP_LEFT, UP_RIGHT, DOWN_LEFT and DOWN_RIGHT."""
    king = army.king
    straight_pins = either(pins[0], pins[1])
    falling = inverse(either(straight_pins, pins[3]))
    rising = inverse(either(straight_pins, pins[2]))
    steppers = either(army.gold, army.dragon)

    silver, bishop, horse = (
        both(army.silver, falling),
        both(army.bishop, falling),
        both(army.horse, falling),
    )
    may = either(up_left(silver), ray_up_left(bishop, free))
    never = either(up_left(both(steppers, falling)), ray_up_left(horse, free))
    found = _put_moves(out, at + _PLANES[1], _join(may, never, target), both(up_left(king), safe))
    leaving = either(down_right(both(silver, ZONE)), ray_down_right(both(bishop, ZONE), free))
    rest = either(
        down_right(either(without(silver, ZONE), both(army.dragon, falling))),
        ray_down_right(either(without(bishop, ZONE), horse), free),
    )
    moves = (both(either(leaving, rest), target), both(leaving, target))
    found |= _put_moves(out, at + _PLANES[7], moves, both(down_right(king), safe))

    silver, bishop, horse = (
        both(army.silver, rising),
        both(army.bishop, rising),
        both(army.horse, rising),
    )
    may = either(up_right(silver), ray_up_right(bishop, free))
    never = either(up_right(both(steppers, rising)), ray_up_right(horse, free))
    found |= _put_moves(out, at + _PLANES[2], _join(may, never, target), both(up_right(king), safe))
    leaving = either(down_left(both(silver, ZONE)), ray_down_left(both(bishop, ZONE), free))
    rest = either(
        down_left(either(without(silver, ZONE), both(army.dragon, rising))),
        ray_down_left(either(without(bishop, ZONE), horse), free),
    )
    moves = (both(either(leaving, rest), target), both(leaving, target))
    return found | _put_moves(out, at + _PLANES[6], moves, both(down_left(king), safe))


@kernel_part
def _put_jumps(
    out: NDArray[np.uint64], at: np.uint64, knights: Bitboard, target: Bitboard
) -> np.uint64:
    """Planes of the knight's directions; on the last two ranks it must promote."""
    jump = both(up2_left(knights), target)
    found = _put(out, at + _PLANES[8], both(jump, NOT_RANKS_1_2)) | _put(
        out, at + _PLANES[18], both(jump, ZONE)
    )
    jump = both(up2_right(knights), target)
    found |= _put(out, at + _PLANES[9], both(jump, NOT_RANKS_1_2)) | _put(
        out, at + _PLANES[19], both(jump, ZONE)
    )
    return found


@inline_kernel
def _held(hand: np.uint64) -> np.uint64:
    """All ones if the lowest byte of a hand counts a piece."""
    return mask_if((hand & _BYTE) != ZERO)


@kernel_part
def _put_drops(
    out: NDArray[np.uint64], at: np.uint64, hand: np.uint64, pawns: Bitboard, target: Bitboard
) -> np.uint64:
    """Planes of the drops: no dead ends, no second pawn on a file. Mating pawns are still in."""
    past_rank_1 = both(target, NOT_RANK_1)
    found = _put(out, at + _PLANES[20], where(_held(hand), without(past_rank_1, files_of(pawns))))
    found |= _put(out, at + _PLANES[21], where(_held(hand >> np.uint64(8)), past_rank_1))
    found |= _put(
        out, at + _PLANES[22], where(_held(hand >> np.uint64(16)), both(target, NOT_RANKS_1_2))
    )
    found |= _put(out, at + _PLANES[23], where(_held(hand >> np.uint64(24)), target))
    found |= _put(out, at + _PLANES[24], where(_held(hand >> np.uint64(32)), target))
    found |= _put(out, at + _PLANES[25], where(_held(hand >> np.uint64(40)), target))
    return found | _put(out, at + _PLANES[26], where(_held(hand >> np.uint64(48)), target))


@kernel_part
def generate_game(
    words: NDArray[np.uint64], base: np.uint64, out: NDArray[np.uint64], at: np.uint64
) -> None:
    """Write the legal moves of one game, mating pawn drops still among them.

    Args:
        words: uint64, the games' words (keisei.shogi.position.Games).
        base: Index of the game's word 0.
        out: uint64, see ``generate_blocks``.
        at: Index of the game's output word 0.
    """
    other = ZERO - words[base + np.uint64(TURN_WORD * LANES)]
    b0, b1, b2, b3, own = pieces_of(words, base, other)
    taken = either(either(b0, b1), either(b2, b3))
    free = inverse(taken)
    army = army_of(b0, b1, b2, b3, own)
    foe = army_of(b0, b1, b2, b3, without(taken, own))

    # The king does not shield squares from a slider that it runs away from.
    lines = lines_down(foe, either(free, army.king))
    rays = king_lines(army.king, free)
    safe = without(inverse(own), attacked_squares(foe, lines))
    check_lines = sliding_check_lines(army.king, rays, lines)
    steppers = step_checkers(army.king, foe)
    checkers = either(steppers, without(check_lines, free))
    unchecked = mask_if((checkers[0] | checkers[1]) == ZERO)
    answers = where(
        ~mask_if(several(checkers)),
        either(either(check_lines, steppers), where(unchecked, ALL)),
    )
    target = without(answers, own)
    pins = pinned_pieces(rays, lines, own)

    found = _put_straight(out, at, army, pins, free, target, safe)
    found |= _put_diagonal(out, at, army, pins, free, target, safe)
    unpinned = inverse(either(either(pins[0], pins[1]), either(pins[2], pins[3])))
    found |= _put_jumps(out, at, both(army.knight, unpinned), target)
    hand_at = base + np.uint64(HAND_WORD * LANES)
    black_hand = words[hand_at]
    hand = black_hand ^ ((black_hand ^ words[hand_at + _BLOCK]) & other)
    found |= _put_drops(out, at, hand, army.pawn, both(answers, free))
    _put(out, at + _CHECKERS, checkers)
    out[at + np.uint64(ANY_MOVE_WORD * LANES)] = found
    pawn_at = at + np.uint64(2 * FIRST_DROP_CLASS * LANES)
    pawn_check = both((out[pawn_at], out[pawn_at + _BLOCK]), down(foe.king))
    out[at + _PAWN_CHECK] = pawn_check[0] | pawn_check[1]


@kernel_part
def forbid_mating_pawn_drop(
    words: NDArray[np.uint64], base: np.uint64, out: NDArray[np.uint64], at: np.uint64
) -> None:
    """Take the pawn drop that gives uchifuzume, if one does, out of a game's planes.

    To be called when the game's PAWN_CHECK_WORD is not 0; arguments as for ``generate_game``.
    """
    if not pawn_drop_mates(words, base):
        return
    other = ZERO - words[base + np.uint64(TURN_WORD * LANES)]
    king = opposing_king(words, base, other)
    pawn_at = at + np.uint64(2 * (FIRST_DROP_CLASS + PAWN - 1) * LANES)
    left_over = without((out[pawn_at], out[pawn_at + _BLOCK]), down(king))
    out[pawn_at], out[pawn_at + _BLOCK] = left_over
    found = ZERO
    for word in range(2 * NUM_CLASSES):
        found |= out[at + np.uint64(word * LANES)]
    out[at + np.uint64(ANY_MOVE_WORD * LANES)] = found


@kernel_part
def generate_block(
    words: NDArray[np.uint64], block: Int, out: NDArray[np.uint64], out_block: Int
) -> None:
    """Write the legal moves of one block of games; the arrays are those of ``generate_blocks``."""
    first = np.uint64(block) * np.uint64(WORDS * LANES)
    out_first = np.uint64(out_block) * np.uint64(PLANE_WORDS * LANES)
    for index in range(LANES):
        lane = np.uint64(index)
        generate_game(words, first + lane, out, out_first + lane)
    # The few lanes in question are listed first: in a plain loop over all of them LLVM would make
    # vector code of the careful test, too, and run it for every game.
    lanes = ZERO
    for index in range(LANES):
        lane = np.uint64(index)
        lanes |= np.uint64(out[out_first + _PAWN_CHECK + lane] != ZERO) << lane
    while lanes != ZERO:
        lane = np.uint64(lowest_bit(lanes))
        lanes &= lanes - ONE
        forbid_mating_pawn_drop(words, first + lane, out, out_first + lane)


@kernel
def generate_blocks(
    words: NDArray[np.uint64], first: int, last: int, out: NDArray[np.uint64]
) -> None:
    """Write the legal moves of some blocks of games.

    Args:
        words: uint64, the games' words (keisei.shogi.position.Games).
        first: The first block.
        last: The block past the last.
        out: uint64, PLANE_WORDS words a game in blocks like ``words``: 27 planes in the mover's
            view, then CHECKERS_WORD, ANY_MOVE_WORD, PAWN_CHECK_WORD.
    """
    for block in range(first, last):
        generate_block(words, block, out, block)
