"""A USI engine as a player in matches."""

from contextlib import ExitStack
from typing import Self

import numpy as np
from numpy.typing import NDArray

from keisei.games.labels import moves_of
from keisei.players.player import Forfeit
from keisei.players.positions import Positions
from keisei.players.usi_client import EngineError, EngineSettings, UsiEngine
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
    * an engine that dies or does not answer in time loses it (``Forfeit.ENGINE_FAILURE``) and is
      started again when it is next to move, at most ``max_restarts`` times in all.
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
        """A sentence for each game that was lost by an illegal move or by a failure."""
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
        answers = np.empty(len(positions), np.int64)
        for turn in range(max(map(len, queues))):
            thinking = [place for place, queue in enumerate(queues) if turn < len(queue)]
            for place in thinking:
                row = queues[place][turn]
                answers[row] = self._think(place, positions, row)
            for place in thinking:
                row = queues[place][turn]
                if answers[row] != Forfeit.ENGINE_FAILURE:
                    answers[row] = self._answer(place, positions, row)
        return answers

    def _think(self, place: int, positions: Positions, row: int) -> int:
        """Give a process a position; ENGINE_FAILURE when it has died, else 0."""
        engine, game = self._running(place), positions.games[row]
        try:
            if self._game[place] != game.number:
                engine.new_game()
                self._game[place] = game.number
            engine.think(game.usi_position())
        except EngineError as error:
            return self._failed(place, game.number, error)
        return 0

    def _answer(self, place: int, positions: Positions, row: int) -> int:
        """The action of a process that thinks, or a forfeit."""
        game = positions.games[row]
        try:
            text = self._running(place).best_move()
        except EngineError as error:
            return self._failed(place, game.number, error)
        if text == "resign":
            return Forfeit.RESIGNATION
        action = legal_action(text, positions.state[row], positions.mask_bits[row])
        if action is None:
            self.troubles.append(
                f"game {game.number}: engine {self._settings.command!r} answered {shown(text)}, "
                f"which is no legal move, to {game.usi_position()}"
            )
            return Forfeit.ILLEGAL_MOVE
        return action

    def _failed(self, place: int, number: int, error: EngineError) -> int:
        """End a process that failed; the place is filled again when it is needed."""
        self.troubles.append(f"game {number}: {error}")
        engine, self._engines[place] = self._engines[place], None
        if engine is not None:
            engine.close()
        return Forfeit.ENGINE_FAILURE

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
