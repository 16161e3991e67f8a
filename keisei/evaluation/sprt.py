"""A sequential test of which of two Elo differences a match is played at.

Wald's test (1945) watches the log-likelihood ratio (LLR) of H1, the difference is ``elo1``, to H0,
it is ``elo0``, and stops as soon as the ratio passes one of two bounds.

The results are those of pairs of games, an opening with both colours: 0 to 2 points in steps of a
half. The share of each is unknown, so the test is a generalised one: a hypothesis has the
likelihood of the most probable shares with its expected score. With the shares p_i found for
scores a_i in [0, 1] and an expected score s they are

    q_i = p_i / (1 + x (a_i - s)),    where x solves    sum_i p_i (a_i - s) / (1 + x (a_i - s)) = 0

(Van den Bergh, "The multinomial MLE", Proposition 1.1,
https://www.cantate.be/Fishtest/support_MLE_multinomial.pdf). It is the test of fishtest with the
model "logistic" (``LLR_logistic`` in its server/fishtest/stats/LLRcalc.py), whose thousandth of a
pair in the place of no pair is taken over, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from keisei.evaluation.records import GameRecord

PAIR_RESULTS = ("LL", "LD", "WL/DD", "WD", "WW")
"""What a pair of games may come to, by points in halves."""
_SCORES = tuple(place / 4 for place in range(5))
_NO_PAIR = 1e-3
_MOST_ELO = 2000.0
_STEPS = 100
_ENOUGH = 1e-13


@dataclass(frozen=True)
class Sprt:
    """Two hypotheses, and how often each may be taken for the other.

    Raises:
        ValueError: They are no two ordered Elo differences, or no error rates.
    """

    elo0: float
    """Elo difference of H0."""
    elo1: float
    """Elo difference of H1, which is larger."""
    alpha: float = 0.05
    """Chance that H1 is accepted though H0 holds."""
    beta: float = 0.05
    """Chance that H0 is accepted though H1 holds."""

    def __post_init__(self) -> None:
        """Look whether the numbers make a test."""
        if not -_MOST_ELO <= self.elo0 < self.elo1 <= _MOST_ELO:
            raise ValueError(
                "a test needs two Elo differences, the lower one first, of at most "
                f"{_MOST_ELO:g}, not {self.elo0:g} and {self.elo1:g}"
            )
        for name in ("alpha", "beta"):
            rate = getattr(self, name)
            if not 0 < rate < 0.5:
                raise ValueError(f"{name} has to be above 0 and below 0.5, not {rate:g}")

    @property
    def bounds(self) -> tuple[float, float]:
        """LLR at which H0 and at which H1 is accepted."""
        return math.log(self.beta / (1 - self.alpha)), math.log((1 - self.beta) / self.alpha)

    def llr(self, pairs: Sequence[int]) -> float:
        """The LLR of H1 to H0; 0 before the first pair.

        Args:
            pairs: How many pairs came to each of ``PAIR_RESULTS``.
        """
        if not any(pairs):
            return 0.0
        counts = [count or _NO_PAIR for count in pairs]
        fit0, fit1 = (
            _log_fit(counts, 1 / (1 + 10 ** (-elo / 400))) for elo in (self.elo0, self.elo1)
        )
        return sum(
            count * (log1 - log0) for count, log0, log1 in zip(counts, fit0, fit1, strict=True)
        )

    def accepted(self, pairs: Sequence[int]) -> str:
        """``H0``, ``H1``, or nothing while the LLR is between the bounds."""
        low, high = self.bounds
        llr = self.llr(pairs)
        return "H1" if llr >= high else "H0" if llr <= low else ""


def _log_fit(counts: Sequence[float], score: float) -> list[float]:
    """Logarithms of q_i / p_i for an expected score."""
    above = [each - score for each in _SCORES]
    low, high, x = -1 / above[-1], -1 / above[0], 0.0
    for _ in range(_STEPS):
        terms = [distance / (1 + x * distance) for distance in above]
        value = sum(count * term for count, term in zip(counts, terms, strict=True))
        slope = -sum(count * term * term for count, term in zip(counts, terms, strict=True))
        # The sum falls with x, so that its sign says on which side the solution lies.
        low, high = (x, high) if value > 0 else (low, x)
        newton = x - value / slope
        following = newton if low < newton < high else (low + high) / 2
        if abs(following - x) < _ENOUGH:
            break
        x = following
    return [-math.log1p(x * distance) for distance in above]


class Trial:
    """A test under way.

    Pairs are looked at in the order of their numbers; one that ends early waits for those before
    it. Were the first to end counted first, short games would be favoured, and with them whoever
    wins quickly. So the verdict does not depend on how many games are played at once.
    """

    def __init__(self, sprt: Sprt) -> None:
        self._sprt = sprt
        self._pairs = [0] * len(PAIR_RESULTS)
        self._waiting: dict[int, float] = {}
        self.accepted = ""
        """``H0`` or ``H1`` when the test is over."""

    @property
    def num_games(self) -> int:
        """Games that the test has looked at: those of the lowest numbers."""
        return 2 * sum(self._pairs)

    def add(self, game: GameRecord) -> None:
        """Look at the pairs that an ended game completes, unless the test is over."""
        self._waiting[game.number] = game.points_of_a
        while not self.accepted and {self.num_games, self.num_games + 1} <= self._waiting.keys():
            first = self.num_games
            points = self._waiting.pop(first) + self._waiting.pop(first + 1)
            self._pairs[round(2 * points)] += 1
            self.accepted = self._sprt.accepted(self._pairs)

    def outcome(self) -> "SprtOutcome":
        """How the test stands."""
        return SprtOutcome(self._sprt, tuple(self._pairs))


@dataclass(frozen=True)
class SprtOutcome:
    """How a test ended, or how it stands."""

    sprt: Sprt
    pairs: tuple[int, ...]
    """How many pairs came to each of ``PAIR_RESULTS``."""

    @property
    def verdict(self) -> str:
        """``H0``, ``H1`` or ``undecided``."""
        return self.sprt.accepted(self.pairs) or "undecided"

    def to_json_dict(self) -> dict[str, object]:
        """Settings, bounds, LLR and verdict, ready for ``json.dumps``."""
        return {
            **vars(self.sprt),
            "pairs": sum(self.pairs),
            "llr": self.sprt.llr(self.pairs),
            "bounds": list(self.sprt.bounds),
            "verdict": self.verdict,
        }

    def __str__(self) -> str:
        """As in ``LLR +2.96 of -2.94 to +2.94: Elo 5, not 0 (H1 after 812 pairs)``."""
        low, high = self.sprt.bounds
        said = {
            "H0": f"Elo {self.sprt.elo0:g}, not {self.sprt.elo1:g} (H0",
            "H1": f"Elo {self.sprt.elo1:g}, not {self.sprt.elo0:g} (H1",
            "undecided": f"Elo {self.sprt.elo0:g} or {self.sprt.elo1:g} (undecided",
        }[self.verdict]
        llr = self.sprt.llr(self.pairs)
        return f"LLR {llr:+.2f} of {low:+.2f} to {high:+.2f}: {said} after {sum(self.pairs)} pairs)"
