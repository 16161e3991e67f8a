"""The lines in which the engine says what it has found."""

import math
from collections.abc import Sequence

from keisei.search.lines import UNKNOWN_PLIES, Line
from keisei.search.tree import LOST, WON

_SCALE = 600
"""Centipawns at which the odds of winning are e to 1, as in dlshogi and others."""
_SUREST = 1e-6


def centipawns(value: float) -> int:
    """A value in [-1, 1] as shogi programs count, -ln(1 / w - 1) * 600 for a winning rate w."""
    rate = min(max(0.5 * (1.0 + value), _SUREST), 1.0 - _SUREST)
    return round(-math.log(1.0 / rate - 1.0) * _SCALE)


def score(line: Line) -> str:
    """What a line is worth: ``cp 34``, ``mate 3`` or, of unknown length, ``mate -``."""
    if line.proven not in (WON, LOST):
        return f"cp {centipawns(line.value)}"
    sign = "-" if line.proven == LOST else ""
    if line.plies == UNKNOWN_PLIES:
        return f"mate {sign or '+'}"
    return f"mate {sign}{line.plies}"


def info_lines(
    lines: Sequence[Line], *, seldepth: int, nodes: int, seconds: float, hashfull: int, multi: bool
) -> list[str]:
    """A line for each variation, the best first.

    Args:
        lines: The variations.
        seldepth: Plies of the deepest node.
        nodes: Positions looked at.
        seconds: That it took.
        hashfull: Per mille of the memory that is used.
        multi: Whether to number them.
    """
    said: list[str] = []
    for number, line in enumerate(lines, start=1):
        words = ["info", f"depth {len(line.moves)}", f"seldepth {max(seldepth, len(line.moves))}"]
        if multi:
            words.append(f"multipv {number}")
        words += [
            f"score {score(line)}",
            f"nodes {nodes}",
            f"nps {round(nodes / max(seconds, 1e-3))}",
            f"time {round(1000 * seconds)}",
            f"hashfull {hashfull}",
            "pv " + " ".join(move.usi() for move in line.moves),
        ]
        said.append(" ".join(words))
    return said
