"""Elo ratings fitted to many matches together: Bradley and Terry's model.

A player rated d nats above another scores 1 / (1 + exp(-d)) against it (Bradley and Terry 1952);
400 Elo points are a factor of ten in the odds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.evaluation.results import ELO_PER_NAT, Z_95, Score

_NEWTON_STEPS = 100
_ENOUGH = 1e-10


@dataclass(frozen=True)
class Pairing:
    """What one player scored against another."""

    first: str
    second: str
    score: Score
    """Of the first player."""

    @property
    def is_clean(self) -> bool:
        """Whether one of the two scored nothing."""
        return self.score.mean in (0.0, 1.0)


@dataclass(frozen=True)
class Rating:
    """Strength of a player in Elo points over the anchor."""

    name: str
    elo: float
    low: float
    """Lower end of the 95% interval; the anchor's has no width."""
    high: float
    games: int
    is_bounded: bool
    """False when only matches in which one side scored nothing connect the player to the anchor;
    the truth may then lie any distance further out."""

    def to_json_dict(self) -> dict[str, Any]:
        """The fields by their names."""
        return dict(vars(self))


def fit_ratings(pairings: Sequence[Pairing], anchor: str) -> list[Rating]:
    """Ratings of maximum likelihood, the weakest player first.

    A draw is half a win. A side that scored nothing gets half a point of one game, without which
    the difference would be infinite.

    The intervals follow White (1982): with H the curvature of the likelihood and M the variance of
    its gradient, that of the ratings is H^-1 M H^-1. M is from the scatter of the points over the
    openings, as in ``Score``, so that the two games of an opening need not be independent.

    Args:
        pairings: Matches with at least one game each; two players may meet in several.
        anchor: The player whose rating is 0.

    Raises:
        ValueError: There is no match of the anchor, or no chain of matches from it to a player.
    """
    names = sorted({name for pair in pairings for name in (pair.first, pair.second)})
    if anchor not in names:
        raise ValueError(f"no match of {anchor!r}, from which the ratings are counted")
    lost = set(names) - _connected(pairings, anchor)
    if lost:
        raise ValueError(f"no chain of matches leads from {anchor!r} to {min(lost)!r}")
    signs = np.zeros((len(pairings), len(names)))
    for row, pair in enumerate(pairings):
        signs[row, names.index(pair.first)] += 1.0
        signs[row, names.index(pair.second)] -= 1.0
    free = [index for index, name in enumerate(names) if name != anchor]
    values, errors = np.zeros(len(names)), np.zeros(len(names))
    values[free], errors[free] = _fit(signs[:, free], [pair.score for pair in pairings])
    firm = _connected([pair for pair in pairings if not pair.is_clean], anchor)
    ratings = [
        Rating(
            name,
            elo=float(value * ELO_PER_NAT),
            low=float((value - Z_95 * error) * ELO_PER_NAT),
            high=float((value + Z_95 * error) * ELO_PER_NAT),
            games=sum(
                pair.score.num_games for pair in pairings if name in (pair.first, pair.second)
            ),
            is_bounded=name in firm,
        )
        for name, value, error in zip(names, values, errors, strict=True)
    ]
    return sorted(ratings, key=lambda rating: rating.elo)


def _connected(pairings: Sequence[Pairing], anchor: str) -> set[str]:
    """All players to whom a chain of matches leads from the anchor, itself included."""
    found, before = {anchor}, 0
    while len(found) > before:
        before = len(found)
        for pair in pairings:
            if pair.first in found or pair.second in found:
                found |= {pair.first, pair.second}
    return found


def _fit(
    signs: NDArray[np.float64], scores: Sequence[Score]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ratings and standard errors in nats, float64 [players].

    Args:
        signs: float64 [matches, players], 1 for the first and -1 for the second of each match.
        scores: Those of the first players.
    """
    games = np.array([float(score.num_games) for score in scores])
    points = np.array([sum(score.points) for score in scores])
    points = np.clip(points, np.minimum(0.5, games / 2), np.maximum(games - 0.5, games / 2))
    ratings = np.zeros(signs.shape[1])
    for _ in range(_NEWTON_STEPS):
        expected = 1.0 / (1.0 + np.exp(-signs @ ratings))
        gradient = signs.T @ (points - games * expected)
        curvature = (signs.T * (games * expected * (1.0 - expected))) @ signs
        step = np.linalg.solve(curvature, gradient)
        # The likelihood is concave; short steps keep the first ones from leaping too far.
        ratings += step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < _ENOUGH:
            break
    adjusted = np.array([score.adjusted() for score in scores])
    means, deviations = adjusted[:, 0], adjusted[:, 1]
    inverse = np.linalg.inv((signs.T * (games * means * (1.0 - means))) @ signs)
    scatter = (signs.T * (games * deviations) ** 2) @ signs
    return ratings, np.sqrt(np.diag(inverse @ scatter @ inverse))
