"""A position as pixels, drawn in NumPy from the outlines of its picture."""

import functools
import math
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.pictures.drawing import SQUARE, Figure, Outline, draw
from keisei.shogi.moves import Move
from keisei.shogi.notation import Placement

SQUARE_PIXELS = 48
"""Side of a square; a frame then measures 480 by 672, which video codecs take."""

_SCALE = SQUARE_PIXELS / SQUARE
_SUBPIXELS = 4
"""Samples in each direction by which a pixel's share of a form is counted."""
_CURVE_PARTS = 4
"""Straight pieces that stand for a quadratic curve."""
_COMMAND = re.compile(r"([Mlqz])([^Mlqz]*)")
_NUMBER = re.compile(r"-?\d+")


class FigurePixels(NamedTuple):
    """A figure in pixels.

    Attributes:
        colours: float32 [height, width, 3], already multiplied by the cover.
        rest: float32 [height, width, 1], what still shows of the ground, 0..1.
        top: Of the rows, relative to the figure's origin.
        left: Of the columns.
    """

    colours: NDArray[np.float32]
    rest: NDArray[np.float32]
    top: int
    left: int


def board_pixels(placement: Placement, last_move: Move | None = None) -> NDArray[np.uint8]:
    """The picture of a position as colours, uint8 [480, 672, 3] (rows, columns, RGB).

    Args:
        placement: The position.
        last_move: Its squares are coloured; None colours none.
    """
    ground, *marks = draw(placement, last_move)
    frame = _ground(ground.figure).copy()
    for mark in marks:
        stamp = figure_pixels(mark.figure, turned=mark.turned)
        top = round(mark.at[1] * _SCALE) + stamp.top
        left = round(mark.at[0] * _SCALE) + stamp.left
        height, width, _ = stamp.rest.shape
        below = frame[top : top + height, left : left + width]
        below[:] = below * stamp.rest + stamp.colours
    return frame


@functools.cache
def _ground(figure: Figure) -> NDArray[np.uint8]:
    """A figure that fills the frame."""
    return figure_pixels(figure, turned=False).colours.astype(np.uint8)


@functools.cache
def figure_pixels(figure: Figure, *, turned: bool) -> FigurePixels:
    """A figure as pixels about its origin, upright or turned by half a turn."""
    scale = -_SCALE if turned else _SCALE
    forms = [[scale * line for line in _contours(outline)] for outline in figure.outlines]
    points = np.concatenate([line for form in forms for line in form])
    left, top = math.floor(points.real.min()), math.floor(points.imag.min())
    width, height = math.ceil(points.real.max()) - left, math.ceil(points.imag.max()) - top
    colours = np.zeros((height, width, 3), np.float32)
    rest = np.ones((height, width, 1), np.float32)
    for outline, form in zip(figure.outlines, forms, strict=True):
        share = _share([line - complex(left, top) for line in form], height, width)
        colours += share * (np.array(list(bytes.fromhex(outline.colour[1:]))) - colours)
        rest *= 1 - share
    return FigurePixels(colours, rest, top, left)


def _contours(outline: Outline) -> list[NDArray[np.complex128]]:
    """The corners x + iy of an outline's contours, its curves as straight pieces."""
    contours: list[NDArray[np.complex128]] = []
    points: list[complex] = []
    for command, text in _COMMAND.findall(outline.path):
        numbers = [int(number) for number in _NUMBER.findall(text)]
        steps = [complex(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        if command == "M":
            points = steps
        elif command == "l":
            for step in steps:
                points.append(points[-1] + step)
        elif command == "q":
            for bend, end in zip(steps[::2], steps[1::2], strict=True):
                start = points[-1]
                parts = [part / _CURVE_PARTS for part in range(1, _CURVE_PARTS + 1)]
                points += [start + 2 * t * (1 - t) * bend + t * t * end for t in parts]
        else:
            corners = np.array(points, np.complex128)
            corners *= outline.scale
            corners += 1j * outline.down
            contours.append(corners)
    return contours


def _share(contours: list[NDArray[np.complex128]], height: int, width: int) -> NDArray[np.float32]:
    """How much of each pixel lies inside the contours, float32 [height, width, 1], 0..1.

    Samples on finer rows count how the contours wind about them: each edge that crosses a row
    winds about all samples to the right of the crossing.
    """
    starts = np.concatenate(contours) * _SUBPIXELS
    ends = np.concatenate([np.roll(contour, -1) for contour in contours]) * _SUBPIXELS
    first = np.ceil(np.minimum(starts.imag, ends.imag) - 0.5).astype(np.intp)
    last = np.ceil(np.maximum(starts.imag, ends.imag) - 0.5).astype(np.intp)
    counts = last - first
    edges = np.repeat(np.arange(len(starts)), counts)
    rows = np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    step = (ends - starts)[edges]
    x = starts.real[edges] + (rows + 0.5 - starts.imag[edges]) * step.real / step.imag
    columns = np.ceil(x - 0.5).astype(np.intp)
    winding = np.zeros((height * _SUBPIXELS, width * _SUBPIXELS + 1), np.int32)
    np.add.at(winding, (rows, columns), np.where(step.imag > 0, 1, -1))
    inside = np.cumsum(winding, axis=1)[:, :-1] != 0
    shape = (height, _SUBPIXELS, width, _SUBPIXELS)
    return inside.reshape(shape).mean(axis=(1, 3), dtype=np.float32)[..., None]
