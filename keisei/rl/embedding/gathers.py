"""Rows of the embedding network's tables, computed with plain tensor operations on any device.

The numbers are those of :mod:`keisei.rl.embedding.rows`, for whole batches.

Letters: B positions, A = 27 x 81 labels.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from keisei.rl.embedding import tables
from keisei.shogi.constants import (
    GOLD,
    KING,
    NUM_DIRECTIONS,
    NUM_HAND_TYPES,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
)
from keisei.shogi.features import (
    BOARD,
    ENEMY_HAND,
    IN_CHECK,
    OWN_HAND,
    PLIES_LEFT,
    PROGRESS,
    REPETITION,
    TO_MOVE,
)

NO_ROW = tables.NUM_INPUT_ROWS
_TABLES = (
    "squares_behind",
    "reaches",
    "windows",
    "zones",
    "king_offsets",
    "near_slots",
    "rings",
    "piece_index",
    "contents",
    "menaces",
    "target_ranks",
    "opposite",
    "own_kind",
    "enemy_kind",
    "move_kinds",
)


class Position(NamedTuple):
    """What both kinds of rows derive from."""

    state: Tensor
    """uint8[B, 100], compact states."""
    board: Tensor
    """int64[B, 82], board codes, the last one an empty square off the board."""
    origins: Tensor
    """int64[B, 12, 81], square of the first piece behind a square in each direction; 81 none."""
    own_attackers: Tensor
    """int64[B, 82], own pieces that attack a square; 0 off the board."""
    enemy_attackers: Tensor
    """int64[B, 82], the opponent's."""
    own_menace: Tensor
    """int64[B, 82], own menace to a square; 0 off the board."""
    enemy_menace: Tensor
    """int64[B, 82], the opponent's."""
    found: Tensor
    """int64[B, 12, 81], code of the first piece behind a square in each direction; 0 none."""
    steps: Tensor
    """int64[B, 12, 81], steps to it, less one."""
    own_king: Tensor
    """int64[B], its square; 81 when it is missing."""
    enemy_king: Tensor
    """int64[B], likewise."""


class StateRows(nn.Module):
    """Row numbers of positions and of all their labels."""

    squares_behind: Tensor
    reaches: Tensor
    windows: Tensor
    zones: Tensor
    king_offsets: Tensor
    near_slots: Tensor
    rings: Tensor
    piece_index: Tensor
    contents: Tensor
    menaces: Tensor
    target_ranks: Tensor
    opposite: Tensor
    own_kind: Tensor
    enemy_kind: Tensor
    move_kinds: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in _TABLES:
            table = torch.from_numpy(getattr(tables, name.upper())).long()
            self.register_buffer(name, table, persistent=False)

    def position(self, state: Tensor) -> Position:
        """What the rows of states uint8[B, 100] derive from."""
        board = functional.pad(state[:, BOARD].long(), (0, 1))
        num_positions = len(board)
        behind = self.squares_behind
        codes = board[:, behind.flatten()].view(num_positions, *behind.shape)
        is_piece = codes != 0
        step = is_piece.int().argmax(-1)
        found = is_piece.any(-1)
        code = codes.gather(-1, step[..., None])[..., 0] * found
        squares = behind.expand(num_positions, -1, -1, -1)
        origins = squares.gather(-1, step[..., None])[..., 0]
        directions = torch.arange(tables.NUM_TRAVELS, device=state.device)[None, :, None]
        attacks = self.reaches[code, directions] > step
        content = self.contents[code]
        by_side = [attacks & (content == side + 1) for side in (0, 1)]
        own, enemy = (functional.pad(hits.sum(1), (0, 1)) for hits in by_side)
        menaces = self.menaces[code]
        own_menace, enemy_menace = (
            functional.pad((menaces * hits).amax(1), (0, 1)) for hits in by_side
        )
        return Position(
            state,
            board,
            torch.where(found, origins, tables.OFF_BOARD),
            own,
            enemy,
            own_menace,
            enemy_menace,
            code,
            step,
            _king_square(board, KING),
            _king_square(board, KING + OTHER_SIDE),
        )

    def input_rows(self, position: Position) -> Tensor:
        """Rows int64[B, MAX_INPUT_ROWS] of the input table; NUM_INPUT_ROWS fills unused slots."""
        board, state = position.board, position.state
        attacks = _attacks(position.own_attackers, position.enemy_attackers)
        menaces = position.own_menace * tables.NUM_MENACES + position.enemy_menace
        menaces = menaces[:, :NUM_SQUARES]
        squares = torch.arange(NUM_SQUARES, device=state.device)
        pieces = self.piece_index[board[:, :NUM_SQUARES]]
        none = pieces < 0
        rows = [
            torch.where(none, NO_ROW, tables.PIECE_SQUARE_ROW + pieces * NUM_SQUARES + squares),
            torch.where(
                none,
                NO_ROW,
                tables.ATTACKED_PIECE_ROW + pieces * tables.NUM_MENACES**2 + menaces,
            ),
            self._hand_rows(state),
            self._flag_rows(state),
        ]
        slots = torch.arange(tables.WINDOW_SIZE, device=state.device)
        zone_slots = slots[: tables.ZONE_SIZE]
        content = self.contents[board]
        kings = (
            (position.own_king, tables.OWN_WINDOW_ROW, tables.OWN_ZONE_ROW),
            (position.enemy_king, tables.ENEMY_WINDOW_ROW, tables.ENEMY_ZONE_ROW),
        )
        for king, window_row, zone_row in kings:
            pieces = self.piece_index[board.gather(1, self.windows[king])]
            window = window_row + pieces * tables.WINDOW_SIZE + slots
            rows.append(torch.where(pieces < 0, NO_ROW, window))
            zone = self.zones[king]
            place = zone_slots * tables.NUM_CONTENTS + content.gather(1, zone)
            place = zone_row + place * tables.NUM_ATTACKS + attacks.gather(1, zone)
            rows.append(torch.where(zone == tables.OFF_BOARD, NO_ROW, place))
        own_flights = tables.OWN_FLIGHTS_ROW + self._flights(position, 0)
        enemy_flights = tables.ENEMY_FLIGHTS_ROW + self._flights(position, 1)
        rows.append(torch.stack((own_flights, enemy_flights), dim=1))
        return torch.cat(rows, dim=1)

    def move_rows(self, position: Position) -> tuple[Tensor, ...]:
        """Rows int64[B, A] of all labels in each part of the move table but the first.

        Part by part, in their order and counted from the part's first row. The row of the label
        itself is its number. Labels that are not legal get some valid row.
        """
        board = position.board
        num_positions = len(board)
        origins = position.origins[:, :NUM_DIRECTIONS]
        origin = torch.cat((origins, origins), dim=1).flatten(1)
        code = board.gather(1, origin).view(num_positions, 2 * NUM_DIRECTIONS, NUM_SQUARES)
        dropped = torch.arange(PAWN, PAWN + NUM_HAND_TYPES, device=board.device)
        dropped = dropped[None, :, None].expand(num_positions, -1, NUM_SQUARES)
        piece = torch.cat((self.own_kind[code].clamp_min(PAWN), dropped), dim=1)
        kinds = self.move_kinds[None, :, None]
        promotes = (kinds == tables.PROMOTION_KIND) & (piece < GOLD)
        after = piece + PROMOTED * promotes - 1
        by_piece = (piece - 1) * tables.NUM_MOVE_KINDS + kinds
        captured = self.enemy_kind[board[:, None, :NUM_SQUARES]]
        to_enemy_king = self.king_offsets[position.enemy_king][:, None, :]
        to_own_king = self.king_offsets[position.own_king][:, None, :]
        near = self.near_slots[to_enemy_king]

        menace = position.enemy_menace.gather(1, origin)
        protected = position.own_attackers.gather(1, origin) > 0
        moved = origin != tables.OFF_BOARD
        danger = torch.where(moved, 1 + 2 * menace + protected, 0).view_as(code)
        danger = torch.cat((danger, torch.zeros_like(dropped)), dim=1)
        supporters = position.own_attackers[:, None, :NUM_SQUARES]
        supporters = (supporters - (danger > 0).long()).clamp_min(0)
        defenders = position.enemy_attackers[:, None, :NUM_SQUARES]
        supported = (supporters > 0).long()
        guards = 2 * (defenders > 0) + supported
        guards_but_king = 2 * (defenders > self.rings[near]) + supported

        exchange = (by_piece * tables.NUM_CAPTURED + captured) * tables.NUM_MENACES
        exchange = (exchange + position.enemy_menace[:, None, :NUM_SQUARES]) * 2 + supported
        dangers = (piece - 1) * tables.NUM_DANGERS + danger
        mating = (after * tables.NUM_NEAR + near) * tables.NUM_GUARDS + guards_but_king
        flights = self._flights(position, 1)[:, None, None]
        threat = after * tables.NUM_THREATS + self._threats(position).gather(1, after)
        return (
            exchange.flatten(1),
            (after * tables.NUM_KING_OFFSETS + to_enemy_king).flatten(1),
            (after * tables.NUM_KING_OFFSETS + to_own_king).flatten(1),
            (dangers * tables.NUM_ATTACKS + _attacks(supporters, defenders)).flatten(1),
            (mating * (tables.MAX_FLIGHTS + 1) + flights).flatten(1),
            (threat * tables.NUM_GUARDS + guards).flatten(1),
        )

    def _threats(self, position: Position) -> Tensor:
        """Threats int64[B, 14, 81] of each own piece on each square."""
        # What is ahead in a direction is behind in the opposite one.
        code = position.found[:, self.opposite]
        step = position.steps[:, self.opposite]
        found = torch.where(code == 0, tables.OFF_BOARD, position.origins[:, self.opposite])
        defenders = position.enemy_attackers.gather(1, found.flatten(1)).view_as(found)
        rank = self.target_ranks[code]
        pieces = torch.arange(PAWN, PAWN + tables.NUM_KINDS_OF_PIECE, device=code.device)
        hits = self.reaches[pieces][None, :, :, None] > step[:, None]
        check = (hits & (code == KING + OTHER_SIDE)[:, None]).any(2)
        is_better = rank[:, None] > self.target_ranks[pieces][None, :, None, None]
        is_target = (self.contents[code] == 2) & (code != KING + OTHER_SIDE)
        hits &= is_target[:, None] & (is_better | (defenders == 0)[:, None])
        best = (hits * rank[:, None]).amax(2)
        return 8 * check + 2 * best + (hits.sum(2) > 1)

    def _flights(self, position: Position, side: int) -> Tensor:
        """Flights int64[B] of the king of a side: 0 own, 1 the opponent's."""
        king = (position.own_king, position.enemy_king)[side]
        attackers = (position.enemy_attackers, position.own_attackers)[side]
        zone = self.zones[king]
        is_free = self.contents[position.board.gather(1, zone)] != side + 1
        is_free &= (zone != tables.OFF_BOARD) & (attackers.gather(1, zone) == 0)
        is_free &= self.rings[: tables.ZONE_SIZE] != 0
        return is_free.sum(1).clamp_max(tables.MAX_FLIGHTS)

    def _hand_rows(self, state: Tensor) -> Tensor:
        held = torch.cat((state[:, OWN_HAND], state[:, ENEMY_HAND]), dim=1).long()
        held = held.clamp_max(tables.MAX_HAND)
        hand = torch.arange(2 * NUM_HAND_TYPES, device=state.device)
        return torch.where(held > 0, tables.HAND_ROW + hand * tables.MAX_HAND + held - 1, NO_ROW)

    def _flag_rows(self, state: Tensor) -> Tensor:
        flags = state.long()
        repetition = flags[:, REPETITION].clamp_max(2)
        return torch.stack(
            (
                torch.where(flags[:, IN_CHECK] != 0, tables.CHECK_ROW, NO_ROW),
                torch.where(repetition > 0, tables.REPETITION_ROW + repetition - 1, NO_ROW),
                torch.where(flags[:, TO_MOVE] != 0, tables.TO_MOVE_ROW, NO_ROW),
                tables.PROGRESS_ROW + (flags[:, PROGRESS] >> tables.BUCKET_SHIFT),
                tables.PLIES_LEFT_ROW + (flags[:, PLIES_LEFT] >> tables.BUCKET_SHIFT),
            ),
            dim=1,
        )


def _king_square(board: Tensor, code: int) -> Tensor:
    """Square int64[B] of a king; 81 when it is missing."""
    is_king = board == code
    first = is_king.int().argmax(1)
    return torch.where(is_king.any(1), first, tables.OFF_BOARD)


def _attacks(own: Tensor, enemy: Tensor) -> Tensor:
    """Numbers of pairs of counts of attackers."""
    most = tables.MAX_ATTACKERS
    return own.clamp_max(most) * (most + 1) + enemy.clamp_max(most)
