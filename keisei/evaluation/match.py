"""Matches between two players on the batched environment.

Every game that is started is finished and counted once. The games are divided among the boards
beforehand, and a board that has played its share rests: were the first ``num_games`` games to
finish taken instead, short games would be favoured, and with them whoever wins quickly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from keisei.evaluation.records import GameRecord
from keisei.evaluation.results import MatchResult
from keisei.games.labels import moves_of
from keisei.games.standing import Standing
from keisei.players.player import Forfeit, Player
from keisei.players.positions import Positions
from keisei.players.usi_client import EngineError
from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.shogi.features import TO_MOVE
from keisei.vec import ShogiVectorEnv
from keisei.vec.seats import NOBODY, turns


@dataclass(frozen=True)
class MatchRules:
    """How the games of a match begin and when they end."""

    opening_plies: int = 4
    """Random plies at the beginning; each such opening is played twice, with both colours. Without
    them players that leave nothing to chance repeat two games."""
    max_plies: int = 512
    """A game that reaches so many plies is drawn."""
    declaration: bool = True
    """Whether a player to move who may declare a win (27-point rule) does."""


class _Table:
    """The games on the boards, and those that have ended.

    Game g of board i has the number g * num_envs + i; A is Black in the games of even number, so
    that over all numbers 0..num_games-1 the colours differ by at most one game.
    """

    def __init__(self, num_games: int, num_envs: int) -> None:
        boards = np.arange(num_envs)
        self._share = num_games // num_envs + (boards < num_games % num_envs)
        self._played = np.zeros(num_envs, dtype=np.int64)
        self.running: list[GameRecord] = [_new_game(number) for number in range(num_envs)]
        self.ended: list[GameRecord] = []

    @property
    def active(self) -> NDArray[np.bool_]:
        """Boards still playing a game that counts, bool [N]."""
        return self._played < self._share

    @property
    def colour_of_a(self) -> NDArray[np.int64]:
        """Colour of A in each board's present game, int64 [N], BLACK or WHITE."""
        return np.array([game.colour_of_a for game in self.running])

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
        self._played[row] += 1
        self.running[row] = _new_game(game.number + len(self.running))


def _new_game(number: int) -> GameRecord:
    return GameRecord(number, BLACK if number % 2 == 0 else WHITE)


def play_match(
    player_a: Player,
    player_b: Player,
    num_games: int,
    *,
    rules: MatchRules = MatchRules(),
    num_envs: int = 64,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> MatchResult:
    """Play games from the usual start position and return the result seen from player A.

    Each player has Black in half of the games (one more or less when their number is odd).

    Args:
        player_a: The player whose score is reported.
        player_b: Its opponent.
        num_games: Games to play, at least 1.
        rules: How games begin and end.
        num_envs: Boards that are played side by side; more than ``num_games`` are not used.
        seed: Of the openings; the players bring their own.
        progress: Told the number of ended games after each step in which one has ended.

    Raises:
        ValueError: A number is out of range.
        EngineError: An engine failed for good before a single game had ended; later it stops the
            match, whose result then says so.
    """
    _check_sizes(num_games, num_envs, rules)
    num_envs = min(num_envs, num_games)
    openings = random_openings((num_games + 1) // 2, rules.opening_plies, seed)
    table = _Table(num_games, num_envs)
    env = ShogiVectorEnv(
        num_envs,
        max_plies=rules.max_plies,
        obs="compact",
        declaration="auto" if rules.declaration else "off",
    )
    stopped = ""
    obs = _arrays(env.reset(seed=seed)[0])
    try:
        while table.active.any():
            counted = len(table.ended)
            answers = _answers(table, (player_a, player_b), openings, obs, env.standing())
            obs = _play_ply(env, table, obs["state"], answers)
            if progress is not None and len(table.ended) > counted:
                progress(len(table.ended))
    except EngineError as error:
        if not table.ended:
            raise
        stopped = str(error)
    finally:
        env.close()
    return MatchResult(tuple(sorted(table.ended, key=lambda game: game.number)), stopped)


def _check_sizes(num_games: int, num_envs: int, rules: MatchRules) -> None:
    if num_games < 1:
        raise ValueError(f"a match needs at least 1 game, not {num_games}")
    if num_envs < 1:
        raise ValueError(f"a match needs at least 1 board, not {num_envs}")
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
    for row in np.flatnonzero(terminations | truncations).tolist():
        end, winner = (int(infos["final_info"][name][row]) for name in ("termination", "winner"))
        table.end(row, Termination(end), None if winner < 0 else winner)
    given_up = active & ~moving
    for row in np.flatnonzero(given_up).tolist():
        table.end(row, Forfeit(answers[row]), winner=1 - int(state[row, TO_MOVE]))
    if given_up.any():
        obs, _ = env.reset(options={"reset_mask": given_up})
    return _arrays(obs)


def _arrays(obs: object) -> dict[str, NDArray[np.uint8]]:
    return cast(dict[str, NDArray[np.uint8]], obs)


def _answers(
    table: _Table,
    players: tuple[Player, Player],
    openings: NDArray[np.int64],
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
        if len(game.moves) < openings.shape[1]:
            answers[row] = openings[game.number // 2, len(game.moves)]
            free[row] = False
    movers = np.where(free, state[:, TO_MOVE] != table.colour_of_a, NOBODY)
    for mover, rows in turns(movers):
        boards: list[int] = rows.tolist()
        games = [table.running[board] for board in boards]
        positions = Positions(state[rows], mask_bits[rows], games, standing._replace(games=rows))
        answers[rows] = players[mover].choose(positions)
    return answers


def random_openings(num_openings: int, plies: int, seed: int) -> NDArray[np.int64]:
    """Openings of uniformly random moves after which the game still goes on.

    Args:
        num_openings: How many.
        plies: Length of each; an opening does not depend on how many there are.
        seed: Fixes them.

    Returns:
        int64 [num_openings, plies], actions from the usual start position.

    Raises:
        ValueError: Openings of this length end games too often.
    """
    openings = np.zeros((num_openings, plies), np.int64)
    missing = np.arange(num_openings) if plies else np.arange(0)
    for attempt in range(100):
        if not len(missing):
            return openings
        env = ShogiVectorEnv(len(missing), max_plies=plies + 1, obs="compact")
        seeds = np.random.SeedSequence((seed, attempt)).generate_state(num_openings)[missing]
        env.reset(seed=seeds.tolist())
        over = np.zeros(len(missing), np.bool_)
        for ply in range(plies):
            actions = env.sample_actions()
            openings[missing, ply] = actions
            _, _, terminations, _, _ = env.step(actions)
            over |= terminations
        env.close()
        missing = missing[over]
    raise ValueError(f"random openings of {plies} plies end the game too often; take shorter ones")
