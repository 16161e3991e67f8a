"""Positions as text: SFEN in both directions.

SFEN is read strictly: what comes in is refused unless it is well formed and the pieces could stand
there. Whether the side that has just moved left its king in check needs attacks and is for the
board to ask.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    EMPTY,
    GOLD,
    HAND_LIMITS,
    KING,
    KNIGHT,
    LANCE,
    NUM_FILES,
    NUM_HAND_TYPES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    ROOK,
    SILVER,
    WHITE,
)
from keisei.shogi.moves import PIECE_LETTERS, SQUARE_NAMES, shown

MAX_MOVE_NUMBER = 999_999
COLOUR_NAMES = ("Black", "White")

_SIDE_LETTERS = "bw"
_PIECE_NAMES = ("", "pawn", "lance", "knight", "silver", "bishop", "rook", "gold", "king")
_SFEN_HAND_ORDER = (ROOK, BISHOP, GOLD, SILVER, KNIGHT, LANCE, PAWN)
# At the end of the text the letter may lack: else digits without one would be looked at from each.
_HAND_ITEM = re.compile(r"([0-9]*)([^0-9]|\Z)", re.DOTALL)
_MOVE_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_PROMOTABLE = range(PAWN, GOLD)
_DEAD_END_RANKS = {PAWN: 1, LANCE: 1, KNIGHT: 2}
"""On how many of the farthest ranks a piece would have no further move."""


class InvalidSfenError(ValueError):
    """A text that is not SFEN, or names a position that cannot occur."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """What an SFEN says.

    Attributes:
        board: uint8 [81], piece codes by square, absolute: 0 empty, 1..14 Black, 17..30 White.
        hands: uint8 [2, 7], counts by colour and PAWN..GOLD.
        to_move: BLACK or WHITE.
        move_number: Number of the next move, from 1.
    """

    board: NDArray[np.uint8]
    hands: NDArray[np.uint8]
    to_move: int
    move_number: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Placement):
            return NotImplemented
        return (
            (self.to_move, self.move_number) == (other.to_move, other.move_number)
            and np.array_equal(self.board, other.board)
            and np.array_equal(self.hands, other.hands)
        )

    def view(self) -> NDArray[np.uint8]:
        """What Black sees, uint8 [95]: the board, then Black's and White's hands."""
        return np.concatenate([self.board, self.hands.ravel()])

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # arrays can change, so no hash


def parse_sfen(text: str) -> Placement:
    """The position that an SFEN names; a missing move number counts as 1.

    Raises:
        InvalidSfenError: When the text is malformed, a piece stands where it could never move
            again, a file holds two unpromoted pawns of a colour, kings are missing, doubled or
            side by side, or there are more pieces of a kind than in a set. The sentence names the
            bad part.
    """
    fields = text.split(" ")
    if len(fields) not in (3, 4):
        raise InvalidSfenError(
            f"SFEN {shown(text)} has {len(fields)} field(s); it needs board, side to move, hands "
            "and (optionally) move number, with one blank between them."
        )
    if fields[1] not in ("b", "w"):
        raise InvalidSfenError(
            f"SFEN side to move {shown(fields[1])} is neither 'b' (Black) nor 'w' (White)."
        )
    board = _parse_board(fields[0])
    hands = _parse_hands(fields[2])
    move_number = _parse_move_number(fields[3]) if len(fields) > 3 else 1
    _check_kings(board)
    _check_pieces_can_move(board)
    _check_one_pawn_a_file(board)
    _check_material(board, hands)
    return Placement(board, hands, _SIDE_LETTERS.index(fields[1]), move_number)


def format_sfen(placement: Placement) -> str:
    """The SFEN of a position, hands in the usual order R B G S N L P."""
    ranks = "/".join(_format_rank(placement.board, rank) for rank in range(NUM_RANKS))
    hands = "".join(format_hand(placement.hands, colour) for colour in (BLACK, WHITE)) or "-"
    side = _SIDE_LETTERS[placement.to_move]
    return f"{ranks} {side} {hands} {placement.move_number}"


def _colour_and_piece(code: int) -> tuple[int, int]:
    """Colour and uncoloured piece code (1..14) of an absolute code."""
    return (WHITE, code - OTHER_SIDE) if code > OTHER_SIDE else (BLACK, code)


def piece_text(code: int) -> str:
    """SFEN text of an absolute piece code; "." for an empty square."""
    if code == EMPTY:
        return PIECE_LETTERS[EMPTY]
    colour, piece = _colour_and_piece(code)
    sign = "+" if piece > KING else ""
    letter = PIECE_LETTERS[piece - PROMOTED if piece > KING else piece]
    return sign + (letter if colour == BLACK else letter.lower())


def _letter_code(letter: str, where: str) -> int:
    """Absolute code of an unpromoted piece letter."""
    piece = PIECE_LETTERS.find(letter.upper(), PAWN) if letter.isascii() else -1
    if piece < PAWN:
        raise InvalidSfenError(
            f"SFEN {where} holds {letter!r}, which is no piece; pieces are P L N S B R G K, "
            "small for White."
        )
    return piece if letter.isupper() else piece + OTHER_SIDE


def _parse_board(text: str) -> NDArray[np.uint8]:
    """Piece codes by square of an SFEN board field."""
    ranks = text.split("/")
    if len(ranks) != NUM_RANKS:
        raise InvalidSfenError(
            f"SFEN board {shown(text)} has {len(ranks)} ranks; it needs nine, with '/' between."
        )
    board = np.zeros(NUM_SQUARES, np.uint8)
    for rank, rank_text in enumerate(ranks):
        codes = _parse_rank(rank_text, f"rank {rank + 1}")
        board[rank::NUM_RANKS] = codes[::-1]
    return board


def _parse_rank(text: str, where: str) -> list[int]:
    """Nine piece codes, file 9 first, of one rank of an SFEN board field."""
    codes: list[int] = []
    promoted = after_digit = False
    for letter in text:
        is_digit = letter in "123456789"
        if promoted and (is_digit or letter == "+"):
            raise InvalidSfenError(f"SFEN {where} {shown(text)}: a piece has to follow '+'.")
        if is_digit and after_digit:
            raise InvalidSfenError(
                f"SFEN {where} {shown(text)}: write neighbouring empty squares as one digit."
            )
        if is_digit:
            codes += [EMPTY] * int(letter)
        elif letter != "+":
            codes.append(_promote(letter, where) if promoted else _letter_code(letter, where))
        promoted = letter == "+"
        after_digit = is_digit
    if promoted:
        raise InvalidSfenError(f"SFEN {where} {shown(text)}: a piece has to follow '+'.")
    if len(codes) != NUM_FILES:
        raise InvalidSfenError(
            f"SFEN {where} {shown(text)} describes {len(codes)} squares; it needs nine."
        )
    return codes


def _promote(letter: str, where: str) -> int:
    """Absolute code of a piece letter after a plus sign."""
    code = _letter_code(letter, where)
    if _colour_and_piece(code)[1] not in _PROMOTABLE:
        raise InvalidSfenError(f"SFEN {where} holds '+{letter}'; gold and king never promote.")
    return code + PROMOTED


def _parse_hands(text: str) -> NDArray[np.uint8]:
    """Hand counts uint8 [2, 7] of an SFEN hands field."""
    hands = np.zeros((2, NUM_HAND_TYPES), np.uint8)
    if text == "-":
        return hands
    items = [item for item in _HAND_ITEM.findall(text) if any(item)]
    if not items or not items[-1][1]:
        raise InvalidSfenError(
            f"SFEN hands {shown(text)} do not end in a piece; write '-' for empty hands, "
            "or pieces such as '2Pb'."
        )
    for count, letter in items:
        colour, piece = _colour_and_piece(_letter_code(letter, f"hands {shown(text)}"))
        if piece == KING:
            raise InvalidSfenError(f"SFEN hands {shown(text)} hold a king; kings stay on board.")
        if hands[colour, piece - PAWN]:
            raise InvalidSfenError(
                f"SFEN hands {shown(text)} name {letter!r} twice; write the count once before it."
            )
        hands[colour, piece - PAWN] = _hand_count(count, letter)
    return hands


def _hand_count(digits: str, letter: str) -> int:
    """How many pieces an item of the hands field stands for."""
    if not digits:
        return 1
    if digits.startswith("0") or digits == "1":
        raise InvalidSfenError(
            f"SFEN hands item {shown(digits + letter)}: counts are 2 or more, without leading "
            "zeros; a single piece has none."
        )
    # More digits than the largest count has: refused before int() can meet a gigantic number.
    limit = HAND_LIMITS[PIECE_LETTERS.index(letter.upper()) - PAWN]
    if len(digits) > len(str(max(HAND_LIMITS))) or int(digits) > limit:
        raise InvalidSfenError(
            f"SFEN hands item {shown(digits + letter)}: a set holds {limit} of this piece."
        )
    return int(digits)


def _parse_move_number(text: str) -> int:
    """The move number of an SFEN."""
    if not _MOVE_NUMBER.fullmatch(text):
        raise InvalidSfenError(
            f"SFEN move number {shown(text)} is not a whole number from 1 to {MAX_MOVE_NUMBER} "
            "without leading zeros."
        )
    return int(text)


def _check_kings(board: NDArray[np.uint8]) -> None:
    """Raise unless each side has exactly one king, out of the other one's reach."""
    for colour in (BLACK, WHITE):
        count = int(np.count_nonzero(board == KING + OTHER_SIDE * colour))
        if count != 1:
            raise InvalidSfenError(
                f"SFEN board has {count} kings of {COLOUR_NAMES[colour]}; each side needs one."
            )
    kings = np.flatnonzero(board % OTHER_SIDE == KING)
    files, ranks = np.divmod(kings, NUM_RANKS)
    if max(np.ptp(files), np.ptp(ranks)) == 1:
        names = " and ".join(SQUARE_NAMES[square] for square in kings)
        raise InvalidSfenError(f"SFEN board: the kings stand side by side, on {names}.")


def _check_pieces_can_move(board: NDArray[np.uint8]) -> None:
    """Raise when a pawn, lance or knight stands where it never could move again."""
    for square in np.flatnonzero(board):
        colour, piece = _colour_and_piece(int(board[square]))
        rank = int(square) % NUM_RANKS
        ranks_ahead = rank if colour == BLACK else NUM_RANKS - 1 - rank
        if ranks_ahead < _DEAD_END_RANKS.get(piece, 0):
            raise InvalidSfenError(
                f"SFEN board has a {_PIECE_NAMES[piece]} of {COLOUR_NAMES[colour]} on "
                f"{SQUARE_NAMES[square]}, where it could never move again."
            )


def _check_one_pawn_a_file(board: NDArray[np.uint8]) -> None:
    """Raise when a file holds two unpromoted pawns of one colour."""
    for colour in (BLACK, WHITE):
        pawns = (board == PAWN + OTHER_SIDE * colour).reshape(NUM_FILES, NUM_RANKS).sum(axis=1)
        for file in np.flatnonzero(pawns > 1):
            raise InvalidSfenError(
                f"SFEN board has {pawns[file]} unpromoted pawns of {COLOUR_NAMES[colour]} on "
                f"file {file + 1}; one is the most (nifu)."
            )


def _check_material(board: NDArray[np.uint8], hands: NDArray[np.uint8]) -> None:
    """Raise when there are more pieces of a kind than a set holds."""
    for piece, limit in enumerate(HAND_LIMITS, start=PAWN):
        codes = [piece, piece + OTHER_SIDE]
        if piece in _PROMOTABLE:
            codes += [piece + PROMOTED, piece + PROMOTED + OTHER_SIDE]
        count = int(np.isin(board, codes).sum()) + int(hands[:, piece - PAWN].sum())
        if count > limit:
            raise InvalidSfenError(
                f"SFEN has {count} {_PIECE_NAMES[piece]}s on board and in hand; "
                f"a set holds {limit}."
            )


def _format_rank(board: NDArray[np.uint8], rank: int) -> str:
    """One rank of an SFEN board field."""
    text = ""
    empty = 0
    for file in reversed(range(NUM_FILES)):
        code = int(board[NUM_RANKS * file + rank])
        if code == EMPTY:
            empty += 1
            continue
        text += (str(empty) if empty else "") + piece_text(code)
        empty = 0
    return text + (str(empty) if empty else "")


def format_hand(hands: NDArray[np.uint8], colour: int) -> str:
    """One side's part of an SFEN hands field; "" when the hand is empty."""
    text = ""
    for piece in _SFEN_HAND_ORDER:
        count = int(hands[colour, piece - PAWN])
        if count:
            text += (str(count) if count > 1 else "") + piece_text(piece + OTHER_SIDE * colour)
    return text
