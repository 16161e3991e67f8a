"""Feature rows of whole batches and of all labels, with plain tensor operations on any device.

The rows are those of :mod:`keisei.rl.embedding.rows`, numbered by the same functions; only what
they derive from is found in another way. Two ways are needed: kernels look at legal moves alone,
one by one, which is many times as fast on a CPU (benchmarks/README.md), and GPUs and the compiler
of torch want tensors of fixed shapes.

Letters: B positions, A = 27 x 81 labels.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import inspect
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from keisei.rl.embedding import features, tables
from keisei.rl.embedding.features import Move, move_rows, row
from keisei.rl.embedding.tables import ENEMY, ENEMY_MENACE, OFF_BOARD, OWN, OWN_MENACE
from keisei.shogi.constants import (
    FIRST_DROP_CLASS,
    GOLD,
    KING,
    NUM_CLASSES,
    NUM_DIRECTIONS,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
)
from keisei.shogi.features import BOARD, PLIES_LEFT, PROGRESS

NO_ROW = features.NUM_INPUT_ROWS


class Position(NamedTuple):
    """What both kinds of rows derive from."""

    state: Tensor
    """uint8[B, 100], compact states."""
    board: Tensor
    """int64[B, 82], board codes, the last one an empty square off the board."""
    origins: Tensor
    """int64[B, 12, 81], square of the first piece behind a square in each direction; 81 none."""
    found: Tensor
    """int64[B, 12, 81], code of that piece; 0 none."""
    steps: Tensor
    """int64[B, 12, 81], steps to it, less one."""
    attackers: Tensor
    """int64[B, 4, 82], rows OWN, ENEMY, OWN_MENACE and ENEMY_MENACE; 0 off the board."""
    kings: Tensor
    """int64[B, 2], squares of the kings of OWN and ENEMY; 81 when one is missing."""
    flights: Tensor
    """int64[B, 2], flights of the kings."""


class StateRows(nn.Module):
    """Row numbers of positions and of all their labels."""

    squares_behind: Tensor
    reaches: Tensor
    windows: Tensor
    neighbourhoods: Tensor
    king_offsets: Tensor
    near_slots: Tensor
    beside: Tensor
    piece_index: Tensor
    contents: Tensor
    menaces: Tensor
    target_ranks: Tensor
    opposite: Tensor
    own_kind: Tensor
    enemy_kind: Tensor
    move_kinds: Tensor
    dropped: Tensor
    count_bytes: Tensor
    count_rows: Tensor
    count_limits: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in inspect.get_annotations(type(self)):
            table = torch.from_numpy(getattr(tables, name.upper())).long()
            self.register_buffer(name, table, persistent=False)

    def position(self, state: Tensor) -> Position:
        """What the rows of states uint8[B, 100] derive from."""
        board = functional.pad(state[:, BOARD].long(), (0, 1))
        behind = self.squares_behind
        codes = board[:, behind.flatten()].view(len(board), *behind.shape)
        is_piece = codes != 0
        step = is_piece.int().argmax(-1)
        any_found = is_piece.any(-1)
        found = codes.gather(-1, step[..., None])[..., 0] * any_found
        squares = behind.expand(len(board), -1, -1, -1)
        origins = squares.gather(-1, step[..., None])[..., 0]
        directions = torch.arange(tables.NUM_TRAVELS, device=state.device)[None, :, None]
        attacks = self.reaches[found, directions] > step
        content = self.contents[found]
        hits = [attacks & (content == side + 1) for side in (OWN, ENEMY)]
        menaces = self.menaces[found]
        counts = (*(each.sum(1) for each in hits), *((menaces * each).amax(1) for each in hits))
        attackers = functional.pad(torch.stack(counts, dim=1), (0, 1))
        kings = torch.stack([_king_square(board, KING), _king_square(board, KING + OTHER_SIDE)], 1)
        return Position(
            state,
            board,
            torch.where(any_found, origins, OFF_BOARD),
            found,
            step,
            attackers,
            kings,
            self._flights(board, attackers, kings),
        )

    def input_rows(self, position: Position) -> Tensor:
        """Rows int64[B, MAX_INPUT_ROWS] of the input table; NUM_INPUT_ROWS fills unused slots."""
        board, attackers, kings = position.board, position.attackers, position.kings
        pieces = self.piece_index[board[:, :NUM_SQUARES]]
        own, enemy = (attackers[:, which, :NUM_SQUARES] for which in (OWN_MENACE, ENEMY_MENACE))
        squares = torch.arange(NUM_SQUARES, device=board.device)
        state = position.state.long()
        numbers = torch.minimum(state[:, self.count_bytes], self.count_limits)
        rows = [
            _of_pieces(pieces, row(features.PIECE_SQUARE, squares, pieces)),
            _of_pieces(pieces, row(features.ATTACKED_PIECE, enemy, own, pieces)),
            torch.where(numbers > 0, self.count_rows + numbers - 1, NO_ROW),
            row(features.PROGRESS, state[:, PROGRESS, None] >> features.BUCKET_SHIFT),
            row(features.PLIES_LEFT, state[:, PLIES_LEFT, None] >> features.BUCKET_SHIFT),
        ]
        contents = self.contents[board]
        counts = attackers.clamp_max(features.MAX_ATTACKERS)
        for side, in_window, in_neighbourhood in (
            (OWN, features.OWN_WINDOW, features.OWN_NEIGHBOURHOOD),
            (ENEMY, features.ENEMY_WINDOW, features.ENEMY_NEIGHBOURHOOD),
        ):
            pieces = self.piece_index[board.gather(1, self.windows[kings[:, side]])]
            slots = squares[: features.WINDOW_SIZE]
            rows.append(_of_pieces(pieces, row(in_window, slots, pieces)))
            near = self.neighbourhoods[kings[:, side]]
            own, enemy, content = (
                each.gather(1, near) for each in (counts[:, OWN], counts[:, ENEMY], contents)
            )
            slots = squares[: features.NEIGHBOURHOOD_SIZE]
            place = row(in_neighbourhood, enemy, own, content, slots)
            rows.append(torch.where(near == OFF_BOARD, NO_ROW, place))
        rows += [
            row(features.OWN_FLIGHTS, position.flights[:, OWN, None]),
            row(features.ENEMY_FLIGHTS, position.flights[:, ENEMY, None]),
        ]
        return torch.cat(rows, dim=1)

    def move_rows(self, position: Position) -> tuple[Tensor, ...]:
        """Rows int64[B, A] of all labels, feature by feature, but those of the labels themselves.

        Labels that are not legal get some valid row.
        """
        board = position.board
        origins = position.origins[:, :NUM_DIRECTIONS]
        origin = functional.pad(
            torch.cat((origins, origins), dim=1),
            (0, 0, 0, NUM_CLASSES - FIRST_DROP_CLASS),
            value=OFF_BOARD,
        )

        def at_origins(squares: Tensor) -> Tensor:
            return squares.gather(1, origin.flatten(1)).view_as(origin)

        here = position.attackers[:, :, None, :NUM_SQUARES]
        on_board = (origin != OFF_BOARD).long()
        menace = at_origins(position.attackers[:, ENEMY_MENACE])
        protected = at_origins(position.attackers[:, OWN]) > 0
        kinds = self.move_kinds[:, None]
        piece = torch.maximum(self.own_kind[at_origins(board)], self.dropped[:, None])
        after = piece + PROMOTED * ((kinds == features.PROMOTION_KIND) & (piece < GOLD)) - 1
        own_king, enemy_king = self.king_offsets[position.kings][:, :, None].unbind(1)
        near = self.near_slots[enemy_king]
        moves = Move(
            piece=piece - 1,
            after=after,
            kind=kinds,
            captured=self.enemy_kind[board[:, None, :NUM_SQUARES]],
            menace=here[:, ENEMY_MENACE],
            danger=on_board * (1 + 2 * menace + protected),
            supporters=(here[:, OWN] - on_board).clamp(0, features.MAX_ATTACKERS),
            defenders=here[:, ENEMY].clamp_max(features.MAX_ATTACKERS),
            from_enemy_king=enemy_king,
            from_own_king=own_king,
            near=near,
            beside=self.beside[near],
            flights=position.flights[:, ENEMY, None, None],
            threat=self._threats(position).gather(1, after),
        )
        return tuple(rows.flatten(1) for rows in move_rows(moves))

    def _threats(self, position: Position) -> Tensor:
        """Threats int64[B, 14, 81] of each own piece on each square."""
        # What is ahead in a direction is behind in the opposite one.
        code, step, found = (
            each[:, self.opposite] for each in (position.found, position.steps, position.origins)
        )
        defenders = position.attackers[:, ENEMY].gather(1, found.flatten(1)).view_as(found)
        rank = self.target_ranks[code]
        pieces = torch.arange(PAWN, PAWN + features.NUM_KINDS_OF_PIECE, device=code.device)
        hits = self.reaches[pieces][None, :, :, None] > step[:, None]
        check = (hits & (code == KING + OTHER_SIDE)[:, None]).any(2)
        is_better = rank[:, None] > self.target_ranks[pieces][None, :, None, None]
        is_target = (self.contents[code] == ENEMY + 1) & (code != KING + OTHER_SIDE)
        hits &= is_target[:, None] & (is_better | (defenders == 0)[:, None])
        best = (hits * rank[:, None]).amax(2)
        return 8 * check + 2 * best + (hits.sum(2) > 1)

    def _flights(self, board: Tensor, attackers: Tensor, kings: Tensor) -> Tensor:
        """Flights int64[B, 2] of the kings of OWN and ENEMY."""
        near = self.neighbourhoods[kings]
        contents = self.contents[board][:, None].expand(-1, 2, -1).gather(2, near)
        attacked = attackers[:, : ENEMY + 1].flip(1).gather(2, near) > 0
        own = torch.arange(OWN + 1, ENEMY + 2, device=board.device)[:, None]
        is_free = (contents != own) & ~attacked & (near != OFF_BOARD)
        is_free &= self.beside[: features.NEIGHBOURHOOD_SIZE] != 0
        return is_free.sum(2).clamp_max(features.MAX_FLIGHTS)


def _of_pieces(pieces: Tensor, rows: Tensor) -> Tensor:
    """The rows of the squares where there is a piece, and no row elsewhere."""
    return torch.where(pieces < 0, NO_ROW, rows)


def _king_square(board: Tensor, code: int) -> Tensor:
    """Square int64[B] of a king; 81 when it is missing."""
    is_king = board == code
    first = is_king.int().argmax(1)
    return torch.where(is_king.any(1), first, OFF_BOARD)
