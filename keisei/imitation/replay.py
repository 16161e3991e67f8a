"""Games of records, replayed side by side by the rules."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.evaluation.records import GameRecord
from keisei.games.endings import NO_WINNER, Rules
from keisei.games.pool import Pool
from keisei.imitation.examples import Examples, Tally, find_actions, game_key, seen
from keisei.players.player import Forfeit
from keisei.shogi.constants import Termination
from keisei.shogi.moves import Move
from keisei.shogi.notation import parse_sfen

_NO_CAP = np.iinfo(np.int32).max
_GOES_ON = Rules(_NO_CAP, declaration=False)


def replay(
    games: Sequence[tuple[str, GameRecord]], max_plies: int, seed: int, tally: Tally
) -> Examples:
    """The positions of the games in which every move is legal.

    Args:
        games: Each with the words that say where it is from; their first positions are in SFEN.
        max_plies: The ply cap that states speak of.
        seed: Of the keys of games.
        tally: Hears of games, and of those that are left out.
    """
    lines = _Lines(games)
    lines.play(tally)
    slots, actions, results, keys = (list[NDArray[Any]]() for _ in range(4))
    for number, (_, game) in enumerate(games):
        count = len(game.moves)
        if not count or lines.is_bad[number]:
            continue
        own = lines.slots[number]
        played = lines.pool.nodes.actions[own[1:]]
        colours = (lines.turns[number] + np.arange(count)) % 2
        winner = _winner(lines.pool, int(own[count]), game, int(lines.turns[number] + count) % 2)
        slots.append(own[:count])
        actions.append(played)
        results.append(_to_movers(winner, colours))
        course = game.start.encode() + played.astype("<u2").tobytes()
        keys.append(np.full(count, game_key(course, seed), np.uint64))
        tally.games += 1
        tally.positions += count
    if not slots:
        return _nothing()
    states, bits = seen(lines.pool, np.concatenate(slots), max_plies)
    return Examples(
        states, bits, np.concatenate(actions), np.concatenate(results), np.concatenate(keys)
    )


class _Lines:
    """Games as lines of slots in one pool, all of which move on together."""

    def __init__(self, games: Sequence[tuple[str, GameRecord]]) -> None:
        self.games = games
        self.pool = Pool(max(1, sum(len(game.moves) + 1 for _, game in games)))
        self.turns = np.zeros(len(games), np.int64)
        self.is_bad = np.zeros(len(games), np.bool_)
        self.slots = [np.full(len(game.moves) + 1, -1, np.int64) for _, game in games]

    def play(self, tally: Tally) -> None:
        """Play all moves of all games, each to its first that is not legal."""
        moves = [_numbers(game.moves) for _, game in self.games]
        alive = self._begin(tally)
        end, ply = len(self.games), 0
        while alive := [game for game in alive if ply < len(moves[game])]:
            rows = np.array(alive)
            slots = np.array([self.slots[game][ply] for game in alive])
            wanted = np.array([moves[game][ply] for game in alive])
            actions = find_actions(self.pool, slots, wanted, (self.turns[rows] + ply) % 2)
            is_over = self.pool.nodes.ends[slots] != Termination.NONE
            for place in np.flatnonzero((actions < 0) | is_over):
                self._refuse(alive[place], ply, tally, is_over=bool(is_over[place]))
            good = (actions >= 0) & ~is_over
            rows, target = rows[good], end
            end = target + len(rows)
            if len(rows):
                self.pool.advance(slots[good], actions[good], target)
                self.pool.generate(target, end)
                self.pool.judge(target, end, _GOES_ON)
            ply += 1
            alive = rows.tolist()
            for place, game in enumerate(alive):
                self.slots[game][ply] = target + place

    def _begin(self, tally: Tally) -> list[int]:
        """Set up the first positions and say which of them can be."""
        views = np.zeros((len(self.games), 95), np.uint8)
        for number, (_, game) in enumerate(self.games):
            start = parse_sfen(game.start)
            views[number], self.turns[number] = start.view(), start.to_move
            self.slots[number][0] = number
        left_in_check = self.pool.set_up(0, views, self.turns)
        self.pool.judge(0, len(self.games), _GOES_ON)
        for number in np.flatnonzero(left_in_check).tolist():
            tally.skip("a king can be captured in the first position", self.games[number][0])
            self.is_bad[number] = True
        return np.flatnonzero(~self.is_bad).tolist()

    def _refuse(self, game: int, ply: int, tally: Tally, *, is_over: bool) -> None:
        place, record = self.games[game]
        self.is_bad[game] = True
        move = f"{place}: move {ply + 1}, {record.moves[ply].usi()}"
        if is_over:
            tally.skip("moves go on after the end of the game", move)
        else:
            tally.skip("a move is not legal", move)


def _numbers(moves: Sequence[Move]) -> NDArray[np.int64]:
    """Moves as ``find_actions`` takes them, int64 [len(moves), 4]."""
    rows = [
        (
            -1 if move.from_square is None else move.from_square,
            move.to_square,
            move.promote,
            move.drop or 0,
        )
        for move in moves
    ]
    return np.array(rows, np.int64).reshape(len(rows), 4)


def _winner(pool: Pool, slot: int, game: GameRecord, turn: int) -> int | None:
    """BLACK or WHITE, NO_WINNER for a draw, None where nothing says.

    Args:
        pool: Holds the game.
        slot: Of its last position.
        game: Its record, whose word counts where the rules do not end the game.
        turn: Who is to move in the end.
    """
    is_declared = game.end is Termination.DECLARATION
    end, winner = pool.end_of(slot, Rules(_NO_CAP, is_declared))
    if end != Termination.NONE:
        return int(winner)
    if isinstance(game.end, Forfeit):
        return 1 - turn
    return NO_WINNER if game.end is Termination.MAX_PLIES else None


def _to_movers(winner: int | None, colours: NDArray[np.int64]) -> NDArray[np.float32]:
    if winner is None:
        return np.full(len(colours), np.nan, np.float32)
    if winner == NO_WINNER:
        return np.zeros(len(colours), np.float32)
    return np.where(colours == winner, 1.0, -1.0).astype(np.float32)


def _nothing() -> Examples:
    states, bits = seen(Pool(1), np.zeros(0, np.int64), 1)
    return Examples(
        states,
        bits,
        np.zeros(0, np.int64),
        np.zeros(0, np.float32),
        np.zeros(0, np.uint64),
    )
