"""Legal moves of a slot, as sets of destinations.

A destination and a direction of travel determine the origin, so the legal moves of a position are
27 bitboards: ten directions, the same promoting, seven drops. The generator makes them directly.
Rays from the king find checks and pins; each direction then moves the pieces that are not pinned
off that line, to squares that answer a check. Nothing is tried out and taken back, and nothing
branches, so that a loop over the slots of a block becomes vector code.

"Own" pieces are those of the player whose view it is, and move up; the opponent's move down.
"""

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import HAND_WORD, LANES, TURN_WORD, aligned_zeros, pieces_of
from keisei.games.planes import (
    BLOCK,
    DOWN,
    DOWN_LEFT,
    DOWN_RIGHT,
    DROP_BISHOP,
    DROP_GOLD,
    DROP_KNIGHT,
    DROP_LANCE,
    DROP_PAWN,
    DROP_ROOK,
    DROP_SILVER,
    LEFT,
    PROMOTIONS,
    RIGHT,
    UP2_LEFT,
    UP2_RIGHT,
    UP_LEFT,
    UP_RIGHT,
    put,
)
from keisei.shogi.attacks import (
    Army,
    army_of,
    attacked_squares,
    king_lines,
    lines_down,
    pawn_drop_mates,
    pinned_pieces,
    sliding_check_lines,
    step_checkers,
)
from keisei.shogi.bitboard import (
    ALL,
    NOT_RANK_1,
    NOT_RANKS_1_2,
    ZERO,
    ZONE,
    Bitboard,
    and_,
    and_not,
    down,
    down_left,
    down_right,
    files_of,
    left,
    mask_if,
    not_,
    or_,
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
)
from keisei.shogi.constants import (
    NUM_CLASSES,
)
from keisei.shogi.jit import inline_kernel, kernel_part

CHECKERS_WORD = 2 * NUM_CLASSES
"""Word of the generator's output that holds the pieces giving check (lo, hi)."""
ANY_MOVE_WORD = CHECKERS_WORD + 2
"""Not 0 iff there is a legal move."""
PAWN_CHECK_WORD = CHECKERS_WORD + 3
"""Not 0 iff a pawn may be dropped in front of the opponent's king."""
PLANE_WORDS = CHECKERS_WORD + 4

_BYTE = np.uint64(0xFF)
_CHECKERS = np.uint64(CHECKERS_WORD * LANES)
_PAWN_CHECK = np.uint64(PAWN_CHECK_WORD * LANES)


def new_planes(blocks: int = 1) -> NDArray[np.uint64]:
    """Room for the generator's output, uint64 [blocks * PLANE_WORDS * LANES]."""
    return aligned_zeros(blocks * PLANE_WORDS * LANES, np.uint64)


@inline_kernel
def _put_moves(
    out: NDArray[np.uint64],
    at: np.uint64,
    moves: tuple[Bitboard, Bitboard],
    king_move: Bitboard,
) -> np.uint64:
    """Write a direction's planes from (all moves, moves that may promote); the king's added."""
    found = put(out, at, or_(moves[0], king_move))
    return found | put(out, at + PROMOTIONS, moves[1])


@inline_kernel
def _forward(
    free_to_move: Bitboard, target: Bitboard, army: Army, free: Bitboard
) -> tuple[Bitboard, Bitboard]:
    """Moves up: pawns and lances must promote on the last rank."""
    must = or_(up(and_(army.pawn, free_to_move)), ray_up(and_(army.lance, free_to_move), free))
    may = or_(up(and_(army.silver, free_to_move)), ray_up(and_(army.rook, free_to_move), free))
    never = or_(
        up(and_(or_(army.gold, army.horse), free_to_move)),
        ray_up(and_(army.dragon, free_to_move), free),
    )
    plain = or_(and_(must, NOT_RANK_1), or_(may, never))
    return and_(plain, target), and_(and_(or_(must, may), ZONE), target)


@inline_kernel
def _join(may: Bitboard, never: Bitboard, target: Bitboard) -> tuple[Bitboard, Bitboard]:
    """Planes of a direction that keeps or enters the zone only at its destination."""
    return and_(or_(may, never), target), and_(and_(may, ZONE), target)


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
    upright = not_(or_(pins[1], or_(pins[2], pins[3])))
    level = not_(or_(pins[0], or_(pins[2], pins[3])))
    steppers = or_(army.gold, army.horse)
    found = _put_moves(out, at, _forward(upright, target, army, free), and_(up(king), safe))

    rook, dragon, step = and_(army.rook, level), and_(army.dragon, level), and_(steppers, level)
    moves = _join(ray_left(rook, free), or_(left(step), ray_left(dragon, free)), target)
    found |= _put_moves(out, at + LEFT, moves, and_(left(king), safe))
    moves = _join(ray_right(rook, free), or_(right(step), ray_right(dragon, free)), target)
    found |= _put_moves(out, at + RIGHT, moves, and_(right(king), safe))

    # Moving down, only a start in the zone promotes.
    rook = and_(army.rook, upright)
    leaving = and_(ray_down(and_(rook, ZONE), free), target)
    slow = or_(and_not(rook, ZONE), and_(army.dragon, upright))
    rest = and_(or_(down(and_(steppers, upright)), ray_down(slow, free)), target)
    moves = (or_(leaving, rest), leaving)
    return found | _put_moves(out, at + DOWN, moves, and_(down(king), safe))


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
    straight_pins = or_(pins[0], pins[1])
    falling = not_(or_(straight_pins, pins[3]))
    rising = not_(or_(straight_pins, pins[2]))
    steppers = or_(army.gold, army.dragon)

    silver, bishop, horse = (
        and_(army.silver, falling),
        and_(army.bishop, falling),
        and_(army.horse, falling),
    )
    may = or_(up_left(silver), ray_up_left(bishop, free))
    never = or_(up_left(and_(steppers, falling)), ray_up_left(horse, free))
    found = _put_moves(out, at + UP_LEFT, _join(may, never, target), and_(up_left(king), safe))
    leaving = or_(down_right(and_(silver, ZONE)), ray_down_right(and_(bishop, ZONE), free))
    rest = or_(
        down_right(or_(and_not(silver, ZONE), and_(army.dragon, falling))),
        ray_down_right(or_(and_not(bishop, ZONE), horse), free),
    )
    moves = (and_(or_(leaving, rest), target), and_(leaving, target))
    found |= _put_moves(out, at + DOWN_RIGHT, moves, and_(down_right(king), safe))

    silver, bishop, horse = (
        and_(army.silver, rising),
        and_(army.bishop, rising),
        and_(army.horse, rising),
    )
    may = or_(up_right(silver), ray_up_right(bishop, free))
    never = or_(up_right(and_(steppers, rising)), ray_up_right(horse, free))
    found |= _put_moves(out, at + UP_RIGHT, _join(may, never, target), and_(up_right(king), safe))
    leaving = or_(down_left(and_(silver, ZONE)), ray_down_left(and_(bishop, ZONE), free))
    rest = or_(
        down_left(or_(and_not(silver, ZONE), and_(army.dragon, rising))),
        ray_down_left(or_(and_not(bishop, ZONE), horse), free),
    )
    moves = (and_(or_(leaving, rest), target), and_(leaving, target))
    return found | _put_moves(out, at + DOWN_LEFT, moves, and_(down_left(king), safe))


@kernel_part
def _put_jumps(
    out: NDArray[np.uint64], at: np.uint64, knights: Bitboard, target: Bitboard
) -> np.uint64:
    """Planes of the knight's directions; on the last two ranks it must promote."""
    jump = and_(up2_left(knights), target)
    found = put(out, at + UP2_LEFT, and_(jump, NOT_RANKS_1_2)) | put(
        out, at + UP2_LEFT + PROMOTIONS, and_(jump, ZONE)
    )
    jump = and_(up2_right(knights), target)
    found |= put(out, at + UP2_RIGHT, and_(jump, NOT_RANKS_1_2)) | put(
        out, at + UP2_RIGHT + PROMOTIONS, and_(jump, ZONE)
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
    past_rank_1 = and_(target, NOT_RANK_1)
    found = put(out, at + DROP_PAWN, where(_held(hand), and_not(past_rank_1, files_of(pawns))))
    found |= put(out, at + DROP_LANCE, where(_held(hand >> np.uint64(8)), past_rank_1))
    found |= put(
        out, at + DROP_KNIGHT, where(_held(hand >> np.uint64(16)), and_(target, NOT_RANKS_1_2))
    )
    found |= put(out, at + DROP_SILVER, where(_held(hand >> np.uint64(24)), target))
    found |= put(out, at + DROP_BISHOP, where(_held(hand >> np.uint64(32)), target))
    found |= put(out, at + DROP_ROOK, where(_held(hand >> np.uint64(40)), target))
    return found | put(out, at + DROP_GOLD, where(_held(hand >> np.uint64(48)), target))


@kernel_part
def generate_slot(
    words: NDArray[np.uint64], base: np.uint64, out: NDArray[np.uint64], at: np.uint64
) -> None:
    """Write the legal moves of one slot, mating pawn drops still among them.

    Args:
        words: uint64, of ``Slots``.
        base: Index of the slot's word 0.
        out: uint64, from ``new_planes``: PLANE_WORDS words a slot, in blocks like ``words``: 27
            planes in the mover's view, then CHECKERS_WORD, ANY_MOVE_WORD, PAWN_CHECK_WORD.
        at: Index of the slot's output word 0.
    """
    other = ZERO - words[base + np.uint64(TURN_WORD * LANES)]
    b0, b1, b2, b3, own = pieces_of(words, base, other)
    occupied = or_(or_(b0, b1), or_(b2, b3))
    free = not_(occupied)
    army = army_of(b0, b1, b2, b3, own)
    foe = army_of(b0, b1, b2, b3, and_not(occupied, own))

    # The king does not shield squares from a slider that it runs away from.
    lines = lines_down(foe, or_(free, army.king))
    rays = king_lines(army.king, free)
    safe = and_not(not_(own), attacked_squares(foe, lines))
    check_lines = sliding_check_lines(army.king, rays, lines)
    steppers = step_checkers(army.king, foe)
    checkers = or_(steppers, and_not(check_lines, free))
    unchecked = mask_if((checkers[0] | checkers[1]) == ZERO)
    answers = where(
        ~mask_if(several(checkers)),
        or_(or_(check_lines, steppers), where(unchecked, ALL)),
    )
    target = and_not(answers, own)
    pins = pinned_pieces(rays, lines, own)

    found = _put_straight(out, at, army, pins, free, target, safe)
    found |= _put_diagonal(out, at, army, pins, free, target, safe)
    unpinned = not_(or_(or_(pins[0], pins[1]), or_(pins[2], pins[3])))
    found |= _put_jumps(out, at, and_(army.knight, unpinned), target)
    hand_at = base + np.uint64(HAND_WORD * LANES)
    black_hand = words[hand_at]
    hand = black_hand ^ ((black_hand ^ words[hand_at + BLOCK]) & other)
    found |= _put_drops(out, at, hand, army.pawn, and_(answers, free))
    put(out, at + _CHECKERS, checkers)
    out[at + np.uint64(ANY_MOVE_WORD * LANES)] = found
    pawn_at = at + DROP_PAWN
    pawn_check = and_((out[pawn_at], out[pawn_at + BLOCK]), down(foe.king))
    out[at + _PAWN_CHECK] = pawn_check[0] | pawn_check[1]


@kernel_part
def forbid_mating_pawn_drop(
    words: NDArray[np.uint64], base: np.uint64, out: NDArray[np.uint64], at: np.uint64
) -> None:
    """Take the pawn drop that gives uchifuzume, if one does, out of a slot's planes.

    To be called when the slot's PAWN_CHECK_WORD is not 0; arguments as for ``generate_slot``.
    """
    other = ZERO - words[base + np.uint64(TURN_WORD * LANES)]
    b0, b1, b2, b3, own = pieces_of(words, base, ~other)
    if not pawn_drop_mates(b0, b1, b2, b3, own):
        return
    b0, b1, b2, b3, own = pieces_of(words, base, other)
    king = and_not(and_not(and_not(and_not(b3, b2), b1), b0), own)
    pawn_at = at + DROP_PAWN
    left_over = and_not((out[pawn_at], out[pawn_at + BLOCK]), down(king))
    out[pawn_at], out[pawn_at + BLOCK] = left_over
    found = ZERO
    for word in range(2 * NUM_CLASSES):
        found |= out[at + np.uint64(word * LANES)]
    out[at + np.uint64(ANY_MOVE_WORD * LANES)] = found
