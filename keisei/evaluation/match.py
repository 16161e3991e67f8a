"""Matches between two players on the batched environment.

Every game that is started is finished and counted once. The games are divided among the boards
beforehand, and a board that has played its share counts no further game: were the first
``num_games`` games to finish taken instead, short games would be favoured, and with them whoever
wins quickly.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.evaluation.players import Player
from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.shogi.features import TO_MOVE
from keisei.vec import ShogiVectorEnv

_Z_95 = 1.959964


def wilson_interval(score: float, games: int) -> tuple[float, float]:
    """Wilson 95% interval of a score, (low, high), both in [0, 1].

    A draw counts as half a win and half a loss, for which the interval is somewhat too wide; unlike
    the normal interval it keeps a width at scores of 0 and 1.

    Args:
        score: (wins + draws / 2) / games, in [0, 1].
        games: Number of games, at least 1.
    """
    z2 = _Z_95 * _Z_95
    centre = score + z2 / (2 * games)
    spread = _Z_95 * math.sqrt(score * (1 - score) / games + z2 / (4 * games * games))
    scale = 1 + z2 / games
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


@dataclass(frozen=True)
class Record:
    """Wins, draws and losses of one player; games without a winner are draws."""

    wins: int = 0
    draws: int = 0
    losses: int = 0

    @property
    def games(self) -> int:
        """Number of games."""
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """(wins + draws / 2) / games; 0.5 before the first game."""
        return (self.wins + self.draws / 2) / self.games if self.games else 0.5

    def __add__(self, other: "Record") -> "Record":
        """Add up two records of the same player."""
        return Record(self.wins + other.wins, self.draws + other.draws, self.losses + other.losses)

    def __str__(self) -> str:
        """Wins-draws-losses, as in ``+12 =3 -5``."""
        return f"+{self.wins} ={self.draws} -{self.losses}"


@dataclass(frozen=True)
class MatchResult:
    """Outcome of a match, seen from player A."""

    as_black: Record
    as_white: Record
    ends: dict[str, int]
    """Games by how they ended: ``Termination`` names in lower case."""
    mean_plies: float

    @property
    def total(self) -> Record:
        """Wins, draws and losses of A over both colours."""
        return self.as_black + self.as_white

    @property
    def score(self) -> float:
        """(wins + draws / 2) / games of A."""
        return self.total.score

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95% interval of the score."""
        return wilson_interval(self.score, self.total.games)

    def metrics(self) -> dict[str, float]:
        """Flat numbers for a metrics row: score, score_low, score_high, wins, ... ."""
        low, high = self.interval
        total = self.total
        return {
            "score": self.score,
            "score_low": low,
            "score_high": high,
            "games": float(total.games),
            "wins": float(total.wins),
            "draws": float(total.draws),
            "losses": float(total.losses),
            "score_black": self.as_black.score,
            "score_white": self.as_white.score,
            "mean_plies": self.mean_plies,
        }

    def to_json_dict(self) -> dict[str, Any]:
        """Everything as plain dicts, lists and numbers, ready for ``json.dumps``."""
        low, high = self.interval
        return {
            "games": self.total.games,
            "wins": self.total.wins,
            "draws": self.total.draws,
            "losses": self.total.losses,
            "score": self.score,
            "interval": {"kind": "wilson", "level": 0.95, "low": low, "high": high},
            "as_black": vars(self.as_black),
            "as_white": vars(self.as_white),
            "ends": self.ends,
            "mean_plies": self.mean_plies,
        }

    def report(self, name_a: str, name_b: str) -> str:
        """Several lines of text for people, the names as given."""
        low, high = self.interval
        ends = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in self.ends.items())
        return "\n".join(
            [
                f"{name_a} against {name_b}: {self.total.games} games",
                f"  score    {self.score:.1%}  (95% Wilson interval {low:.1%} to {high:.1%})",
                f"  result   {self.total}  (won, drawn, lost)",
                f"  as Black {self.as_black}",
                f"  as White {self.as_white}",
                f"  ends     {ends}",
                f"  length   {self.mean_plies:.1f} plies on average",
            ]
        )


class _Ledger:
    """Which game each board is playing, and the results so far.

    Game g of board i has the number g * num_envs + i; A is Black in the games of even number, so
    that over all numbers 0..num_games-1 the colours differ by at most one game.
    """

    def __init__(self, num_games: int, num_envs: int) -> None:
        boards = np.arange(num_envs)
        self._share = num_games // num_envs + (boards < num_games % num_envs)
        self._number = boards
        self._played = np.zeros(num_envs, dtype=np.int64)
        self._num_envs = num_envs
        self._results: Counter[tuple[int, int]] = Counter()
        self._ends: Counter[Termination] = Counter()
        self._plies = 0

    @property
    def active(self) -> NDArray[np.bool_]:
        """Boards still playing a game that counts, bool [N]."""
        return self._played < self._share

    @property
    def colour_of_a(self) -> NDArray[np.int64]:
        """Colour of A in each board's present game, int64 [N], BLACK or WHITE."""
        return np.where(self._number % 2 == 0, BLACK, WHITE)

    def enter(self, ended: NDArray[np.bool_], final_info: dict[str, NDArray[Any]]) -> None:
        """Count the games that just ended on active boards and go on to their next ones.

        Args:
            ended: bool [N], True = the board's game ended in this step.
            final_info: The environment's ``infos["final_info"]``, arrays [N].
        """
        rows = np.flatnonzero(ended & self.active)
        colours = self.colour_of_a
        for row in rows.tolist():
            colour, winner = int(colours[row]), int(final_info["winner"][row])
            sign = 0 if winner < 0 else 1 if winner == colour else -1
            self._results[colour, sign] += 1
            self._ends[Termination(int(final_info["termination"][row]))] += 1
            self._plies += int(final_info["plies"][row])
        self._played[rows] += 1
        self._number[rows] += self._num_envs

    def result(self) -> MatchResult:
        """The match as counted so far."""
        black, white = (
            Record(*(self._results[colour, sign] for sign in (1, 0, -1)))
            for colour in (BLACK, WHITE)
        )
        return MatchResult(
            as_black=black,
            as_white=white,
            ends={end.name.lower(): self._ends[end] for end in sorted(self._ends)},
            mean_plies=self._plies / max(1, self._ends.total()),
        )


def play_match(
    player_a: Player,
    player_b: Player,
    num_games: int,
    *,
    num_envs: int = 64,
    max_plies: int = 512,
    seed: int = 0,
) -> MatchResult:
    """Play games from the usual start position and return the result seen from player A.

    Each player has Black in half of the games (one more or less when their number is odd). Games
    that reach ``max_plies`` are draws; declarations count by themselves.

    Args:
        player_a: The player whose score is reported.
        player_b: Its opponent.
        num_games: Games to play, at least 1.
        num_envs: Boards that are played side by side; more than ``num_games`` are not used.
        max_plies: Plies after which a game is drawn.
        seed: Seed of the environment; the players bring their own.

    Raises:
        ValueError: ``num_games`` or ``num_envs`` is below 1.
    """
    if num_games < 1:
        raise ValueError(f"a match needs at least 1 game, not {num_games}")
    if num_envs < 1:
        raise ValueError(f"a match needs at least 1 board, not {num_envs}")
    num_envs = min(num_envs, num_games)
    ledger = _Ledger(num_games, num_envs)
    env = ShogiVectorEnv(num_envs, max_plies=max_plies, obs="compact")
    obs, _ = env.reset(seed=seed)
    while (active := ledger.active).any():
        state, mask_bits = obs["state"], obs["action_mask_bits"]
        a_moves = state[:, TO_MOVE] == ledger.colour_of_a
        # The environment moves all boards; those whose share is done go on at random, uncounted.
        actions = env.sample_actions()
        for player, rows in ((player_a, active & a_moves), (player_b, active & ~a_moves)):
            if rows.any():
                actions[rows] = player.choose(state[rows], mask_bits[rows])
        obs, _, terminations, truncations, infos = env.step(actions)
        ended = terminations | truncations
        if ended.any():
            ledger.enter(ended, infos["final_info"])
    env.close()
    return ledger.result()
