"""What the rows of the embedding network's two tables stand for, and their numbers.

All of it is seen by the player to move and derives from the compact state
(:mod:`keisei.shogi.features`) alone.

*Attacks* on a square are counted for both sides, up to two each; other pieces block, pins are not
looked at. The *menace* of a side to a square is how cheap its cheapest attacker there is: 0 none, 1
a major piece or the king, 2 a general or what moves like one, 3 a lance or knight, 4 a pawn. The
*window* of a king holds the pieces within three files and ranks, its *neighbourhood* the squares
within two. *Flights* of a king are the squares around it without a piece of its own side that the
other side does not attack, up to three.
"""

import math
from typing import Any, NamedTuple

from keisei.shogi.constants import (
    DRAGON,
    HAND_LIMITS,
    NUM_ACTIONS,
    NUM_FILES,
    NUM_HAND_TYPES,
    NUM_SQUARES,
)
from keisei.shogi.jit import shared_part

NUM_KINDS_OF_PIECE = DRAGON
"""Own piece codes 1..14."""
NUM_PIECES = 2 * NUM_KINDS_OF_PIECE
"""Own 0..13 and the opponent's 14..27."""
MAX_HAND = max(HAND_LIMITS)
FLAG_BUCKETS = 16
"""PROGRESS and PLIES_LEFT are read in this many equal steps of ``256 // FLAG_BUCKETS``."""
BUCKET_SHIFT = 4
WINDOW_REACH = 3
WINDOW_SIZE = (2 * WINDOW_REACH + 1) ** 2
NEIGHBOURHOOD_REACH = 2
NEIGHBOURHOOD_SIZE = (2 * NEIGHBOURHOOD_REACH + 1) ** 2
MAX_ATTACKERS = 2
NUM_CONTENTS = 3
"""What is on a square: 0 nothing, 1 an own piece, 2 one of the opponent's."""
MAX_FLIGHTS = 3
NUM_MENACES = 5
PLAIN_KIND, PROMOTION_KIND, DROP_KIND = range(3)
NUM_MOVE_KINDS = 3
NUM_CAPTURED = NUM_KINDS_OF_PIECE + 1
KING_SPAN = 2 * NUM_FILES - 1
NO_KING_OFFSET = KING_SPAN * KING_SPAN
NUM_KING_OFFSETS = NO_KING_OFFSET + 1
NUM_DANGERS = 1 + 2 * NUM_MENACES
NOT_NEAR = NEIGHBOURHOOD_SIZE
NUM_NEAR = NOT_NEAR + 1
NUM_THREATS = 16


_MOST_NUMBERS = 5


class Feature(NamedTuple):
    """Consecutive rows of a table, one for each combination of up to five small numbers."""

    first: int
    """Row of the combination of zeros."""
    strides: tuple[int, ...]
    """Rows from one value of a number to the next: of the second number, the third, and so on."""
    end: int
    """One past the last row."""

    def then(self, *sizes: int) -> "Feature":
        """A feature whose rows follow; ``sizes`` say how many values each of its numbers has.

        The first number runs fastest.
        """
        strides = tuple(math.prod(sizes[:k]) for k in range(1, _MOST_NUMBERS))
        return Feature(self.end, strides, self.end + math.prod(sizes))


_START = Feature(0, (), 0)

# Rows of the input table: the numbers of each feature in the order in which ``row`` takes them.
PIECE_SQUARE = _START.then(NUM_SQUARES, NUM_PIECES)
HAND = PIECE_SQUARE.then(MAX_HAND, 2 * NUM_HAND_TYPES)
"""Pieces held, less one, of a kind; the mover's kinds first."""
CHECK = HAND.then(1)
REPETITION = CHECK.then(2)
"""Earlier occurrences, less one."""
TO_MOVE = REPETITION.then(1)
"""White is to move."""
PROGRESS = TO_MOVE.then(FLAG_BUCKETS)
PLIES_LEFT = PROGRESS.then(FLAG_BUCKETS)
OWN_WINDOW = PLIES_LEFT.then(WINDOW_SIZE, NUM_PIECES)
"""Slot of the window of the own king, piece there."""
ENEMY_WINDOW = OWN_WINDOW.then(WINDOW_SIZE, NUM_PIECES)
ATTACKED_PIECE = ENEMY_WINDOW.then(NUM_MENACES, NUM_MENACES, NUM_PIECES)
"""The opponent's and the own menace to a piece's square, piece."""
OWN_NEIGHBOURHOOD = ATTACKED_PIECE.then(
    MAX_ATTACKERS + 1, MAX_ATTACKERS + 1, NUM_CONTENTS, NEIGHBOURHOOD_SIZE
)
"""Attacks of the opponent, own attacks, content, slot of the neighbourhood of the own king."""
ENEMY_NEIGHBOURHOOD = OWN_NEIGHBOURHOOD.then(
    MAX_ATTACKERS + 1, MAX_ATTACKERS + 1, NUM_CONTENTS, NEIGHBOURHOOD_SIZE
)
OWN_FLIGHTS = ENEMY_NEIGHBOURHOOD.then(MAX_FLIGHTS + 1)
ENEMY_FLIGHTS = OWN_FLIGHTS.then(MAX_FLIGHTS + 1)
NUM_INPUT_ROWS = ENEMY_FLIGHTS.end
MAX_INPUT_ROWS = 2 * (NUM_SQUARES + NUM_HAND_TYPES + WINDOW_SIZE + NEIGHBOURHOOD_SIZE) + 7
"""Of one position."""

# Rows of the move table, of which a move has one a feature; :func:`move_rows` says which.
LABEL = _START.then(NUM_ACTIONS)
"""The first feature, so that a label's row is the label."""
EXCHANGE = LABEL.then(2, NUM_MENACES, NUM_CAPTURED, NUM_MOVE_KINDS, NUM_KINDS_OF_PIECE)
ENEMY_KING = EXCHANGE.then(NUM_KING_OFFSETS, NUM_KINDS_OF_PIECE)
OWN_KING = ENEMY_KING.then(NUM_KING_OFFSETS, NUM_KINDS_OF_PIECE)
DANGER = OWN_KING.then(MAX_ATTACKERS + 1, MAX_ATTACKERS + 1, NUM_DANGERS, NUM_KINDS_OF_PIECE)
MATING = DANGER.then(MAX_FLIGHTS + 1, 2, 2, NUM_NEAR, NUM_KINDS_OF_PIECE)
THREAT = MATING.then(2, 2, NUM_THREATS, NUM_KINDS_OF_PIECE)
NUM_MOVE_ROWS = THREAT.end
ROWS_PER_MOVE = 7


@shared_part
def row(feature: Feature, a: Any, b: Any = 0, c: Any = 0, d: Any = 0, e: Any = 0) -> Any:
    """Number of a feature's row: a whole number in kernels, an integer tensor of tensors."""
    strides = feature.strides
    # From the last: numbers that are left out then cost no operation on tensors.
    return feature.first + e * strides[3] + d * strides[2] + c * strides[1] + b * strides[0] + a


class Move(NamedTuple):
    """What the rows of a move derive from: whole numbers, or integer tensors that broadcast."""

    piece: Any
    """Piece code before the move, less one."""
    after: Any
    """The same after it."""
    kind: Any
    """PLAIN_KIND, PROMOTION_KIND or DROP_KIND."""
    captured: Any
    """Piece code of the captured piece, or 0."""
    menace: Any
    """The opponent's menace to the destination."""
    danger: Any
    """0 of a drop; else 1, plus twice the opponent's menace to the origin, plus 1 if protected."""
    supporters: Any
    """Own attackers of the destination besides the piece that moves, up to MAX_ATTACKERS."""
    defenders: Any
    """The opponent's attackers of the destination, up to MAX_ATTACKERS."""
    from_enemy_king: Any
    """Number of the destination's offset from the opponent's king."""
    from_own_king: Any
    """The same from the own king."""
    near: Any
    """Slot of the destination in the neighbourhood of the opponent's king, or NOT_NEAR."""
    beside: Any
    """1 if the destination touches the opponent's king, else 0."""
    flights: Any
    """Flights of the opponent's king."""
    threat: Any
    """What the piece attacks from its destination: 8 if the king; plus twice the best piece that is
    worth more than itself or that nobody protects (1 pawn, lance or knight, 2 general, 3 major
    piece); plus 1 if there are several such."""


@shared_part
def move_rows(move: Move) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Rows of a move, in the order of the features, but that of its label."""
    supported = 1 * (move.supporters > 0)
    defended = 1 * (move.defenders > 0)
    # The king itself is no guard against a mate.
    guarded = 1 * (move.defenders > move.beside)
    return (
        row(EXCHANGE, supported, move.menace, move.captured, move.kind, move.piece),
        row(ENEMY_KING, move.from_enemy_king, move.after),
        row(OWN_KING, move.from_own_king, move.after),
        row(DANGER, move.defenders, move.supporters, move.danger, move.piece),
        row(MATING, move.flights, supported, guarded, move.near, move.after),
        row(THREAT, supported, defended, move.threat, move.after),
    )
