"""Legal moves of a block of games, as sets of destinations.

A destination and a direction of travel determine the origin, so the legal moves of a position are
27 bitboards: ten directions, the same promoting, seven drops. The generator makes them directly.
Rays from the king find checks and pins; each direction then moves the pieces that are not pinned
off that line, to squares that answer a check. Nothing is tried out and taken back, and nothing
branches, so that the loop over the games of a block becomes vector code.

"Own" pieces are those of the player whose view it is, and move up; the opponent's move down.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.bitboard import (
    ALL,
    NOT_RANK_1,
    NOT_RANKS_1_2,
    ZERO,
    ZONE,
    Bitboard,
    both,
    down,
    down2_left,
    down2_right,
    down_left,
    down_right,
    either,
    files_of,
    inverse,
    left,
    mask_if,
    mask_if_any,
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
from keisei.shogi.jit import inline_kernel, kernel
from keisei.shogi.position import HAND_WORD, LANES, OWN_WORD, TURN_WORD, VIEW_WORDS, WORDS

CHECKERS_WORD = 2 * NUM_CLASSES
"""Word of the generator's output that holds the pieces giving check (lo, hi)."""
ANY_MOVE_WORD = CHECKERS_WORD + 2
"""Not 0 iff there is a legal move."""
PAWN_CHECK_WORD = CHECKERS_WORD + 3
"""Not 0 iff a pawn may be dropped in front of the opponent's king."""
PLANE_WORDS = CHECKERS_WORD + 4

_BLOCK = np.uint64(LANES)
_BYTE = np.uint64(0xFF)


class Army(NamedTuple):
    """One player's pieces by kind; ``gold`` holds everything that moves like a gold."""

    pawn: Bitboard
    lance: Bitboard
    knight: Bitboard
    silver: Bitboard
    bishop: Bitboard
    rook: Bitboard
    gold: Bitboard
    king: Bitboard
    horse: Bitboard
    dragon: Bitboard


class Rays(NamedTuple):
    """Squares reached along the eight lines."""

    up: Bitboard
    down: Bitboard
    left: Bitboard
    right: Bitboard
    up_left: Bitboard
    up_right: Bitboard
    down_left: Bitboard
    down_right: Bitboard


def new_planes(blocks: int = 1) -> NDArray[np.uint64]:
    """Room for the generator's output, uint64 [blocks * PLANE_WORDS * LANES]."""
    return np.zeros(blocks * PLANE_WORDS * LANES, np.uint64)


@inline_kernel
def _pick(words: NDArray[np.uint64], base: np.uint64, word: int, other: np.uint64) -> Bitboard:
    """A pair of words of the mover's view: White's where ``other`` is all ones."""
    at = base + np.uint64(word * LANES)
    far = at + np.uint64(VIEW_WORDS * LANES)
    lo, hi = words[at], words[at + _BLOCK]
    return lo ^ ((lo ^ words[far]) & other), hi ^ ((hi ^ words[far + _BLOCK]) & other)


@inline_kernel
def _army(b0: Bitboard, b1: Bitboard, b2: Bitboard, b3: Bitboard, side: Bitboard) -> Army:
    """One side's pieces from the code bits of all pieces (codes: keisei.shogi.constants)."""
    plain = without(side, b3)
    marked = both(side, b3)
    low = without(b0, b1)
    mid = without(b1, b0)
    bishops = both(low, b2)
    rooks = both(mid, b2)
    king = without(without(without(marked, b0), b1), b2)
    horse = both(marked, bishops)
    dragon = both(marked, rooks)
    gold = either(
        both(plain, both(both(b0, b1), b2)),
        without(marked, either(king, either(horse, dragon))),
    )
    return Army(
        without(both(plain, low), b2),
        without(both(plain, mid), b2),
        without(both(plain, both(b0, b1)), b2),
        without(without(both(plain, b2), b0), b1),
        both(plain, bishops),
        both(plain, rooks),
        gold,
        king,
        horse,
        dragon,
    )


@inline_kernel
def _lines_down(foe: Army, free: Bitboard) -> Rays:
    """Where the opponent's sliders reach, by their direction in this view."""
    straight = either(foe.rook, foe.dragon)
    diagonal = either(foe.bishop, foe.horse)
    return Rays(
        ray_up(straight, free),
        ray_down(either(straight, foe.lance), free),
        ray_left(straight, free),
        ray_right(straight, free),
        ray_up_left(diagonal, free),
        ray_up_right(diagonal, free),
        ray_down_left(diagonal, free),
        ray_down_right(diagonal, free),
    )


@inline_kernel
def _king_lines(king: Bitboard, free: Bitboard) -> Rays:
    """Squares from the king to the first piece on each line."""
    return Rays(
        ray_up(king, free),
        ray_down(king, free),
        ray_left(king, free),
        ray_right(king, free),
        ray_up_left(king, free),
        ray_up_right(king, free),
        ray_down_left(king, free),
        ray_down_right(king, free),
    )


@inline_kernel
def _attacked(foe: Army, lines: Rays) -> Bitboard:
    """Squares that the opponent attacks, protected pieces included."""
    silver_gold = either(foe.silver, foe.gold)
    orthogonal = either(either(foe.gold, foe.horse), foe.king)
    forward = either(either(foe.pawn, foe.silver), orthogonal)
    diagonal_forward = either(either(silver_gold, foe.dragon), foe.king)
    diagonal_backward = either(either(foe.silver, foe.dragon), foe.king)
    attacked = either(down(forward), up(orthogonal))
    attacked = either(attacked, either(left(orthogonal), right(orthogonal)))
    attacked = either(attacked, either(down_left(diagonal_forward), down_right(diagonal_forward)))
    attacked = either(attacked, either(up_left(diagonal_backward), up_right(diagonal_backward)))
    attacked = either(attacked, either(down2_left(foe.knight), down2_right(foe.knight)))
    attacked = either(attacked, either(lines.up, lines.down))
    attacked = either(attacked, either(lines.left, lines.right))
    attacked = either(attacked, either(lines.up_left, lines.up_right))
    return either(attacked, either(lines.down_left, lines.down_right))


@inline_kernel
def _king_steps(king: Bitboard) -> Bitboard:
    """The squares around the king."""
    sides = either(left(king), right(king))
    row = either(sides, king)
    return either(sides, either(up(row), down(row)))


@inline_kernel
def _step_checkers(king: Bitboard, foe: Army) -> Bitboard:
    """The opponent's pieces that attack the king by a step or a jump."""
    silver_gold = either(foe.silver, foe.gold)
    orthogonal = either(foe.gold, foe.horse)
    ahead = both(up(king), either(either(foe.pawn, foe.silver), orthogonal))
    diagonal = both(either(up_left(king), up_right(king)), either(silver_gold, foe.dragon))
    beside = both(either(either(left(king), right(king)), down(king)), orthogonal)
    behind = both(either(down_left(king), down_right(king)), either(foe.silver, foe.dragon))
    jump = both(either(up2_left(king), up2_right(king)), foe.knight)
    return either(either(either(ahead, diagonal), either(beside, behind)), jump)


@inline_kernel
def _sliding_check_lines(king: Bitboard, rays: Rays, lines: Rays) -> Bitboard:
    """The squares from the king to each slider that gives check, the slider included."""
    squares = where(mask_if_any(both(lines.down, king)), rays.up)
    squares = either(squares, where(mask_if_any(both(lines.up, king)), rays.down))
    squares = either(squares, where(mask_if_any(both(lines.right, king)), rays.left))
    squares = either(squares, where(mask_if_any(both(lines.left, king)), rays.right))
    squares = either(squares, where(mask_if_any(both(lines.down_right, king)), rays.up_left))
    squares = either(squares, where(mask_if_any(both(lines.down_left, king)), rays.up_right))
    squares = either(squares, where(mask_if_any(both(lines.up_right, king)), rays.down_left))
    return either(squares, where(mask_if_any(both(lines.up_left, king)), rays.down_right))


@inline_kernel
def _pinned(
    rays: Rays, lines: Rays, own: Bitboard
) -> tuple[Bitboard, Bitboard, Bitboard, Bitboard]:
    """Own pieces alone between king and slider: on the file, the rank, falling and rising lines."""
    vertical = either(both(rays.up, lines.down), both(rays.down, lines.up))
    horizontal = either(both(rays.left, lines.right), both(rays.right, lines.left))
    falling = either(both(rays.up_left, lines.down_right), both(rays.down_right, lines.up_left))
    rising = either(both(rays.up_right, lines.down_left), both(rays.down_left, lines.up_right))
    return both(vertical, own), both(horizontal, own), both(falling, own), both(rising, own)


@inline_kernel
def _put(out: NDArray[np.uint64], at: np.uint64, plane: int, squares: Bitboard) -> np.uint64:
    """Write one plane; returns a word that is not 0 iff the plane has a square."""
    index = at + np.uint64(2 * plane * LANES)
    out[index] = squares[0]
    out[index + _BLOCK] = squares[1]
    return squares[0] | squares[1]


@inline_kernel
def _put_moves(
    out: NDArray[np.uint64],
    at: np.uint64,
    direction: int,
    moves: tuple[Bitboard, Bitboard],
    king_move: Bitboard,
) -> np.uint64:
    """Write a direction's planes from (all moves, moves that may promote); the king's added."""
    found = _put(out, at, direction, either(moves[0], king_move))
    return found | _put(out, at, direction + FIRST_PROMOTION_CLASS, moves[1])


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


@inline_kernel
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
    found = _put_moves(out, at, 0, _forward(upright, target, army, free), both(up(king), safe))

    rook, dragon, step = both(army.rook, level), both(army.dragon, level), both(steppers, level)
    moves = _join(ray_left(rook, free), either(left(step), ray_left(dragon, free)), target)
    found |= _put_moves(out, at, 3, moves, both(left(king), safe))
    moves = _join(ray_right(rook, free), either(right(step), ray_right(dragon, free)), target)
    found |= _put_moves(out, at, 4, moves, both(right(king), safe))

    # Moving down, only a start in the zone promotes.
    rook = both(army.rook, upright)
    leaving = both(ray_down(both(rook, ZONE), free), target)
    slow = either(without(rook, ZONE), both(army.dragon, upright))
    rest = both(either(down(both(steppers, upright)), ray_down(slow, free)), target)
    moves = (either(leaving, rest), leaving)
    return found | _put_moves(out, at, 5, moves, both(down(king), safe))


@inline_kernel
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
    found = _put_moves(out, at, 1, _join(may, never, target), both(up_left(king), safe))
    leaving = either(down_right(both(silver, ZONE)), ray_down_right(both(bishop, ZONE), free))
    rest = either(
        down_right(either(without(silver, ZONE), both(army.dragon, falling))),
        ray_down_right(either(without(bishop, ZONE), horse), free),
    )
    moves = (both(either(leaving, rest), target), both(leaving, target))
    found |= _put_moves(out, at, 7, moves, both(down_right(king), safe))

    silver, bishop, horse = (
        both(army.silver, rising),
        both(army.bishop, rising),
        both(army.horse, rising),
    )
    may = either(up_right(silver), ray_up_right(bishop, free))
    never = either(up_right(both(steppers, rising)), ray_up_right(horse, free))
    found |= _put_moves(out, at, 2, _join(may, never, target), both(up_right(king), safe))
    leaving = either(down_left(both(silver, ZONE)), ray_down_left(both(bishop, ZONE), free))
    rest = either(
        down_left(either(without(silver, ZONE), both(army.dragon, rising))),
        ray_down_left(either(without(bishop, ZONE), horse), free),
    )
    moves = (both(either(leaving, rest), target), both(leaving, target))
    return found | _put_moves(out, at, 6, moves, both(down_left(king), safe))


@inline_kernel
def _put_jumps(
    out: NDArray[np.uint64], at: np.uint64, knights: Bitboard, target: Bitboard
) -> np.uint64:
    """Planes of the knight's directions; on the last two ranks it must promote."""
    jump = both(up2_left(knights), target)
    found = _put(out, at, 8, both(jump, NOT_RANKS_1_2)) | _put(out, at, 18, both(jump, ZONE))
    jump = both(up2_right(knights), target)
    found |= _put(out, at, 9, both(jump, NOT_RANKS_1_2)) | _put(out, at, 19, both(jump, ZONE))
    return found


@inline_kernel
def _held(hand: np.uint64, hand_type: int) -> np.uint64:
    """All ones if the hand holds a piece of this type."""
    return mask_if(((hand >> np.uint64(8 * hand_type)) & _BYTE) != ZERO)


@inline_kernel
def _put_drops(
    out: NDArray[np.uint64], at: np.uint64, hand: np.uint64, pawns: Bitboard, target: Bitboard
) -> np.uint64:
    """Planes of the drops: no dead ends, no second pawn on a file. Mating pawns are still in."""
    past_rank_1 = both(target, NOT_RANK_1)
    found = _put(out, at, 20, where(_held(hand, 0), without(past_rank_1, files_of(pawns))))
    found |= _put(out, at, 21, where(_held(hand, 1), past_rank_1))
    found |= _put(out, at, 22, where(_held(hand, 2), both(target, NOT_RANKS_1_2)))
    found |= _put(out, at, 23, where(_held(hand, 3), target))
    found |= _put(out, at, 24, where(_held(hand, 4), target))
    found |= _put(out, at, 25, where(_held(hand, 5), target))
    return found | _put(out, at, 26, where(_held(hand, 6), target))


@inline_kernel
def _generate(words: NDArray[np.uint64], block: int, out: NDArray[np.uint64]) -> None:
    """Write the legal moves of a block of games, mating pawn drops still among them."""
    first = np.uint64(block) * np.uint64(WORDS * LANES)
    out_first = np.uint64(block) * np.uint64(PLANE_WORDS * LANES)
    for index in range(LANES):
        lane = np.uint64(index)
        base = first + lane
        at = out_first + lane
        other = ZERO - words[base + np.uint64(TURN_WORD * LANES)]
        b0, b1 = _pick(words, base, 0, other), _pick(words, base, 2, other)
        b2, b3 = _pick(words, base, 4, other), _pick(words, base, 6, other)
        own = _pick(words, base, OWN_WORD, other)
        taken = either(either(b0, b1), either(b2, b3))
        free = inverse(taken)
        army = _army(b0, b1, b2, b3, own)
        foe = _army(b0, b1, b2, b3, without(taken, own))

        # The king does not shield squares from a slider that it runs away from.
        lines = _lines_down(foe, either(free, army.king))
        rays = _king_lines(army.king, free)
        safe = without(inverse(own), _attacked(foe, lines))
        check_lines = _sliding_check_lines(army.king, rays, lines)
        steppers = _step_checkers(army.king, foe)
        checkers = either(steppers, without(check_lines, free))
        unchecked = mask_if((checkers[0] | checkers[1]) == ZERO)
        answers = where(
            ~mask_if(several(checkers)),
            either(either(check_lines, steppers), where(unchecked, ALL)),
        )
        target = without(answers, own)
        pins = _pinned(rays, lines, own)

        found = _put_straight(out, at, army, pins, free, target, safe)
        found |= _put_diagonal(out, at, army, pins, free, target, safe)
        unpinned = inverse(either(either(pins[0], pins[1]), either(pins[2], pins[3])))
        found |= _put_jumps(out, at, both(army.knight, unpinned), target)
        hand_at = base + np.uint64(HAND_WORD * LANES)
        black_hand = words[hand_at]
        hand = black_hand ^ ((black_hand ^ words[hand_at + _BLOCK]) & other)
        found |= _put_drops(out, at, hand, army.pawn, both(answers, free))
        _put(out, at, CHECKERS_WORD // 2, checkers)
        out[at + np.uint64(ANY_MOVE_WORD * LANES)] = found
        pawn_at = at + np.uint64(2 * FIRST_DROP_CLASS * LANES)
        pawn_check = both((out[pawn_at], out[pawn_at + _BLOCK]), down(foe.king))
        out[at + np.uint64(PAWN_CHECK_WORD * LANES)] = pawn_check[0] | pawn_check[1]


@inline_kernel
def _pawn_drop_mates(words: NDArray[np.uint64], base: np.uint64) -> bool:
    """Whether a pawn dropped in front of the opponent's king is mate.

    Works in the opponent's view: only the king can step aside, or it or a piece that is not pinned
    can take the pawn. A pawn next to the king leaves no square to block.
    """
    other = ~(ZERO - words[base + np.uint64(TURN_WORD * LANES)])
    b0, b1 = _pick(words, base, 0, other), _pick(words, base, 2, other)
    b2, b3 = _pick(words, base, 4, other), _pick(words, base, 6, other)
    own = _pick(words, base, OWN_WORD, other)
    army = _army(b0, b1, b2, b3, own)
    pawn = up(army.king)
    b0 = either(b0, pawn)  # the code of a pawn is 1
    taken = either(either(b0, b1), either(b2, b3))
    foe = _army(b0, b1, b2, b3, without(taken, own))
    free = inverse(taken)
    lines = _lines_down(foe, either(free, army.king))
    flight = without(without(_king_steps(army.king), own), _attacked(foe, lines))
    if flight[0] | flight[1]:
        return False
    pins = _pinned(_king_lines(army.king, free), lines, own)
    # A piece pinned along the file stands behind its king and cannot reach the pawn.
    pinned = either(either(pins[0], pins[1]), either(pins[2], pins[3]))
    takers = without(_takers(pawn, army, free), pinned)
    return (takers[0] | takers[1]) == ZERO


@inline_kernel
def _takers(square: Bitboard, army: Army, free: Bitboard) -> Bitboard:
    """Own pieces other than the king that can move to a square, pins aside."""
    orthogonal = either(army.gold, army.horse)
    steps = both(down(square), either(either(army.pawn, army.silver), orthogonal))
    diagonal = both(
        either(down_left(square), down_right(square)),
        either(either(army.silver, army.gold), army.dragon),
    )
    beside = both(either(either(left(square), right(square)), up(square)), orthogonal)
    back = both(either(up_left(square), up_right(square)), either(army.silver, army.dragon))
    jump = both(either(down2_left(square), down2_right(square)), army.knight)
    straight = either(army.rook, army.dragon)
    lines = both(ray_down(square, free), either(straight, army.lance))
    lines = either(lines, both(ray_up(square, free), straight))
    lines = either(lines, both(either(ray_left(square, free), ray_right(square, free)), straight))
    slant = either(
        either(ray_up_left(square, free), ray_up_right(square, free)),
        either(ray_down_left(square, free), ray_down_right(square, free)),
    )
    lines = either(lines, both(slant, either(army.bishop, army.horse)))
    return either(either(either(steps, diagonal), either(beside, back)), either(jump, lines))


@inline_kernel
def _forbid_mating_pawn_drops(
    words: NDArray[np.uint64], block: int, out: NDArray[np.uint64]
) -> None:
    """Take the drops that give uchifuzume out of a block's planes."""
    first = np.uint64(block) * np.uint64(WORDS * LANES)
    out_first = np.uint64(block) * np.uint64(PLANE_WORDS * LANES)
    for index in range(LANES):
        at = out_first + np.uint64(index)
        if out[at + np.uint64(PAWN_CHECK_WORD * LANES)] == ZERO:
            continue
        base = first + np.uint64(index)
        if not _pawn_drop_mates(words, base):
            continue
        other = ZERO - words[base + np.uint64(TURN_WORD * LANES)]
        king = _opposing_king(words, base, other)
        pawn_at = at + np.uint64(2 * (FIRST_DROP_CLASS + PAWN - 1) * LANES)
        left_over = without((out[pawn_at], out[pawn_at + _BLOCK]), down(king))
        out[pawn_at], out[pawn_at + _BLOCK] = left_over
        found = ZERO
        for word in range(2 * NUM_CLASSES):
            found |= out[at + np.uint64(word * LANES)]
        out[at + np.uint64(ANY_MOVE_WORD * LANES)] = found


@inline_kernel
def _opposing_king(words: NDArray[np.uint64], base: np.uint64, other: np.uint64) -> Bitboard:
    """The opponent's king in the mover's view."""
    king = _pick(words, base, 6, other)
    for word in (0, 2, 4, OWN_WORD):
        king = without(king, _pick(words, base, word, other))
    return king


@kernel
def generate_blocks(
    words: NDArray[np.uint64], first: int, last: int, out: NDArray[np.uint64]
) -> None:
    """Write the legal moves of some blocks of games.

    The one entry to the generator, compiled once for single games, perft and batches alike.

    Args:
        words: uint64, the games' words (keisei.shogi.position.Games).
        first: The first block.
        last: The block past the last.
        out: uint64, PLANE_WORDS words a game in blocks like ``words``: 27 planes in the mover's
            view, then CHECKERS_WORD, ANY_MOVE_WORD, PAWN_CHECK_WORD.
    """
    for block in range(first, last):
        _generate(words, block, out)
        _forbid_mating_pawn_drops(words, block, out)
