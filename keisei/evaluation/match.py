"""Matches between two players on the batched environment.

Every game that is started is finished and counted once. The games are divided among the boards
beforehand, and a board that has played its share rests: were the first ``num_games`` games to
finish taken instead, short games would be favoured, and with them whoever wins quickly.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from keisei.evaluation.openings import Opening, random_openings
from keisei.evaluation.records import GameRecord
from keisei.evaluation.results import MatchResult
from keisei.evaluation.sprt import Sprt, Trial
from keisei.games.labels import moves_of
from keisei.games.standing import Standing
from keisei.players.clocks import Clock, TimeControl
from keisei.players.player import Forfeit, Player
from keisei.players.positions import Positions
from keisei.players.usi_client import EngineError
from keisei.shogi.constants import BLACK, START_SFEN, WHITE, Termination
from keisei.shogi.features import TO_MOVE
from keisei.vec import ShogiVectorEnv
from keisei.vec.seats import NOBODY, turns

Progress = Callable[[int, float], None]
"""Told after each ply how many games have ended, and the points of player A in them."""


@dataclass(frozen=True)
class MatchRules:
    """How the games of a match begin, and when they and the match end."""

    opening_plies: int = 4
    """Random plies at the beginning; each such opening is played twice, with both colours. Without
    them players that leave nothing to chance repeat two games."""
    max_plies: int = 512
    """A game that reaches so many plies is drawn."""
    declaration: bool = True
    """Whether a player to move who may declare a win (27-point rule) does."""
    clock: TimeControl | None = None
    """The time of both sides in each game; None without clocks."""
    sprt: Sprt | None = None
    """A test that ends the match as soon as it is decided; the games after the deciding pair do not
    count then. None to play all games."""
    openings: Sequence[Opening] = ()
    """What takes the place of random plies, one after the other and then from the first again."""

    def to_json_dict(self) -> dict[str, Any]:
        """The fields that are set by their names, ready for ``json.dumps``."""
        named = {key: value for key, value in asdict(self).items() if value is not None}
        # A test is told with its result, and openings may be many.
        return {key: value for key, value in named.items() if key not in ("sprt", "openings")}


class _Table:
    """The games on the boards, and those that have ended.

    Game g of board i has the number g * num_envs + i; A is Black in the games of even number, so
    that over all numbers 0..num_games-1 the colours differ by at most one game.
    """

    def __init__(
        self, num_games: int, num_envs: int, clock: TimeControl | None, openings: Sequence[Opening]
    ) -> None:
        boards = np.arange(num_envs)
        self._clock = clock
        self._openings = openings
        self.starts = list(dict.fromkeys(opening.start for opening in openings))
        """The different positions that games begin from."""
        self._share = num_games // num_envs + (boards < num_games % num_envs)
        self._played = np.zeros(num_envs, dtype=np.int64)
        self.running: list[GameRecord] = [self._new_game(number) for number in range(num_envs)]
        self.ended: list[GameRecord] = []
        self.points_of_a = 0.0
        """In the games that have ended."""

    @property
    def active(self) -> NDArray[np.bool_]:
        """Boards still playing a game that counts, bool [N]."""
        return self._played < self._share

    @property
    def colour_of_a(self) -> NDArray[np.int64]:
        """Colour of A in each board's present game, int64 [N], BLACK or WHITE."""
        return np.array([game.colour_of_a for game in self.running])

    def opening(self, number: int) -> Opening:
        """The opening of a game."""
        return self._openings[number // 2 % len(self._openings)]

    def reset_options(self, begun: NDArray[np.bool_] | None = None) -> dict[str, Any]:
        """How the environment begins the games of the boards marked, bool [N], or of all."""
        places = {start: place for place, start in enumerate(self.starts)}
        starts = np.array([places[game.start] for game in self.running])
        return {"starts": starts} | ({} if begun is None else {"reset_mask": begun})

    def play(
        self, rows: NDArray[np.intp], state: NDArray[np.uint8], actions: NDArray[np.int64]
    ) -> None:
        """Add a move to the games of some boards.

        Args:
            rows: int [k], the boards.
            state: uint8 [N, 100], all positions before the moves.
            actions: int64 [N], legal actions.
        """
        boards: list[int] = rows.tolist()
        for row, move in zip(boards, moves_of(state[rows], actions[rows]), strict=True):
            self.running[row].moves.append(move)

    def end(self, row: int, end: Termination | Forfeit, winner: int | None) -> None:
        """Count the game of a board and go on to its next one."""
        game = self.running[row]
        game.end, game.winner = end, winner
        self.ended.append(game)
        self.points_of_a += game.points_of_a
        self._played[row] += 1
        self.running[row] = self._new_game(game.number + len(self.running))

    def _new_game(self, number: int) -> GameRecord:
        clock = None if self._clock is None else Clock(self._clock)
        colour_of_a = BLACK if number % 2 == 0 else WHITE
        return GameRecord(number, colour_of_a, clock=clock, start=self.opening(number).start)


def play_match(
    player_a: Player,
    player_b: Player,
    num_games: int,
    *,
    rules: MatchRules = MatchRules(),
    num_envs: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> MatchResult:
    """Play games and return the result seen from player A.

    Each player has Black in half of the games (one more or less when their number is odd).

    Args:
        player_a: The player whose score is reported.
        player_b: Its opponent.
        num_games: Games to play, at least 1.
        rules: How games begin and end.
        num_envs: Boards that are played side by side; more than ``num_games`` are not used.
        seed: Of the openings; the players bring their own.
        progress: Told how far the match is.

    Raises:
        ValueError: A number is out of range.
        EngineError: An engine failed for good before a single game had ended; later it stops the
            match, whose result then says so.
    """
    _check_sizes(num_games, num_envs, rules)
    num_envs = min(num_envs, num_games)
    table = _Table(num_games, num_envs, rules.clock, _openings(num_games, rules, seed))
    env = ShogiVectorEnv(
        num_envs,
        initial_sfens=table.starts,
        max_plies=rules.max_plies,
        obs="compact",
        declaration="auto" if rules.declaration else "off",
    )
    trial = None if rules.sprt is None else Trial(rules.sprt)
    stopped = ""
    obs = _arrays(env.reset(seed=seed, options=table.reset_options())[0])
    try:
        while table.active.any() and not (trial and trial.accepted):
            counted = len(table.ended)
            answers = _answers(table, (player_a, player_b), obs, env.standing())
            obs = _play_ply(env, table, obs["state"], answers)
            if trial is not None:
                for game in table.ended[counted:]:
                    trial.add(game)
            if progress is not None:
                progress(len(table.ended), table.points_of_a)
    except EngineError as error:
        if not table.ended:
            raise
        stopped = str(error)
    finally:
        env.close()
    return _result(table.ended, trial, stopped)


def _openings(num_games: int, rules: MatchRules, seed: int) -> Sequence[Opening]:
    """An opening for each two games, or fewer that are played in turn."""
    if rules.openings:
        return rules.openings
    rows = random_openings((num_games + 1) // 2, rules.opening_plies, seed).tolist()
    return [Opening(START_SFEN, tuple(row)) for row in rows]


def _result(ended: Iterable[GameRecord], trial: Trial | None, stopped: str) -> MatchResult:
    games = tuple(sorted(ended, key=lambda game: game.number))
    if trial is None:
        return MatchResult(games, stopped)
    if trial.accepted:
        games = tuple(game for game in games if game.number < trial.num_games)
    return MatchResult(games, stopped, sprt=trial.outcome())


def _check_sizes(num_games: int, num_envs: int, rules: MatchRules) -> None:
    if num_games < 1:
        raise ValueError(f"a match needs at least 1 game, not {num_games}")
    if num_envs < 1:
        raise ValueError(f"a match needs at least 1 board, not {num_envs}")
    if rules.sprt is not None and num_games % 2:
        raise ValueError(
            f"a sequential test is of pairs, so it needs an even number of games, not {num_games}"
        )
    if not 0 <= rules.opening_plies < rules.max_plies:
        raise ValueError(
            f"openings of {rules.opening_plies} plies do not fit games of {rules.max_plies}"
        )


def _play_ply(
    env: ShogiVectorEnv, table: _Table, state: NDArray[np.uint8], answers: NDArray[np.int64]
) -> dict[str, NDArray[np.uint8]]:
    """Play or forfeit on each active board by its answer; the observations after that.

    Args:
        env: The boards.
        table: Their games.
        state: uint8 [N, K], the positions, in the movers' views.
        answers: int64 [N], legal actions or forfeits.
    """
    active = table.active
    moving = active & (answers >= 0)
    obs, _, terminations, truncations, infos = env.step(answers, active=moving)
    table.play(np.flatnonzero(moving), state, answers)
    over = terminations | truncations
    for row in np.flatnonzero(over).tolist():
        end, winner = (int(infos["final_info"][name][row]) for name in ("termination", "winner"))
        table.end(row, Termination(end), None if winner < 0 else winner)
    given_up = active & ~moving
    for row in np.flatnonzero(given_up).tolist():
        table.end(row, Forfeit(answers[row]), winner=1 - int(state[row, TO_MOVE]))
    # Boards whose game is over have begun anew by themselves, but perhaps not where they should.
    begun = given_up if len(table.starts) == 1 else given_up | over
    if begun.any():
        obs, _ = env.reset(options=table.reset_options(begun))
    return _arrays(obs)


def _arrays(obs: object) -> dict[str, NDArray[np.uint8]]:
    return cast(dict[str, NDArray[np.uint8]], obs)


def _answers(
    table: _Table,
    players: tuple[Player, Player],
    obs: dict[str, NDArray[np.uint8]],
    standing: Standing,
) -> NDArray[np.int64]:
    """What is played or answered on each board: the opening's move, or what its player says.

    Returns:
        int64 [N], legal actions or forfeits; 0 on boards that rest.
    """
    state, mask_bits = obs["state"], obs["action_mask_bits"]
    answers = np.zeros(len(state), np.int64)
    active = table.active
    free = active.copy()
    for row in np.flatnonzero(active).tolist():
        game = table.running[row]
        opening = table.opening(game.number).actions
        if len(game.moves) < len(opening):
            answers[row] = opening[len(game.moves)]
            free[row] = False
    movers = np.where(free, state[:, TO_MOVE] != table.colour_of_a, NOBODY)
    for mover, rows in turns(movers):
        boards: list[int] = rows.tolist()
        games = [table.running[board] for board in boards]
        positions = Positions(state[rows], mask_bits[rows], games, standing._replace(games=rows))
        answers[rows] = players[mover].choose(positions)
    return answers
