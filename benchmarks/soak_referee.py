"""The other side of the soak: N games on cshogi boards, judged from the text of the rules.

Moves, checks and declarations are cshogi's. Repetition and the order of the ends are counted here,
from whole games and from the list of checks, for cshogi looks at the nearest earlier occurrence of
a position alone.
"""

from collections.abc import Sequence

import cshogi
import numpy as np
from cshogi_games import label_table
from numpy.typing import NDArray

from keisei.shogi.constants import NUM_ACTIONS, OTHER_SIDE, WHITE, Termination
from keisei.shogi.features import (
    BOARD,
    ENEMY_HAND,
    IN_CHECK,
    OWN_HAND,
    PLIES_LEFT,
    PROGRESS,
    REPETITION,
    STATE_SIZE,
    TO_MOVE,
)

_PLACEMENT_BYTES = 81 + 7 + 7
_HAND_ORDER = np.array([0, 1, 2, 3, 5, 6, 4])
"""Where cshogi, whose hands end with gold, bishop, rook, keeps PAWN to GOLD."""
_OTHER_SIDE = np.array([code and code ^ OTHER_SIDE for code in range(32)], np.uint8)

LABELS = label_table()


class Game:
    """One game on a cshogi board, with all that the rules ask of its past.

    Attributes:
        board: The position.
        start: The SFEN that it began from.
        moves: cshogi's moves so far.
        checks: For each ply, 0 included, whether its position is a check.
        seen: The plies at which each position stood, by cshogi's hash.
        stood_at: The plies at which the present position stood, itself included.
    """

    __slots__ = ("board", "checks", "moves", "seen", "start", "stood_at")

    def __init__(self, sfen: str) -> None:
        self.board = cshogi.Board()
        self.begin(sfen)

    def begin(self, sfen: str) -> None:
        """Begin anew."""
        self.board.set_sfen(sfen)
        self.start = sfen
        self.moves: list[int] = []
        self.checks: list[bool] = []
        self.seen: dict[int, list[int]] = {}
        self.stood_at: list[int] = []

    def enter(self) -> None:
        """Write the position that stands now into the game's past."""
        self.checks.append(self.board.is_check())
        self.stood_at = self.seen.setdefault(self.board.zobrist_hash(), [])
        self.stood_at.append(len(self.moves))

    def winner_of_repetition(self) -> int:
        """Who wins because all moves of the other player alone gave check since then; -1 nobody."""
        first, last = self.stood_at[0], self.stood_at[-1]
        # Moves of the player to move lead to plies of the other parity, and the reverse.
        mover_checks = all(self.checks[first + 1 : last + 1 : 2])
        other_checks = all(self.checks[first + 2 : last + 1 : 2])
        if mover_checks == other_checks:
            return -1
        return 1 - self.board.turn if mover_checks else self.board.turn

    def placement(self) -> bytes:
        """81 squares, Black's hand and White's."""
        black, white = self.board.pieces_in_hand
        return bytes(self.board.pieces) + bytes(black) + bytes(white)


class Referee:
    """N games, and what an environment has to say of them.

    Attributes:
        games: The games.
        turns: int64 [N], who is to move.
        plies: int64 [N], plies played.
        checks: bool [N], whether the player to move is in check.
        repeats: int64 [N], how often the position stood earlier.
        legal: bool [N, 2187], True = legal.
        termination: int64 [N], how each game stands, 0 while it goes on.
        winner: int64 [N], 0 Black, 1 White, -1 nobody.
    """

    def __init__(
        self, starts: Sequence[str], num_games: int, max_plies: int, *, declaration: bool
    ) -> None:
        self._starts = starts
        self._next_start = np.arange(num_games) % len(starts)
        self._max_plies = max_plies
        self._declaration = declaration
        # cshogi's move of each legal action, anything for the others
        self._moves = np.zeros((num_games, NUM_ACTIONS), np.int32)
        self.games = [Game(starts[0]) for _ in range(num_games)]
        self.turns, self.plies, self.repeats, self.termination, self.winner = np.zeros(
            (5, num_games), np.int64
        )
        self.checks = np.zeros(num_games, np.bool_)
        self.legal = np.zeros((num_games, NUM_ACTIONS), np.bool_)
        self.begin(np.arange(num_games))

    def legal_bits(self) -> NDArray[np.uint8]:
        """uint8 [N, 274], packed legal actions."""
        return np.packbits(self.legal, axis=1, bitorder="little")

    def usi(self, game: int, action: int) -> str:
        """A legal action of a game in USI."""
        return cshogi.move_to_usi(int(self._moves[game, action]))

    def play(self, actions: NDArray[np.int64]) -> None:
        """Play a legal action in each game and look at all."""
        rows = np.arange(len(self.games))
        for game, move in zip(self.games, self._moves[rows, actions].tolist(), strict=True):
            game.board.push(move)
            game.moves.append(move)
        self.turns ^= 1
        self.plies += 1
        self._look(rows)

    def begin(self, rows: NDArray[np.int64]) -> None:
        """Begin some games anew, each at the start position that follows its last one."""
        games = self._some(rows)
        starts: list[int] = self._next_start[rows].tolist()
        for game, start in zip(games, starts, strict=True):
            game.begin(self._starts[start])
        self.turns[rows] = [game.board.turn for game in games]
        self._next_start[rows] = (self._next_start[rows] + 1) % len(self._starts)
        self.plies[rows] = 0
        self._look(rows)

    def state(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The compact states of some games, uint8 [n, 100]."""
        placements = b"".join([game.placement() for game in self._some(rows)])
        given = np.frombuffer(placements, np.uint8).reshape(len(rows), _PLACEMENT_BYTES)
        white = self.turns[rows] == WHITE
        state = np.empty((len(rows), STATE_SIZE), np.uint8)
        state[:, BOARD] = given[:, :81]
        state[white, BOARD] = _OTHER_SIDE[given[white, 80::-1]]
        black_hand, white_hand = given[:, 81 + _HAND_ORDER], given[:, 88 + _HAND_ORDER]
        state[:, OWN_HAND] = np.where(white[:, None], white_hand, black_hand)
        state[:, ENEMY_HAND] = np.where(white[:, None], black_hand, white_hand)
        state[:, IN_CHECK:] = self.facts()[rows]
        return state

    def facts(self) -> NDArray[np.uint8]:
        """What compact states hold behind board and hands, uint8 [N, 5]."""
        facts = np.empty((len(self.games), STATE_SIZE - IN_CHECK), np.uint8)
        facts[:, 0] = self.checks
        facts[:, REPETITION - IN_CHECK] = np.minimum(2, self.repeats)
        facts[:, TO_MOVE - IN_CHECK] = self.turns
        facts[:, PROGRESS - IN_CHECK] = 255 * self.plies // self._max_plies
        facts[:, PLIES_LEFT - IN_CHECK] = np.minimum(255, self._max_plies - self.plies)
        return facts

    def _some(self, rows: NDArray[np.int64]) -> list[Game]:
        """The games of some rows."""
        indices: list[int] = rows.tolist()
        return [self.games[index] for index in indices]

    def _look(self, rows: NDArray[np.int64]) -> None:
        """Find moves and verdicts of some games, whose positions are new."""
        flat: list[int] = []
        past: list[int] = [0]
        declares: list[bool] = []
        games = self._some(rows)
        for game in games:
            flat.extend(game.board.legal_moves)
            past.append(len(flat))
            declares.append(game.board.is_nyugyoku())
            game.enter()
        self.checks[rows] = [game.checks[-1] for game in games]
        self.repeats[rows] = [len(game.stood_at) - 1 for game in games]
        counts = np.diff(past)
        moves = np.fromiter(flat, np.int32, len(flat))
        at = np.repeat(rows, counts)
        labels = LABELS[self.turns[at], moves & 0xFFFF]
        self.legal[rows] = False
        self.legal[at, labels] = True
        self._moves[at, labels] = moves
        assert np.count_nonzero(self.legal[rows]) == len(flat), "two moves share a label"
        self._judge(rows, counts == 0, np.array(declares) & self._declaration)

    def _judge(
        self, rows: NDArray[np.int64], stuck: NDArray[np.bool_], declares: NDArray[np.bool_]
    ) -> None:
        """Judge some games, given which have no legal move and which may be declared won."""
        kind = np.where(self.plies[rows] >= self._max_plies, Termination.MAX_PLIES, 0)
        winner = np.full(len(rows), -1)
        kind[declares] = Termination.DECLARATION
        winner[declares] = self.turns[rows[declares]]
        fourth = np.flatnonzero(self.repeats[rows] == 3)
        winner[fourth] = [game.winner_of_repetition() for game in self._some(rows[fourth])]
        repeated = Termination.SENNICHITE, Termination.PERPETUAL_CHECK
        kind[fourth] = np.where(winner[fourth] < 0, *repeated)
        mated = Termination.CHECKMATE, Termination.STALEMATE
        kind[stuck] = np.where(self.checks[rows], *mated)[stuck]
        winner[stuck] = 1 - self.turns[rows[stuck]]
        self.termination[rows], self.winner[rows] = kind, winner
