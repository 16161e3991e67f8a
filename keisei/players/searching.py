"""A player that looks ahead with what a network says of positions."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keisei.players.positions import Positions
from keisei.search.evaluators import Evaluate, TwoSteps
from keisei.search.search import Search
from keisei.search.settings import SearchSettings


class SearchPlayer:
    """Plays what a tree search finds best; the searches of all games are run together."""

    def __init__(
        self, evaluator: Callable[[], Evaluate | TwoSteps], settings: SearchSettings
    ) -> None:
        """Take what gives the judge of positions, as it is when a search begins."""
        self._evaluator = evaluator
        self._settings = settings

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Search n positions.

        Returns:
            int64 [n], legal action labels.

        Raises:
            ValueError: The positions come without games, on whose course repetition depends.
        """
        if positions.standing is None:
            raise ValueError("a player that looks ahead needs games, not positions alone")
        return Search(self._evaluator(), self._settings).run(positions.standing).actions
