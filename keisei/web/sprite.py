"""The figures that boards on the page are put together from."""

import functools

from keisei.pictures.drawing import Figure, draw
from keisei.pictures.svg import figure_definition
from keisei.shogi.constants import START_SFEN
from keisei.shogi.moves import Move
from keisei.shogi.notation import parse_sfen

_PROMOTED = "+p+l+n+s+r+b3/4k4/9/9/9/9/9/4K4/9 w - 1"
_MOVE = Move.from_usi("7g7f")
_HANDS = "4k4/9/9/9/9/9/9/9/4K4 b {} 1"


@functools.cache
def board_figures() -> str:
    """All figures of boards as one SVG of definitions, named as in ``board_svg``."""
    hands = ["RBGSNLPrbgsnlp", *(f"{count}P{18 - count}p" for count in range(2, 17))]
    sfens = [START_SFEN, _PROMOTED, *(_HANDS.format(hand) for hand in hands)]
    figures: dict[str, Figure] = {}
    for sfen in sfens:
        for mark in draw(parse_sfen(sfen), _MOVE):
            figures[mark.figure.name] = mark.figure
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg"><defs>',
            *(figure_definition(figure) for figure in figures.values()),
            "</defs></svg>\n",
        ]
    )
