"""Draws docs/network.svg: what the embedding network adds up, with the numbers of the code.

python docs/tools/network_svg.py docs/network.svg
"""

import sys
from html import escape
from math import prod
from pathlib import Path

import torch

from keisei.rl.embedding import features
from keisei.rl.embedding.features import Feature
from keisei.rl.embedding.kernels import POLICY_WIDTH
from keisei.rl.embedding.network import EmbeddingNet
from keisei.shogi.constants import NUM_ACTIONS, NUM_FILES, NUM_RANKS
from keisei.shogi.features import STATE_SIZE

POSITION_WORDS = {
    "PIECE_SQUARE": "which piece stands on which square",
    "HAND": "how many of each kind are in hand",
    "CHECK": "the player to move is in check",
    "REPETITION": "the position has occurred before",
    "TO_MOVE": "White is to move",
    "PROGRESS": "plies played, of the cap",
    "PLIES_LEFT": "plies left until the cap",
    "OWN_WINDOW": "pieces around the own king",
    "ENEMY_WINDOW": "pieces around the opponent's king",
    "ATTACKED_PIECE": "how each piece is attacked and protected",
    "OWN_NEIGHBOURHOOD": "attacks next to the own king",
    "ENEMY_NEIGHBOURHOOD": "attacks next to the opponent's king",
    "OWN_FLIGHTS": "squares the own king can flee to",
    "ENEMY_FLIGHTS": "squares the opponent's king can flee to",
}
MOVE_WORDS = {
    "LABEL": "the move itself: direction and destination",
    "EXCHANGE": "what is captured, by what, and what may recapture",
    "ENEMY_KING": "where it lands, seen from the opponent's king",
    "OWN_KING": "where it lands, seen from the own king",
    "DANGER": "what attacks the squares it leaves and reaches",
    "MATING": "whether it can mate: guards, flights, distance",
    "THREAT": "what it attacks from its new square",
}
LINE, CELL, TOP = 24, 22, 96
LIGHT, WINDOW, NEAR, INK, BOX = "#f7f3ea", "#e7d8b8", "#d3a86a", "#222222", "#8a6d3b"


def feature_sizes(feature: Feature) -> list[int]:
    """How many values each number of a feature has, the fastest first."""
    sizes: list[int] = []
    for stride in (*feature.strides, feature.end - feature.first):
        size = stride // prod(sizes)
        if size > 1 or not sizes:
            sizes.append(size)
    return sizes or [1]


def text(x: float, y: float, words: str, *, size: int = 13, style: str = "") -> str:
    """One line of text."""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{INK}" {style}>{escape(words)}</text>'


def table(x: int, title: str, words: dict[str, str]) -> list[str]:
    """The features of one table: a line each, with sizes and rows."""
    end = max(getattr(features, name).end for name in words)
    parts = [text(x, TOP - 14, f"{title}: {end:,} rows", size=15, style='font-weight="bold"')]
    for line, (name, meaning) in enumerate(words.items()):
        y = TOP + LINE * line
        feature: Feature = getattr(features, name)
        sizes = feature_sizes(feature)
        shown = " x ".join(map(str, sizes)) if len(sizes) > 1 else ""
        parts += [
            f'<rect x="{x}" y="{y}" width="560" height="{LINE - 3}" fill="{LIGHT}"/>',
            text(x + 8, y + 15, meaning),
            text(x + 470, y + 15, shown, size=11, style='text-anchor="end"'),
            text(x + 552, y + 15, f"{feature.end - feature.first:,}", style='text-anchor="end"'),
        ]
    return parts


def board(x: int, y: int) -> list[str]:
    """A board with the window and the neighbourhood of one king."""
    king = (NUM_FILES // 2, NUM_RANKS - 3)
    parts: list[str] = []
    for file in range(NUM_FILES):
        for rank in range(NUM_RANKS):
            away = max(abs(file - king[0]), abs(rank - king[1]))
            colour = LIGHT
            if away <= features.WINDOW_REACH:
                colour = WINDOW
            if away <= features.NEIGHBOURHOOD_REACH:
                colour = NEAR
            parts.append(
                f'<rect x="{x + CELL * file}" y="{y + CELL * rank}" width="{CELL}" '
                f'height="{CELL}" fill="{colour}" stroke="{BOX}" stroke-width="0.6"/>'
            )
    parts.append(text(x + CELL * king[0] + 6, y + CELL * king[1] + 16, "K", size=14))
    near, window = features.NEIGHBOURHOOD_SIZE, features.WINDOW_SIZE
    for line, words in enumerate(
        (
            f"dark: the {near} squares next to a king,",
            "whose attackers are counted",
            f"dark and light: the {window} of its window,",
            "whose pieces are looked at",
        )
    ):
        parts.append(text(x + CELL * NUM_FILES + 16, y + 60 + 20 * line, words))
    return parts


def box(x: int, y: int, width: int, words: str) -> list[str]:
    """A step of the computation."""
    return [
        f'<rect x="{x}" y="{y}" width="{width}" height="34" rx="5" fill="#ffffff" stroke="{BOX}"/>',
        text(x + width / 2, y + 22, words, style='text-anchor="middle"'),
    ]


def arrow(x1: int, y1: int, x2: int, y2: int) -> str:
    """From one step to the next."""
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{BOX}" stroke-width="1.5" '
        'marker-end="url(#tip)"/>'
    )


def draw() -> str:
    """The whole picture as SVG."""
    with torch.device("meta"):
        network = EmbeddingNet(STATE_SIZE, NUM_ACTIONS)
    width = network.hidden.out_features
    weights = sum(parameter.numel() for parameter in network.parameters())
    steps = TOP + LINE * len(POSITION_WORDS) + 44
    right = 640
    parts = [
        text(20, 34, f"The embedding network, {weights / 1e6:.1f} million weights", size=20),
        text(20, 56, f"A position is {STATE_SIZE} bytes, seen by the player to move."),
        *table(20, "What a position shows", POSITION_WORDS),
        *table(right, "What a move shows", MOVE_WORDS),
        *board(right, TOP + LINE * len(MOVE_WORDS) + 14),
        arrow(160, steps - 46, 160, steps - 2),
        *box(20, steps, 280, f"sum of the rows that hold, {width} numbers"),
        arrow(160, steps + 34, 160, steps + 60),
        *box(20, steps + 62, 280, f"hidden layer, {width} numbers"),
        arrow(300, steps + 79, 358, steps + 28),
        arrow(300, steps + 79, 358, steps + 79),
        *box(360, steps + 10, 220, f"policy vector, {POLICY_WIDTH} numbers"),
        *box(360, steps + 62, 220, f"value: {network.value_out.in_features} numbers, then one"),
        arrow(580, steps + 27, right + 308, steps + 27),
        *box(right, steps + 62, 250, f"sum of a move's {features.ROWS_PER_MOVE} rows"),
        arrow(right + 250, steps + 79, right + 308, steps + 40),
        *box(right + 310, steps + 10, 250, "inner product: the move's logit"),
        text(20, steps + 124, "Softmax over the legal moves; the value is a tanh, from -1 to 1."),
    ]
    height = steps + 140
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1220 {height}" '
        f'font-family="sans-serif">\n<defs><marker id="tip" markerWidth="9" markerHeight="8" '
        f'refX="8" refY="4" orient="auto"><path d="M0,0 L9,4 L0,8 z" fill="{BOX}"/></marker></defs>'
        f'\n<rect width="1220" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(), "utf-8")
