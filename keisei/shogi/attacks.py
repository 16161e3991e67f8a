"""Who attacks what: armies as bitboards, rays, checks and pins, in the view of one player.

"Own" pieces are those of the player whose view it is, and move up; the opponent's move down.
"""

from typing import NamedTuple

from keisei.shogi.bitboard import (
    ZERO,
    Bitboard,
    and_,
    and_not,
    down,
    down2_left,
    down2_right,
    down_left,
    down_right,
    left,
    mask_if_any,
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
    up,
    up2_left,
    up2_right,
    up_left,
    up_right,
    where,
)
from keisei.shogi.jit import inline_kernel


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
def army_of(b0: Bitboard, b1: Bitboard, b2: Bitboard, b3: Bitboard, side: Bitboard) -> Army:
    """One side's pieces from the code bits of all pieces (codes: keisei.shogi.constants)."""
    plain = and_not(side, b3)
    marked = and_(side, b3)
    low = and_not(b0, b1)
    mid = and_not(b1, b0)
    bishops = and_(low, b2)
    rooks = and_(mid, b2)
    king = and_not(and_not(and_not(marked, b0), b1), b2)
    horse = and_(marked, bishops)
    dragon = and_(marked, rooks)
    gold = or_(
        and_(plain, and_(and_(b0, b1), b2)),
        and_not(marked, or_(king, or_(horse, dragon))),
    )
    return Army(
        and_not(and_(plain, low), b2),
        and_not(and_(plain, mid), b2),
        and_not(and_(plain, and_(b0, b1)), b2),
        and_not(and_not(and_(plain, b2), b0), b1),
        and_(plain, bishops),
        and_(plain, rooks),
        gold,
        king,
        horse,
        dragon,
    )


@inline_kernel
def lines_down(foe: Army, free: Bitboard) -> Rays:
    """Where the opponent's sliders reach, by their direction in this view."""
    straight = or_(foe.rook, foe.dragon)
    diagonal = or_(foe.bishop, foe.horse)
    return Rays(
        ray_up(straight, free),
        ray_down(or_(straight, foe.lance), free),
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
    silver_gold = or_(foe.silver, foe.gold)
    orthogonal = or_(or_(foe.gold, foe.horse), foe.king)
    forward = or_(or_(foe.pawn, foe.silver), orthogonal)
    diagonal_forward = or_(or_(silver_gold, foe.dragon), foe.king)
    diagonal_backward = or_(or_(foe.silver, foe.dragon), foe.king)
    attacked = or_(down(forward), up(orthogonal))
    attacked = or_(attacked, or_(left(orthogonal), right(orthogonal)))
    attacked = or_(attacked, or_(down_left(diagonal_forward), down_right(diagonal_forward)))
    attacked = or_(attacked, or_(up_left(diagonal_backward), up_right(diagonal_backward)))
    attacked = or_(attacked, or_(down2_left(foe.knight), down2_right(foe.knight)))
    attacked = or_(attacked, or_(lines.up, lines.down))
    attacked = or_(attacked, or_(lines.left, lines.right))
    attacked = or_(attacked, or_(lines.up_left, lines.up_right))
    return or_(attacked, or_(lines.down_left, lines.down_right))


@inline_kernel
def _king_steps(king: Bitboard) -> Bitboard:
    """The squares around the king."""
    sides = or_(left(king), right(king))
    row = or_(sides, king)
    return or_(sides, or_(up(row), down(row)))


@inline_kernel
def step_checkers(king: Bitboard, foe: Army) -> Bitboard:
    """The opponent's pieces that attack the king by a step or a jump."""
    silver_gold = or_(foe.silver, foe.gold)
    orthogonal = or_(foe.gold, foe.horse)
    ahead = and_(up(king), or_(or_(foe.pawn, foe.silver), orthogonal))
    diagonal = and_(or_(up_left(king), up_right(king)), or_(silver_gold, foe.dragon))
    beside = and_(or_(or_(left(king), right(king)), down(king)), orthogonal)
    behind = and_(or_(down_left(king), down_right(king)), or_(foe.silver, foe.dragon))
    jump = and_(or_(up2_left(king), up2_right(king)), foe.knight)
    return or_(or_(or_(ahead, diagonal), or_(beside, behind)), jump)


@inline_kernel
def sliding_check_lines(king: Bitboard, rays: Rays, lines: Rays) -> Bitboard:
    """The squares from the king to each slider that gives check, the slider included."""
    squares = where(mask_if_any(and_(lines.down, king)), rays.up)
    squares = or_(squares, where(mask_if_any(and_(lines.up, king)), rays.down))
    squares = or_(squares, where(mask_if_any(and_(lines.right, king)), rays.left))
    squares = or_(squares, where(mask_if_any(and_(lines.left, king)), rays.right))
    squares = or_(squares, where(mask_if_any(and_(lines.down_right, king)), rays.up_left))
    squares = or_(squares, where(mask_if_any(and_(lines.down_left, king)), rays.up_right))
    squares = or_(squares, where(mask_if_any(and_(lines.up_right, king)), rays.down_left))
    return or_(squares, where(mask_if_any(and_(lines.up_left, king)), rays.down_right))


@inline_kernel
def pinned_pieces(
    rays: Rays, lines: Rays, own: Bitboard
) -> tuple[Bitboard, Bitboard, Bitboard, Bitboard]:
    """Own pieces alone between king and slider: on the file, the rank, falling and rising lines."""
    vertical = or_(and_(rays.up, lines.down), and_(rays.down, lines.up))
    horizontal = or_(and_(rays.left, lines.right), and_(rays.right, lines.left))
    falling = or_(and_(rays.up_left, lines.down_right), and_(rays.down_right, lines.up_left))
    rising = or_(and_(rays.up_right, lines.down_left), and_(rays.down_left, lines.up_right))
    return and_(vertical, own), and_(horizontal, own), and_(falling, own), and_(rising, own)


@inline_kernel
def pawn_drop_mates(b0: Bitboard, b1: Bitboard, b2: Bitboard, b3: Bitboard, own: Bitboard) -> bool:
    """Whether a pawn that the opponent drops in front of the own king is mate.

    Only the king can step aside, or it or a piece that is not pinned can take the pawn. A pawn
    next to the king leaves no square to block. The arguments are all pieces by the bits of their
    codes, and own ones, before the drop.
    """
    army = army_of(b0, b1, b2, b3, own)
    pawn = up(army.king)
    b0 = or_(b0, pawn)  # the code of a pawn is 1
    occupied = or_(or_(b0, b1), or_(b2, b3))
    foe = army_of(b0, b1, b2, b3, and_not(occupied, own))
    free = not_(occupied)
    lines = lines_down(foe, or_(free, army.king))
    flight = and_not(and_not(_king_steps(army.king), own), attacked_squares(foe, lines))
    if flight[0] | flight[1]:
        return False
    pins = pinned_pieces(king_lines(army.king, free), lines, own)
    # A piece pinned along the file stands behind its king and cannot reach the pawn.
    pinned = or_(or_(pins[0], pins[1]), or_(pins[2], pins[3]))
    takers = and_not(_takers(pawn, army, free), pinned)
    return (takers[0] | takers[1]) == ZERO


@inline_kernel
def _takers(square: Bitboard, army: Army, free: Bitboard) -> Bitboard:
    """Own pieces other than the king that can move to a square, pins aside."""
    orthogonal = or_(army.gold, army.horse)
    steps = and_(down(square), or_(or_(army.pawn, army.silver), orthogonal))
    diagonal = and_(
        or_(down_left(square), down_right(square)),
        or_(or_(army.silver, army.gold), army.dragon),
    )
    beside = and_(or_(or_(left(square), right(square)), up(square)), orthogonal)
    back = and_(or_(up_left(square), up_right(square)), or_(army.silver, army.dragon))
    jump = and_(or_(down2_left(square), down2_right(square)), army.knight)
    straight = or_(army.rook, army.dragon)
    lines = and_(ray_down(square, free), or_(straight, army.lance))
    lines = or_(lines, and_(ray_up(square, free), straight))
    lines = or_(lines, and_(or_(ray_left(square, free), ray_right(square, free)), straight))
    slant = or_(
        or_(ray_up_left(square, free), ray_up_right(square, free)),
        or_(ray_down_left(square, free), ray_down_right(square, free)),
    )
    lines = or_(lines, and_(slant, or_(army.bishop, army.horse)))
    return or_(or_(or_(steps, diagonal), or_(beside, back)), or_(jump, lines))
