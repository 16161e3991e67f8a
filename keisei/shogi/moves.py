"""Moves as values: squares by name, ``Move``, and its USI text.

A move here is only well formed; whether it is legal is for a board to say.
"""

from dataclasses import dataclass

from keisei.shogi.constants import KING, NUM_FILES, NUM_RANKS, NUM_SQUARES, PAWN

FILE_NAMES = "123456789"
RANK_NAMES = "abcdefghi"
SQUARE_NAMES: tuple[str, ...] = tuple(
    FILE_NAMES[file] + RANK_NAMES[rank] for file in range(NUM_FILES) for rank in range(NUM_RANKS)
)
"""USI name of each square index: 0 is "1a", 80 is "9i"."""
PIECE_LETTERS = ".PLNSBRGK"
"""Letter of each unpromoted piece code, 1..8."""

_SQUARE_BY_NAME = {name: square for square, name in enumerate(SQUARE_NAMES)}
_DROP_BY_LETTER = {PIECE_LETTERS[piece]: piece for piece in range(PAWN, KING)}
_USI_LENGTHS = (4, 5)
_DROP_MARK = "*"
_PROMOTION_MARK = "+"


def shown(text: str, limit: int = 60) -> str:
    """A text in quotes, shortened so that a sentence stays readable."""
    return repr(text if len(text) <= limit else text[:limit] + "...")


class InvalidUsiError(ValueError):
    """A text that is not a move in USI."""


class IllegalMoveError(ValueError):
    """A well-formed move that the rules do not allow in the position at hand."""


@dataclass(frozen=True, slots=True)
class Move:
    """One move in absolute squares (Black's numbering, whoever moves).

    Args:
        from_square: Where the piece stood, 0..80; None for a drop.
        to_square: Where it goes, 0..80.
        promote: True when the piece promotes.
        drop: PAWN..GOLD when a piece of the hand is dropped, else None.

    Raises:
        ValueError: When the parts do not make a move.

    Examples:
        >>> Move.from_usi("8h2b+")
        Move(from_square=70, to_square=10, promote=True, drop=None)
        >>> str(Move(None, 40, drop=PAWN))
        'P*5e'
    """

    from_square: int | None
    to_square: int
    promote: bool = False
    drop: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.to_square < NUM_SQUARES:
            raise ValueError(f"to_square {self.to_square} is not on the board; squares are 0..80.")
        if (self.from_square is None) == (self.drop is None):
            raise ValueError(
                f"A move has either from_square or drop, got {self.from_square} and {self.drop}."
            )
        if self.from_square is not None and not 0 <= self.from_square < NUM_SQUARES:
            raise ValueError(
                f"from_square {self.from_square} is not on the board; squares are 0..80."
            )
        if self.drop is not None and (self.promote or not PAWN <= self.drop < KING):
            raise ValueError(
                f"A drop is an unpromoted PAWN..GOLD (1..7) that does not promote, "
                f"got drop={self.drop}, promote={self.promote}."
            )

    def usi(self) -> str:
        """The move in USI: "7g7f", "8h2b+" or "P*5e"."""
        destination = SQUARE_NAMES[self.to_square]
        if self.drop is not None:
            return PIECE_LETTERS[self.drop] + _DROP_MARK + destination
        assert self.from_square is not None
        return (
            SQUARE_NAMES[self.from_square] + destination + (_PROMOTION_MARK if self.promote else "")
        )

    def __str__(self) -> str:
        return self.usi()

    @classmethod
    def from_usi(cls, text: str) -> "Move":
        """The move that a USI text names.

        Raises:
            InvalidUsiError: When the text is not of the form "7g7f", "7g7f+" or "P*5e".
        """
        if len(text) not in _USI_LENGTHS:
            raise InvalidUsiError(
                f"USI move {shown(text)} has {len(text)} characters; "
                'moves look like "7g7f", "8h2b+" or "P*5e".'
            )
        if text[1] == _DROP_MARK:
            return cls(None, _square(text, 2), drop=_drop_piece(text))
        return cls(_square(text, 0), _square(text, 2), promote=_promotes(text))


def _square(text: str, start: int) -> int:
    """The square named by two characters of a USI move."""
    name = text[start : start + 2]
    square = _SQUARE_BY_NAME.get(name)
    if square is None:
        raise InvalidUsiError(
            f"USI move {text!r}: {name!r} is not a square; squares are 1a to 9i, file first."
        )
    return square


def _drop_piece(text: str) -> int:
    """The piece code that a USI drop names."""
    piece = _DROP_BY_LETTER.get(text[0])
    if piece is None:
        raise InvalidUsiError(
            f"USI move {text!r}: {text[0]!r} is not a piece that can be dropped; "
            "it is one of P L N S B R G in capitals."
        )
    if len(text) > len("P*5e"):
        raise InvalidUsiError(f"USI move {text!r}: {text[4:]!r} after a drop; a drop ends there.")
    return piece


def _promotes(text: str) -> bool:
    """True when a USI board move ends in the promotion sign."""
    ending = text[4:]
    if ending not in ("", _PROMOTION_MARK):
        raise InvalidUsiError(
            f"USI move {text!r}: {ending!r} after the squares; only '+' for a promotion may follow."
        )
    return bool(ending)
