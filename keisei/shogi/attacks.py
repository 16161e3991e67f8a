"""Who attacks what: armies as bitboards, rays, checks and pins, in the view of one player.

"Own" pieces are those of the player whose view it is, and move up; the opponent's move down.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.bitboard import (
    ZERO,
    Bitboard,
    both,
    down,
    down2_left,
    down2_right,
    down_left,
    down_right,
    either,
    inverse,
    left,
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
    up,
    up2_left,
    up2_right,
    up_left,
    up_right,
    where,
    without,
)
from keisei.shogi.jit import inline_kernel
from keisei.shogi.position import LANES, OWN_WORD, TURN_WORD, VIEW_WORDS

_BLOCK = np.uint64(LANES)
_VIEW = np.uint64(VIEW_WORDS * LANES)
_OWN = np.uint64(OWN_WORD * LANES)


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


@inline_kernel
def _pick(words: NDArray[np.uint64], at: np.uint64, other: np.uint64) -> Bitboard:
    """A pair of words of the mover's view: White's where ``other`` is all ones."""
    far = at + _VIEW
    lo, hi = words[at], words[at + _BLOCK]
    return lo ^ ((lo ^ words[far]) & other), hi ^ ((hi ^ words[far + _BLOCK]) & other)


@inline_kernel
def pieces_of(
    words: NDArray[np.uint64], base: np.uint64, other: np.uint64
) -> tuple[Bitboard, Bitboard, Bitboard, Bitboard, Bitboard]:
    """All pieces by the four bits of their codes, and own ones, in the mover's view.

    Args:
        words: uint64, the games' words (keisei.shogi.position.Games).
        base: index of the game's word 0.
        other: all ones to see the position as White, 0 as Black.
    """
    step = _BLOCK + _BLOCK
    b0 = _pick(words, base, other)
    b1 = _pick(words, base + step, other)
    b2 = _pick(words, base + step + step, other)
    b3 = _pick(words, base + step + step + step, other)
    return b0, b1, b2, b3, _pick(words, base + _OWN, other)


@inline_kernel
def army_of(b0: Bitboard, b1: Bitboard, b2: Bitboard, b3: Bitboard, side: Bitboard) -> Army:
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
def lines_down(foe: Army, free: Bitboard) -> Rays:
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
def king_lines(king: Bitboard, free: Bitboard) -> Rays:
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
def attacked_squares(foe: Army, lines: Rays) -> Bitboard:
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
def step_checkers(king: Bitboard, foe: Army) -> Bitboard:
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
def sliding_check_lines(king: Bitboard, rays: Rays, lines: Rays) -> Bitboard:
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
def pinned_pieces(
    rays: Rays, lines: Rays, own: Bitboard
) -> tuple[Bitboard, Bitboard, Bitboard, Bitboard]:
    """Own pieces alone between king and slider: on the file, the rank, falling and rising lines."""
    vertical = either(both(rays.up, lines.down), both(rays.down, lines.up))
    horizontal = either(both(rays.left, lines.right), both(rays.right, lines.left))
    falling = either(both(rays.up_left, lines.down_right), both(rays.down_right, lines.up_left))
    rising = either(both(rays.up_right, lines.down_left), both(rays.down_left, lines.up_right))
    return both(vertical, own), both(horizontal, own), both(falling, own), both(rising, own)


@inline_kernel
def pawn_drop_mates(words: NDArray[np.uint64], base: np.uint64) -> bool:
    """Whether a pawn dropped in front of the opponent's king is mate.

    Works in the opponent's view: only the king can step aside, or it or a piece that is not pinned
    can take the pawn. A pawn next to the king leaves no square to block.
    """
    other = ~(ZERO - words[base + np.uint64(TURN_WORD * LANES)])
    b0, b1, b2, b3, own = pieces_of(words, base, other)
    army = army_of(b0, b1, b2, b3, own)
    pawn = up(army.king)
    b0 = either(b0, pawn)  # the code of a pawn is 1
    taken = either(either(b0, b1), either(b2, b3))
    foe = army_of(b0, b1, b2, b3, without(taken, own))
    free = inverse(taken)
    lines = lines_down(foe, either(free, army.king))
    flight = without(without(_king_steps(army.king), own), attacked_squares(foe, lines))
    if flight[0] | flight[1]:
        return False
    pins = pinned_pieces(king_lines(army.king, free), lines, own)
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
def opposing_king(words: NDArray[np.uint64], base: np.uint64, other: np.uint64) -> Bitboard:
    """The opponent's king in the mover's view."""
    b0, b1, b2, b3, own = pieces_of(words, base, other)
    return without(without(without(without(b3, b2), b1), b0), own)
