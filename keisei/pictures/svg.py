"""A position as a picture in SVG that needs no fonts."""

from typing import Protocol

from keisei.pictures.drawing import HEIGHT, WIDTH, Figure, Mark, draw
from keisei.shogi.moves import Move
from keisei.shogi.notation import Placement, format_sfen


class Placed(Protocol):
    """What stands in a position, such as a ``Board``."""

    def placement(self) -> Placement:
        """The position as pieces on squares and in hands."""
        ...


def board_svg(board: Placed, last_move: Move | None = None, *, width: int = 560) -> str:
    """A picture of a position, as an SVG document.

    Pieces are kanji on five-sided outlines that point away from their owner, promoted ones red;
    the hands lie at the sides, and the player to move has a red plate. Black plays up the page.

    Args:
        board: A ``Board``, or anything else with a placement.
        last_move: Its squares are coloured; None colours none.
        width: Of the picture in pixels, unless its page says otherwise; the height is 5/7 of it.
    """
    placement = board.placement()
    figures: dict[str, Figure] = {}
    uses: list[str] = []
    for mark in draw(placement, last_move):
        figures[mark.figure.name] = mark.figure
        uses.append(_use(mark))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{width}" height="{width * HEIGHT // WIDTH}" role="img">',
            f"<title>{format_sfen(placement)}</title>",
            "<defs>",
            *(figure_definition(figure) for figure in figures.values()),
            "</defs>",
            *uses,
            "</svg>\n",
        ]
    )


def figure_definition(figure: Figure) -> str:
    """A figure that marks refer to."""
    paths = "".join(
        f'<path fill="{outline.colour}" '
        f'transform="translate(0 {outline.down}) scale({outline.scale:g})" d="{outline.path}"/>'
        for outline in figure.outlines
    )
    return f'<g id="keisei-{figure.name}">{paths}</g>'


def _use(mark: Mark) -> str:
    turn = " rotate(180)" if mark.turned else ""
    at = f"translate({mark.at[0]} {mark.at[1]}){turn}"
    return f'<use href="#keisei-{mark.figure.name}" transform="{at}"/>'
