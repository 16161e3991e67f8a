"""A USI engine as a player in matches."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from keisei.games.labels import moves_of
from keisei.players.clocks import Clock
from keisei.players.player import Forfeit
from keisei.players.positions import Game, Positions
from keisei.players.usi_client import Answer, EngineError, EngineSettings, UsiEngine, await_moves
from keisei.shogi.features import TO_MOVE
from keisei.shogi.moves import shown

_NO_GAME = -1


class EnginePlayer:
    """Lets processes of a USI engine play; use it in a ``with`` block, which ends them.

    The engine gets each game with its moves from the start position, and ``usinewgame`` whenever
    it turns to another game than before. Its answers are judged by our rules:

    * ``resign`` loses the game (``Forfeit.RESIGNATION``);
    * a move that is not legal, a text that is no move, and ``win`` lose it
      (``Forfeit.ILLEGAL_MOVE``): a win that may be declared is declared by the referee, before the
      engine is asked;
    * an engine that dies or does not answer at all loses it (``Forfeit.ENGINE_FAILURE``) and is
      started again when it is next to move, at most ``max_restarts`` times in all;
    * without a limit of its own it plays by the clocks of the games, which run from the moment that
      ``go`` is sent until ``bestmove`` is read, and a later answer loses (``Forfeit.OUT_OF_TIME``).
    """

    def __init__(
        self, settings: EngineSettings, *, processes: int = 1, max_restarts: int = 3
    ) -> None:
        """Start the processes.

        Args:
            settings: The engine.
            processes: How many of them share the games.
            max_restarts: How many that failed are replaced, until a further one ends the match.

        Raises:
            EngineError: The engine cannot be started.
        """
        self.troubles: list[str] = []
        """A sentence for each game that was lost by an illegal move, a failure or on time."""
        self._settings = settings
        self._restarts_left = max_restarts
        self._engines: list[UsiEngine | None] = []
        self._game = [_NO_GAME] * processes
        with ExitStack() as stack:
            stack.callback(self.close)
            for _ in range(processes):
                self._engines.append(UsiEngine(settings))
            stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes; further calls change nothing."""
        with ExitStack() as stack:
            for engine in self._engines:
                if engine is not None:
                    stack.callback(engine.close)

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Ask the engine for a move in each of n positions, as many at once as it has processes.

        Returns:
            int64 [n], legal action labels, or the numbers of a ``Forfeit``.

        Raises:
            EngineError: An engine is to be started again and cannot, or not any more.
            ValueError: The games that lead to the positions are missing.
        """
        if len(positions.games) != len(positions):
            raise ValueError(
                f"an engine needs the games that lead to its {len(positions)} positions, "
                f"not {len(positions.games)} games"
            )
        queues: list[list[int]] = [[] for _ in self._engines]
        for row, game in enumerate(positions.games):
            queues[game.number % len(queues)].append(row)
        answers = np.full(len(positions), Forfeit.ENGINE_FAILURE, np.int64)
        for turn in range(max(map(len, queues))):
            rows = {place: queue[turn] for place, queue in enumerate(queues) if turn < len(queue)}
            self._ask(rows, positions, answers)
        return answers

    def _ask(
        self, rows: Mapping[int, int], positions: Positions, answers: NDArray[np.int64]
    ) -> None:
        """Let each process think about one position, all at once.

        Args:
            rows: The positions by the places of the processes.
            positions: All positions.
            answers: int64 [n], where the answers are written; ENGINE_FAILURE before.
        """
        games = {place: positions.games[row] for place, row in rows.items()}
        # All sit down before the first clock runs: a start takes long.
        seated = [place for place, game in games.items() if self._seat(place, game)]
        thinking = [place for place in seated if self._think(place, games[place])]
        heard = await_moves([self._running(place) for place in thinking])
        for place, answer in zip(thinking, heard, strict=True):
            answers[rows[place]] = self._judge(place, positions, rows[place], answer)

    def _clock(self, game: Game) -> Clock | None:
        """The clock that the engine plays a game by; None when it has a limit of its own."""
        if self._settings.limit:
            return None
        if game.clock is None:
            raise ValueError(
                f"engine {self._settings.command!r} has neither a limit nor, in game "
                f"{game.number}, a clock"
            )
        return game.clock

    def _seat(self, place: int, game: Game) -> bool:
        """Bring a process to a game; False when it has failed."""
        engine = self._running(place)
        if self._game[place] == game.number:
            return True
        try:
            has_played = self._game[place] != _NO_GAME
            engine.new_game(ready=has_played and self._clock(game) is not None)
        except EngineError as error:
            return self._failed(place, game.number, error)
        self._game[place] = game.number
        return True

    def _think(self, place: int, game: Game) -> bool:
        """Give a process the position of its game; False when it has failed."""
        try:
            self._running(place).think(game.usi_position(), self._clock(game))
        except EngineError as error:
            return self._failed(place, game.number, error)
        return True

    def _judge(
        self, place: int, positions: Positions, row: int, answer: Answer | EngineError
    ) -> int:
        """The action of a process that has thought, or a forfeit."""
        game = positions.games[row]
        if isinstance(answer, EngineError):
            self._failed(place, game.number, answer)
            return Forfeit.ENGINE_FAILURE
        clock, colour = self._clock(game), int(positions.state[row, TO_MOVE])
        if clock is not None:
            allowed, taken = clock.allowance(colour), 1000 * answer.seconds
            if not clock.spend(colour, taken):
                self.troubles.append(
                    f"game {game.number}: engine {self._settings.command!r} lost on time, after "
                    f"{taken:.0f} of {allowed:.0f} ms for ply {len(game.moves) + 1}"
                )
                return Forfeit.OUT_OF_TIME
        if answer.text == "resign":
            return Forfeit.RESIGNATION
        action = legal_action(answer.text, positions.state[row], positions.mask_bits[row])
        if action is None:
            self.troubles.append(
                f"game {game.number}: engine {self._settings.command!r} answered "
                f"{shown(answer.text)}, which is no legal move, to {game.usi_position()}"
            )
            return Forfeit.ILLEGAL_MOVE
        return action

    def _failed(self, place: int, number: int, error: EngineError) -> Literal[False]:
        """End a process that failed; the place is filled again when it is needed."""
        self.troubles.append(f"game {number}: {error}")
        engine, self._engines[place] = self._engines[place], None
        if engine is not None:
            engine.close()
        return False

    def _running(self, place: int) -> UsiEngine:
        """The process of a place, started again if the last one failed."""
        engine = self._engines[place]
        if engine is None:
            if self._restarts_left == 0:
                raise EngineError(
                    f"engine {self._settings.command!r} failed too often; {self.troubles[-1]}"
                )
            self._restarts_left -= 1
            engine = self._engines[place] = UsiEngine(self._settings)
            self._game[place] = _NO_GAME
        return engine


def legal_action(text: str, state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> int | None:
    """The action of a USI move in a position, or None when it is no legal move there.

    Args:
        text: For example "7g7f".
        state: uint8 [100], compact state.
        mask_bits: uint8 [274], packed legal mask, bit 1 = legal.
    """
    _, actions = Positions(state[None], mask_bits[None]).legal_actions()
    moves = moves_of(np.repeat(state[None], len(actions), axis=0), actions)
    labels = dict(zip((move.usi() for move in moves), actions.tolist(), strict=True))
    return labels.get(text)
