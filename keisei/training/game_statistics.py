"""How games of a run ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.constants import BLACK, WHITE, Termination

_ENDS = tuple(end for end in Termination if end is not Termination.NONE)


@dataclass
class GameStatistics:
    """Results of all games that ended: counted here, once, and nowhere else."""

    ends: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(Termination), dtype=np.int64)
    )
    """int64[7], games by the code of their ``Termination``."""
    black_wins: int = 0
    white_wins: int = 0
    draws: int = 0
    """Games that a rule ended without a winner; truncated games are no draws."""
    plies: int = 0
    """Plies of all ended games together."""

    @property
    def games(self) -> int:
        """Games that ended, truncated ones included."""
        return int(self.ends.sum())

    @property
    def truncations(self) -> int:
        """Games that the ply cap cut off."""
        return int(self.ends[Termination.MAX_PLIES])

    @property
    def mean_plies(self) -> float:
        """Plies of an ended game on average; 0 before the first end."""
        return self.plies / self.games if self.games else 0.0

    def count(
        self,
        terminations: NDArray[np.uint8],
        winners: NDArray[np.int8],
        plies: NDArray[np.int32],
    ) -> None:
        """Add games that just ended.

        Args:
            terminations: uint8[K], ``Termination`` codes, none of them NONE.
            winners: int8[K], BLACK, WHITE or -1 for nobody.
            plies: int32[K], length of each game.
        """
        self.ends += np.bincount(terminations, minlength=len(Termination))
        self.black_wins += int(np.count_nonzero(winners == BLACK))
        self.white_wins += int(np.count_nonzero(winners == WHITE))
        nobody = winners < 0
        self.draws += int(np.count_nonzero(nobody & (terminations != Termination.MAX_PLIES)))
        self.plies += int(plies.sum(dtype=np.int64))

    def by_kind(self) -> dict[str, int]:
        """Games by the name of their end, for example ``{"CHECKMATE": 3, ...}``."""
        return {end.name: int(self.ends[end]) for end in _ENDS}

    def since(self, earlier: "GameStatistics") -> "GameStatistics":
        """The games that ended after ``earlier`` was copied from this object."""
        pairs = zip(vars(self).items(), vars(earlier).values(), strict=True)
        return GameStatistics(**{name: now - before for (name, now), before in pairs})

    def add(self, other: "GameStatistics") -> None:
        """Count the games that another object has counted."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    def copy(self) -> "GameStatistics":
        """The same counts in an object of their own."""
        return replace(self, ends=self.ends.copy())

    def state_dict(self) -> dict[str, Any]:
        """The counts as plain integers."""
        return {**vars(self), "ends": self.ends.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the counts of ``state_dict()``."""
        for name in vars(self):
            setattr(self, name, state[name])
        self.ends = np.asarray(state["ends"], dtype=np.int64)
