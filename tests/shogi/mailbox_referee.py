"""A slow shogi referee on a dictionary of squares, for comparison with the kernels.

It shares no code with ``keisei``: it reads SFEN and writes USI itself, tries every move and looks
whether the king could be taken, and keeps all positions of the game. Squares are (file, rank) from
1; Black moves towards rank 1. Sides are "b" and "w", kinds are SFEN letters such as "P" or "+R".
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

Square = tuple[int, int]

HAND_KINDS = "PLNSBRG"
PROMOTABLE = "PLNSBR"
FORWARD_DIAGONALS = [(-1, -1), (1, -1)]
BACKWARD_DIAGONALS = [(-1, 1), (1, 1)]
STRAIGHTS = [(0, -1), (0, 1), (-1, 0), (1, 0)]
GOLD_STEPS = [*FORWARD_DIAGONALS, *STRAIGHTS]
STEPS: dict[str, list[Square]] = {
    "P": [(0, -1)],
    "L": [],
    "N": [(-1, -2), (1, -2)],
    "S": [*FORWARD_DIAGONALS, (0, -1), *BACKWARD_DIAGONALS],
    "G": GOLD_STEPS,
    "B": [],
    "R": [],
    "K": [*FORWARD_DIAGONALS, *STRAIGHTS, *BACKWARD_DIAGONALS],
    "+P": GOLD_STEPS,
    "+L": GOLD_STEPS,
    "+N": GOLD_STEPS,
    "+S": GOLD_STEPS,
    "+B": STRAIGHTS,
    "+R": [*FORWARD_DIAGONALS, *BACKWARD_DIAGONALS],
}
SLIDES: dict[str, list[Square]] = {
    "L": [(0, -1)],
    "B": [*FORWARD_DIAGONALS, *BACKWARD_DIAGONALS],
    "R": STRAIGHTS,
    "+B": [*FORWARD_DIAGONALS, *BACKWARD_DIAGONALS],
    "+R": STRAIGHTS,
}


def other(side: str) -> str:
    return "w" if side == "b" else "b"


def seen_rank(side: str, rank: int) -> int:
    """The rank as its side counts: 1 is the far end of the board."""
    return rank if side == "b" else 10 - rank


def has_no_way_on(side: str, kind: str, rank: int) -> bool:
    return seen_rank(side, rank) <= {"P": 1, "L": 1, "N": 2}.get(kind, 0)


@dataclass(frozen=True)
class Position:
    pieces: dict[Square, tuple[str, str]]
    hands: dict[str, Counter[str]]
    to_move: str

    @classmethod
    def from_sfen(cls, sfen: str) -> "Position":
        board, to_move, hands_text, *_ = sfen.split(" ")
        pieces: dict[Square, tuple[str, str]] = {}
        for rank, row in enumerate(board.split("/"), start=1):
            file = 9
            plus = ""
            for letter in row:
                if letter == "+":
                    plus = "+"
                elif letter.isdigit():
                    file -= int(letter)
                else:
                    pieces[file, rank] = ("b" if letter.isupper() else "w", plus + letter.upper())
                    plus = ""
                    file -= 1
        hands: dict[str, Counter[str]] = {"b": Counter(), "w": Counter()}
        count = ""
        for letter in hands_text.replace("-", ""):
            if letter.isdigit():
                count += letter
            else:
                hands["b" if letter.isupper() else "w"][letter.upper()] = int(count or "1")
                count = ""
        return cls(pieces, hands, to_move)

    def key(self) -> object:
        """What repetition compares: board, both hands, side to move."""
        hands = tuple(self.hands[side][kind] for side in "bw" for kind in HAND_KINDS)
        return frozenset(self.pieces.items()), hands, self.to_move

    def targets(self, square: Square) -> Iterator[Square]:
        """Squares that the piece on a square attacks, own pieces included."""
        side, kind = self.pieces[square]
        turn = 1 if side == "b" else -1
        for df, dr in STEPS[kind]:
            target = square[0] + df * turn, square[1] + dr * turn
            if 1 <= target[0] <= 9 and 1 <= target[1] <= 9:
                yield target
        for df, dr in SLIDES.get(kind, []):
            target = square
            while True:
                target = target[0] + df * turn, target[1] + dr * turn
                if not (1 <= target[0] <= 9 and 1 <= target[1] <= 9):
                    break
                yield target
                if target in self.pieces:
                    break

    def checkers(self, side: str) -> list[Square]:
        """Pieces that attack the king of a side."""
        king = next(square for square, piece in self.pieces.items() if piece == (side, "K"))
        return [
            square
            for square, (owner, _) in self.pieces.items()
            if owner != side and king in self.targets(square)
        ]

    def piece_moves(self) -> Iterator[str]:
        """Moves of the pieces on board, before asking about the king."""
        side = self.to_move
        for origin, (owner, kind) in self.pieces.items():
            if owner != side:
                continue
            for target in self.targets(origin):
                if self.pieces.get(target, ("", ""))[0] == side:
                    continue
                text = usi_square(origin) + usi_square(target)
                if not has_no_way_on(side, kind, target[1]):
                    yield text
                enters = min(seen_rank(side, origin[1]), seen_rank(side, target[1])) <= 3
                if kind in PROMOTABLE and enters:
                    yield text + "+"

    def drops(self) -> Iterator[str]:
        """Drops, nifu and dead ends left out, before asking about the king."""
        side = self.to_move
        pawn_files = {file for (file, _), piece in self.pieces.items() if piece == (side, "P")}
        for kind in +self.hands[side]:
            for file, rank in itertools.product(range(1, 10), range(1, 10)):
                taken = (file, rank) in self.pieces
                nifu = kind == "P" and file in pawn_files
                if not (taken or nifu or has_no_way_on(side, kind, rank)):
                    yield f"{kind}*{usi_square((file, rank))}"

    def after(self, usi: str) -> "Position":
        pieces = dict(self.pieces)
        hands = {side: Counter(hand) for side, hand in self.hands.items()}
        side = self.to_move
        target = int(usi[2]), "abcdefghi".index(usi[3]) + 1
        if usi[1] == "*":
            hands[side][usi[0]] -= 1
            pieces[target] = (side, usi[0])
        else:
            origin = int(usi[0]), "abcdefghi".index(usi[1]) + 1
            _, kind = pieces.pop(origin)
            if target in pieces:
                hands[side][pieces[target][1].removeprefix("+")] += 1
            pieces[target] = (side, "+" + kind if usi.endswith("+") else kind)
        return Position(pieces, hands, other(side))

    def legal_moves(self) -> list[str]:
        moves: list[str] = []
        for usi in itertools.chain(self.piece_moves(), self.drops()):
            following = self.after(usi)
            if following.checkers(self.to_move):
                continue
            drops_pawn_with_check = usi.startswith("P*") and following.checkers(other(self.to_move))
            if drops_pawn_with_check and not following.legal_moves():
                continue
            moves.append(usi)
        return sorted(moves)

    def can_declare_win(self) -> bool:
        side = self.to_move
        in_zone = [
            kind
            for (_, rank), (owner, kind) in self.pieces.items()
            if owner == side and seen_rank(side, rank) <= 3
        ]
        if "K" not in in_zone or self.checkers(side):
            return False
        in_zone.remove("K")
        counted = in_zone + list(self.hands[side].elements())
        points = sum(5 if kind[-1] in "RB" else 1 for kind in counted)
        return len(in_zone) >= 10 and points >= (28 if side == "b" else 27)


def usi_square(square: Square) -> str:
    return f"{square[0]}{'abcdefghi'[square[1] - 1]}"


class MailboxGame:
    """One game with its whole past: ``positions[k]`` is the position after k plies."""

    def __init__(self, sfen: str) -> None:
        self.positions = [Position.from_sfen(sfen)]

    @property
    def position(self) -> Position:
        return self.positions[-1]

    @property
    def ply(self) -> int:
        return len(self.positions) - 1

    def push(self, usi: str) -> None:
        self.positions.append(self.position.after(usi))

    def in_check(self) -> bool:
        return bool(self.position.checkers(self.position.to_move))

    def occurrences(self) -> list[int]:
        """Plies at which the position at hand stood, the present one last."""
        key = self.position.key()
        return [ply for ply, position in enumerate(self.positions) if position.key() == key]

    def repetition_verdict(self) -> tuple[str, str | None]:
        """How a game ends whose present position has occurred four times."""
        first = self.occurrences()[0]
        always_checked = {"b": True, "w": True}
        for position in self.positions[first + 1 :]:
            if not position.checkers(position.to_move):
                always_checked[other(position.to_move)] = False
        if always_checked["b"] == always_checked["w"]:
            return "SENNICHITE", None
        return "PERPETUAL_CHECK", "w" if always_checked["b"] else "b"

    def result(self, max_plies: int, *, declaration: bool) -> tuple[str, str | None] | None:
        """Name of the end and winner ("b", "w", None), or None while the game goes on."""
        if not self.position.legal_moves():
            end = "CHECKMATE" if self.in_check() else "STALEMATE"
            return end, other(self.position.to_move)
        if len(self.occurrences()) == 4:
            return self.repetition_verdict()
        if declaration and self.position.can_declare_win():
            return "DECLARATION", self.position.to_move
        return ("MAX_PLIES", None) if self.ply >= max_plies else None
