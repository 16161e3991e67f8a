"""Pictures as pixels: forms cover what they should, and a move changes its two squares."""

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.pictures.drawing import Figure, Outline
from keisei.pictures.raster import SQUARE_PIXELS, board_pixels, figure_pixels
from keisei.shogi import Board, Move

LEFT, TOP = 120, 36
"""Of the board in a frame, at 48 pixels a square."""


def squares_of(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The squares of a frame by file (1 first) and rank: [9, 9, 48, 48, 3]."""
    board = frame[TOP : TOP + 9 * SQUARE_PIXELS, LEFT : LEFT + 9 * SQUARE_PIXELS]
    tiles = board.reshape(9, SQUARE_PIXELS, 9, SQUARE_PIXELS, 3)
    return tiles.transpose(2, 0, 1, 3, 4)[::-1]


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> set[tuple[int, int]]:
    """Files and ranks, from 1, of the squares in which two frames differ."""
    differs = (squares_of(before) != squares_of(after)).any(axis=(2, 3, 4))
    return {(int(file) + 1, int(rank) + 1) for file, rank in np.argwhere(differs)}


def cover(path: str, scale: float = 1.0) -> NDArray[np.float32]:
    """How much of each pixel a form covers; 48 pixels are 100 units long."""
    stamp = figure_pixels(Figure(path, (Outline(path, "#ffffff", scale),)), turned=False)
    np.testing.assert_allclose(stamp.colours[..., :1] / 255, 1 - stamp.rest, atol=1e-6)
    return 1 - stamp.rest[..., 0]


def test_a_frame() -> None:
    frame = board_pixels(Board().placement())
    assert frame.shape == (480, 672, 3)
    assert frame.dtype == np.uint8
    assert frame[2, 2].tolist() == [0xFA, 0xF6, 0xEC]  # paper
    assert frame[TOP + 24 + 4 * 48, LEFT + 24 + 4 * 48].tolist() == [0xEE, 0xC0, 0x78]  # 5e, wood


@pytest.mark.parametrize(
    ("usi", "expected"),
    [("7g7f", {(7, 7), (7, 6)}), ("2h6h", {(2, 8), (6, 8)}), ("9i9h", {(9, 9), (9, 8)})],
)
def test_a_move_changes_its_squares(usi: str, expected: set[tuple[int, int]]) -> None:
    board = Board()
    before = board_pixels(board.placement())
    board.push_usi(usi)
    after = board_pixels(board.placement())
    assert changed(before, after) == expected
    coloured = board_pixels(board.placement(), Move.from_usi(usi))
    assert changed(after, coloured) == expected


def test_frames_are_fresh() -> None:
    first = board_pixels(Board().placement())
    first[:] = 0
    assert board_pixels(Board().placement()).any()


def test_whites_pieces_are_turned() -> None:
    board = Board("k8/9/4p4/9/9/9/4P4/9/8K b - 1")
    squares = squares_of(board_pixels(board.placement()))
    black, white = squares[4, 6], squares[4, 2]
    inner = slice(2, -1)  # the lines of the board are not the pieces'
    turned = white[::-1, ::-1][inner, inner].astype(int)
    assert not np.array_equal(white, black)
    # The turned samples fall on the other side of edges that they hit exactly.
    assert np.abs(turned - black[inner, inner]).mean() < 3


def test_the_plate_moves_with_the_turn() -> None:
    board = Board()
    red = [0xB5, 0x20, 0x1A]
    for black_to_move in (True, False, True):
        reds = (board_pixels(board.placement()) == red).all(axis=2)
        assert reds[:, LEFT + 9 * SQUARE_PIXELS :].any() == black_to_move
        assert reds[:, :LEFT].any() != black_to_move
        board.push(board.legal_moves[0])


def test_a_rectangle_covers_its_pixels_and_half_of_one() -> None:
    np.testing.assert_array_equal(cover("M0 0l100 0 0 25-100 0z"), np.ones((12, 48)))
    tall = cover("M0 0l100 0 0 25-100 0z", scale=12.5 / 12)
    assert tall.shape == (13, 50)
    np.testing.assert_array_equal(tall[:12, :50], np.ones((12, 50)))
    np.testing.assert_array_equal(tall[12], np.full(50, 0.5))


def test_a_triangle_covers_half_of_its_square() -> None:
    shares = cover("M0 0l100 0-100 100z")
    assert shares.sum() == pytest.approx(48 * 48 / 2, rel=0.02)
    assert shares[0, 0] == 1
    assert shares[47, 47] == 0


def test_contours_that_wind_back_are_holes_and_others_join() -> None:
    square = "M0 0l100 0 0 100-100 0z"
    against = "M25 25l0 50 50 0 0-50z"
    along = "M25 25l50 0 0 50-50 0z"
    assert cover(square + against).sum() == 48 * 48 * 3 / 4
    assert cover(square + along).sum() == 48 * 48


def test_curves() -> None:
    # A quarter: half of its square below the chord; above it two thirds of the other half, of
    # which the four straight pieces of a curve reach 15/16.
    path = "M0-100q100 0 100 100q0 100-100 100q-100 0-100-100q0-100 100-100z"
    radius = 48
    assert cover(path).sum() == pytest.approx(4 * radius**2 * (1 / 2 + 1 / 3 * 15 / 16), rel=0.002)
