"""Which legal moves may give check, as sets of destinations."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.layout import LANES, TURN_WORD, WORDS, pieces_of
from keisei.games.planes import (
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
from keisei.shogi.attacks import Army, Rays, army_of, king_lines, pinned_pieces
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
)
from keisei.shogi.constants import (
    NUM_CLASSES,
)
from keisei.shogi.jit import Int, inline_kernel, kernel_part


class _Aims(NamedTuple):
    """Squares from which a piece of each kind attacks the opponent's king."""

    pawn: Bitboard
    lance: Bitboard
    knight: Bitboard
    silver: Bitboard
    bishop: Bitboard
    rook: Bitboard
    gold: Bitboard
    horse: Bitboard
    dragon: Bitboard


@inline_kernel
def _lines_up(army: Army, free: Bitboard) -> Rays:
    """Where the own sliders reach, by their direction."""
    straight = or_(army.rook, army.dragon)
    diagonal = or_(army.bishop, army.horse)
    return Rays(
        ray_up(or_(straight, army.lance), free),
        ray_down(straight, free),
        ray_left(straight, free),
        ray_right(straight, free),
        ray_up_left(diagonal, free),
        ray_up_right(diagonal, free),
        ray_down_left(diagonal, free),
        ray_down_right(diagonal, free),
    )


@inline_kernel
def _put_both(
    out: NDArray[np.uint64],
    at: np.uint64,
    plain: Bitboard,
    promoting: Bitboard,
    opening: Bitboard,
) -> None:
    """Write a direction's checks, and its moves that open a line to the king."""
    put(out, at, or_(plain, opening))
    put(out, at + PROMOTIONS, or_(promoting, opening))


@inline_kernel
def _straight(
    aims: _Aims, gold: Bitboard, horse: Bitboard, rook: Bitboard, dragon: Bitboard
) -> tuple[Bitboard, Bitboard]:
    """Checks along a file or rank, plain and promoting, from where these pieces go."""
    plain = or_(and_(gold, aims.gold), and_(horse, aims.horse))
    plain = or_(plain, or_(and_(rook, aims.rook), and_(dragon, aims.dragon)))
    return plain, and_(rook, aims.dragon)


@inline_kernel
def _diagonal(
    aims: _Aims, silver: Bitboard, dragon: Bitboard, bishop: Bitboard, horse: Bitboard
) -> tuple[Bitboard, Bitboard]:
    """Checks along a diagonal, plain and promoting, from where these pieces go."""
    plain = or_(and_(silver, aims.silver), and_(dragon, aims.dragon))
    plain = or_(plain, or_(and_(bishop, aims.bishop), and_(horse, aims.horse)))
    return plain, or_(and_(silver, aims.gold), and_(bishop, aims.horse))


@kernel_part
def _aims_at(king: Bitboard, free: Bitboard) -> _Aims:
    beside = or_(left(king), right(king))
    below = or_(down_left(king), down_right(king))
    above = or_(up_left(king), up_right(king))
    rays = king_lines(king, free)
    bishop = or_(or_(rays.up_left, rays.up_right), or_(rays.down_left, rays.down_right))
    rook = or_(or_(rays.up, rays.down), or_(rays.left, rays.right))
    around = or_(beside, or_(up(king), down(king)))
    return _Aims(
        pawn=down(king),
        lance=rays.down,
        knight=or_(down2_left(king), down2_right(king)),
        silver=or_(down(king), or_(below, above)),
        bishop=bishop,
        rook=rook,
        gold=or_(around, below),
        horse=or_(bishop, around),
        dragon=or_(rook, or_(below, above)),
    )


@kernel_part
def _put_straight(
    out: NDArray[np.uint64],
    at: np.uint64,
    army: Army,
    aims: _Aims,
    opening: Bitboard,
    free: Bitboard,
) -> None:
    gold, horse, rook, dragon = army.gold, army.horse, army.rook, army.dragon
    plain, promoting = _straight(
        aims, up(gold), up(horse), ray_up(rook, free), ray_up(dragon, free)
    )
    pawn, silver, lance = up(army.pawn), up(army.silver), ray_up(army.lance, free)
    plain = or_(plain, or_(and_(pawn, aims.pawn), and_(lance, aims.lance)))
    plain = or_(plain, and_(silver, aims.silver))
    promoting = or_(promoting, and_(or_(pawn, or_(silver, lance)), aims.gold))
    _put_both(out, at, plain, promoting, ray_up(opening, free))
    plain, promoting = _straight(
        aims, left(gold), left(horse), ray_left(rook, free), ray_left(dragon, free)
    )
    _put_both(out, at + LEFT, plain, promoting, ray_left(opening, free))
    plain, promoting = _straight(
        aims, right(gold), right(horse), ray_right(rook, free), ray_right(dragon, free)
    )
    _put_both(out, at + RIGHT, plain, promoting, ray_right(opening, free))
    plain, promoting = _straight(
        aims, down(gold), down(horse), ray_down(rook, free), ray_down(dragon, free)
    )
    _put_both(out, at + DOWN, plain, promoting, ray_down(opening, free))


@kernel_part
def _put_diagonal(
    out: NDArray[np.uint64],
    at: np.uint64,
    army: Army,
    aims: _Aims,
    opening: Bitboard,
    free: Bitboard,
) -> None:
    silver, dragon, bishop, horse = army.silver, army.dragon, army.bishop, army.horse
    plain, promoting = _diagonal(
        aims, up_left(silver), up_left(dragon), ray_up_left(bishop, free), ray_up_left(horse, free)
    )
    plain = or_(plain, and_(up_left(army.gold), aims.gold))
    _put_both(out, at + UP_LEFT, plain, promoting, ray_up_left(opening, free))
    plain, promoting = _diagonal(
        aims,
        up_right(silver),
        up_right(dragon),
        ray_up_right(bishop, free),
        ray_up_right(horse, free),
    )
    plain = or_(plain, and_(up_right(army.gold), aims.gold))
    _put_both(out, at + UP_RIGHT, plain, promoting, ray_up_right(opening, free))
    plain, promoting = _diagonal(
        aims,
        down_left(silver),
        down_left(dragon),
        ray_down_left(bishop, free),
        ray_down_left(horse, free),
    )
    _put_both(out, at + DOWN_LEFT, plain, promoting, ray_down_left(opening, free))
    plain, promoting = _diagonal(
        aims,
        down_right(silver),
        down_right(dragon),
        ray_down_right(bishop, free),
        ray_down_right(horse, free),
    )
    _put_both(out, at + DOWN_RIGHT, plain, promoting, ray_down_right(opening, free))


@kernel_part
def _write_slot(
    words: NDArray[np.uint64], base: np.uint64, out: NDArray[np.uint64], at: np.uint64
) -> None:
    """Write for each plane of a slot the squares to which a move, if legal, may give check.

    Arguments as for ``keisei.games.movegen.generate_slot``.
    """
    other = ZERO - words[base + np.uint64(TURN_WORD * LANES)]
    b0, b1, b2, b3, own = pieces_of(words, base, other)
    occupied = or_(or_(b0, b1), or_(b2, b3))
    free = not_(occupied)
    army = army_of(b0, b1, b2, b3, own)
    king = and_not(and_not(and_not(and_not(and_not(b3, b2), b1), b0), own), free)
    aims = _aims_at(king, free)
    pins = pinned_pieces(king_lines(king, free), _lines_up(army, free), own)
    opening = or_(or_(pins[0], pins[1]), or_(pins[2], pins[3]))
    _put_straight(out, at, army, aims, opening, free)
    _put_diagonal(out, at, army, aims, opening, free)
    jump = up2_left(army.knight)
    _put_both(
        out,
        at + UP2_LEFT,
        and_(jump, aims.knight),
        and_(jump, aims.gold),
        up2_left(opening),
    )
    jump = up2_right(army.knight)
    _put_both(
        out,
        at + UP2_RIGHT,
        and_(jump, aims.knight),
        and_(jump, aims.gold),
        up2_right(opening),
    )
    put(out, at + DROP_PAWN, aims.pawn)
    put(out, at + DROP_LANCE, aims.lance)
    put(out, at + DROP_KNIGHT, aims.knight)
    put(out, at + DROP_SILVER, aims.silver)
    put(out, at + DROP_BISHOP, aims.bishop)
    put(out, at + DROP_ROOK, aims.rook)
    put(out, at + DROP_GOLD, aims.gold)


@kernel_part
def keep_checks(
    words: NDArray[np.uint64],
    block: Int,
    planes: NDArray[np.uint64],
    checks: NDArray[np.uint64],
) -> None:
    """Leave those of a block's legal moves that may give check.

    All checks stay. What else stays are moves of a piece that stands between the opponent's king
    and a slider, along that line: who plays them out sees it.

    Args:
        words: uint64, of ``Slots``.
        block: Which block.
        planes: uint64, its moves as ``keisei.games.generating.generate_block`` writes them.
        checks: uint64, room as large as the planes.
    """
    first = np.uint64(block) * np.uint64(WORDS * LANES)
    # Apart from the planes: LLVM makes no vector code of a loop that changes them in place.
    for index in range(LANES):
        lane = np.uint64(index)
        _write_slot(words, first + lane, checks, lane)
    for index in range(2 * NUM_CLASSES * LANES):
        planes[index] &= checks[index]
