"""What a match came to: counts, score with interval, Elo difference, and how to tell it."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from keisei.evaluation.records import GameRecord
from keisei.evaluation.sprt import PAIR_RESULTS, SprtOutcome
from keisei.shogi.constants import BLACK, WHITE, Termination

_NO_MOVE_LEFT = (Termination.CHECKMATE, Termination.STALEMATE)
_PAIR = 2
Z_95 = 1.959964
ELO_PER_NAT = 400 / math.log(10)
"""Elo points of one unit of log odds."""


@dataclass(frozen=True)
class Score:
    """Points of one player in a match, by opening, which is all that intervals need.

    The games of an opening are not independent: with both colours played, the side that the opening
    favours tends to win both, and players without chance may do the same things again. So the unit
    is the opening, and the scatter of its points over the openings is what the interval is from.

    The interval is Wilson's (1927) for as many games as would scatter like that if they were
    independent and had no draws. Where each opening is won or lost with both colours, that number
    is the number of openings, and the interval Wilson's of the openings. So that few openings that
    happen to be alike do not pretend to certainty, z^2 openings, half of them won and half lost
    with both colours, take part in the scatter (after Agresti and Coull 1998).
    """

    points: tuple[float, ...]
    """Points in the games of each opening."""
    games: tuple[int, ...]
    """Games of each opening, 1 or 2; an opening of one game is a unit as well."""

    @property
    def num_games(self) -> int:
        """Games of all openings."""
        return sum(self.games)

    @property
    def mean(self) -> float:
        """Points a game, in [0, 1]; 0.5 before the first game."""
        return sum(self.points) / self.num_games if self.games else 0.5

    @property
    def pairs(self) -> dict[str, int]:
        """Openings of two games by what those came to together: LL, LD, WL/DD, WD, WW."""
        counts = Counter(
            round(2 * points)
            for points, count in zip(self.points, self.games, strict=True)
            if count == _PAIR
        )
        return {name: counts[halves] for halves, name in enumerate(PAIR_RESULTS)}

    def adjusted(self) -> tuple[float, float]:
        """Mean and standard error with z^2 openings added, half of them won and half lost."""
        added = Z_95 * Z_95 / 2
        games = self.num_games + 4 * added
        mean = (sum(self.points) + 2 * added) / games
        squares = sum(
            (points - mean * count) ** 2
            for points, count in zip(self.points, self.games, strict=True)
        )
        squares += added * ((2 - 2 * mean) ** 2 + (2 * mean) ** 2)
        return mean, math.sqrt(squares) / games

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the mean, (low, high), both in [0, 1]."""
        return scatter_interval(self.mean, *self.adjusted())


def scatter_interval(score: float, mean: float, error: float) -> tuple[float, float]:
    """Wilson's 95% interval of a score for the number of games that its scatter is worth.

    Args:
        score: What was scored, in [0, 1].
        mean: The same with z^2 openings added, as ``Score.adjusted`` has it.
        error: Standard error of that.
    """
    z2 = Z_95 * Z_95
    games = mean * (1 - mean) / (error * error) - z2
    centre = score + z2 / (2 * games)
    spread = Z_95 * math.sqrt(score * (1 - score) / games + z2 / (4 * games * games))
    scale = 1 + z2 / games
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def elo_difference(score: float) -> float | None:
    """Elo points by which a player with this score is better; None for a score of 0 or 1."""
    if not 0.0 < score < 1.0:
        return None
    return ELO_PER_NAT * math.log(score / (1.0 - score))


@dataclass(frozen=True)
class Tally:
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

    def __add__(self, other: "Tally") -> "Tally":
        """Add up the games of the same player."""
        return Tally(self.wins + other.wins, self.draws + other.draws, self.losses + other.losses)

    def __str__(self) -> str:
        """Wins-draws-losses, as in ``+12 =3 -5``."""
        return f"+{self.wins} ={self.draws} -{self.losses}"


@dataclass(frozen=True)
class MatesInOne:
    """How often a player could mate with one move, and how often it did."""

    chances: int = 0
    """Positions with a mate in one in which it was asked for a move."""
    taken: int = 0
    """Those in which its move left the opponent without one."""

    @property
    def share(self) -> float | None:
        """Mates taken by chance given, in [0, 1]; None without a chance."""
        return self.taken / self.chances if self.chances else None

    def __add__(self, other: "MatesInOne") -> "MatesInOne":
        """Add up the mates of two matches."""
        return MatesInOne(self.chances + other.chances, self.taken + other.taken)

    def __str__(self) -> str:
        """As in ``61% of 1,234``."""
        return "none" if self.share is None else f"{self.share:.0%} of {self.chances:,}"


def _tally(games: Iterable[GameRecord]) -> Tally:
    counts = Counter(game.points_of_a for game in games)
    return Tally(counts[1.0], counts[0.5], counts[0.0])


@dataclass(frozen=True)
class MatchResult:
    """Outcome of a match, seen from player A."""

    games: tuple[GameRecord, ...]
    """The games that ended, by number."""
    stopped: str = ""
    """Why the match ended before all games were played; empty when it did not."""
    troubles: tuple[str, ...] = ()
    """A sentence for each game that an engine lost by an illegal move, by a failure or on time."""
    sprt: SprtOutcome | None = None
    """How the sequential test ended by which the match was played, if it was."""

    @property
    def as_black(self) -> Tally:
        """Wins, draws and losses of A with Black."""
        return _tally(game for game in self.games if game.colour_of_a == BLACK)

    @property
    def as_white(self) -> Tally:
        """Wins, draws and losses of A with White."""
        return _tally(game for game in self.games if game.colour_of_a == WHITE)

    @property
    def total(self) -> Tally:
        """Wins, draws and losses of A over both colours."""
        return self.as_black + self.as_white

    @property
    def by_opening(self) -> Score:
        """Points of A by opening."""
        points: dict[int, list[float]] = {}
        for game in self.games:
            points.setdefault(game.number // 2, []).append(game.points_of_a)
        return Score(tuple(map(sum, points.values())), tuple(map(len, points.values())))

    @property
    def score(self) -> float:
        """(wins + draws / 2) / games of A."""
        return self.total.score

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the score; ``Score`` says which."""
        return self.by_opening.interval

    @property
    def ends(self) -> dict[str, int]:
        """Games by how they ended: names of ``Termination`` and ``Forfeit`` in lower case."""
        counts = Counter(game.end for game in self.games)
        return {end.name.lower(): counts[end] for end in sorted(counts)}

    @property
    def mates_of_a(self) -> MatesInOne:
        """The mates in one of A."""
        return self._mates(of_a=True)

    @property
    def mates_of_b(self) -> MatesInOne:
        """The mates in one of its opponent."""
        return self._mates(of_a=False)

    def _mates(self, *, of_a: bool) -> MatesInOne:
        chances = taken = 0
        for game in self.games:
            colour = game.colour_of_a if of_a else 1 - game.colour_of_a
            plies = [ply for ply in game.mate_chances if game.colour_at(ply) == colour]
            chances += len(plies)
            taken += game.end in _NO_MOVE_LEFT and len(game.moves) - 1 in plies
        return MatesInOne(chances, taken)

    @property
    def mean_plies(self) -> float:
        """Plies of a game on average."""
        return sum(len(game.moves) for game in self.games) / max(1, len(self.games))

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
        """Everything but the moves as dicts, lists and numbers, ready for ``json.dumps``.

        Elo differences are None where the score is 0 or 1, for they have no bound.
        """
        low, high = self.interval
        return {
            "games": self.total.games,
            "wins": self.total.wins,
            "draws": self.total.draws,
            "losses": self.total.losses,
            "score": self.score,
            "interval": {"kind": "openings", "level": 0.95, "low": low, "high": high},
            "elo": {
                "difference": elo_difference(self.score),
                "low": elo_difference(low),
                "high": elo_difference(high),
            },
            "pairs": self.by_opening.pairs,
            "as_black": vars(self.as_black),
            "as_white": vars(self.as_white),
            "ends": self.ends,
            "mean_plies": self.mean_plies,
            "mate_in_one": {
                side: {**vars(mates), "share": mates.share}
                for side, mates in (("player", self.mates_of_a), ("opponent", self.mates_of_b))
            },
            "stopped": self.stopped,
            "troubles": list(self.troubles),
            **({} if self.sprt is None else {"sprt": self.sprt.to_json_dict()}),
        }

    def report(self, name_a: str, name_b: str) -> str:
        """Several lines of text for people, the names as given."""
        low, high = self.interval
        pairs = self.by_opening.pairs
        ends = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in self.ends.items())
        elo, elo_low, elo_high = (_elo_text(score) for score in (self.score, low, high))
        lines = [
            f"{name_a} against {name_b}: {self.total.games} games",
            f"  score    {self.score:.1%}  (95% interval {low:.1%} to {high:.1%})",
            f"  Elo      {elo}  (95% interval {elo_low} to {elo_high})",
            f"  result   {self.total}  (won, drawn, lost)",
            f"  pairs    {', '.join(f'{key} {count}' for key, count in pairs.items())}",
            f"  as Black {self.as_black}",
            f"  as White {self.as_white}",
            f"  ends     {ends}",
            f"  length   {self.mean_plies:.1f} plies on average",
            f"  mate in one: {self.mates_of_a}; of the opponent: {self.mates_of_b}",
        ]
        if self.sprt is not None:
            lines.append(f"  SPRT     {self.sprt}")
        if self.stopped:
            lines.append(f"  stopped  {self.stopped}")
        return "\n".join(lines)


def _elo_text(score: float) -> str:
    difference = elo_difference(score)
    if difference is None:
        return "-infinite" if score == 0.0 else "+infinite"
    return f"{difference:+.0f}"
