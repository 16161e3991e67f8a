"""A position as lines of plain text."""

from keisei.shogi.constants import BLACK, NUM_FILES, NUM_RANKS, WHITE
from keisei.shogi.moves import RANK_NAMES, Move
from keisei.shogi.notation import COLOUR_NAMES, Placement, format_hand, piece_text


def format_board(placement: Placement, last_move: Move | None = None) -> str:
    """The position as a picture of at most 24 columns by 14 lines.

    Black's pieces are capitals and move up the page; ``+`` stands before a promoted piece.
    """
    lines = [_hand_line(placement, WHITE)]
    lines.append("".join(f" {file}" for file in range(NUM_FILES, 0, -1)))
    for rank in range(NUM_RANKS):
        row = "".join(
            f"{piece_text(int(placement.board[NUM_RANKS * file + rank])):>2}"
            for file in reversed(range(NUM_FILES))
        )
        lines.append(f"{row} {RANK_NAMES[rank]}")
    lines.append(_hand_line(placement, BLACK))
    lines.append(f"{COLOUR_NAMES[placement.to_move]} to move, {placement.move_number}")
    if last_move is not None:
        lines.append(f"last move {last_move.usi()}")
    return "\n".join(lines)


def _hand_line(placement: Placement, colour: int) -> str:
    return f"{COLOUR_NAMES[colour]} {format_hand(placement.hands, colour) or '-'}"
