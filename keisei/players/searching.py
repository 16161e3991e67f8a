"""A player that looks ahead with what a network says of positions."""

import numpy as np
from numpy.typing import NDArray

from keisei.players.player import Evaluator
from keisei.players.positions import Positions
from keisei.search.search import Search, Verdict
from keisei.search.settings import SearchSettings


class SearchPlayer:
    """Plays what a tree search finds best; the searches of all games are run together."""

    def __init__(self, evaluator: Evaluator, settings: SearchSettings) -> None:
        self._evaluator = evaluator
        self._search = Search(self._evaluate, settings)

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Search n positions.

        Returns:
            int64 [n], legal action labels.

        Raises:
            ValueError: The positions come without games, on whose course repetition depends.
        """
        if positions.standing is None:
            raise ValueError("a player that looks ahead needs games, not positions alone")
        return self._search.run(positions.standing).actions

    def _evaluate(self, state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        found = self._evaluator.evaluate(Positions(state, mask_bits))
        return found.offsets, found.actions, found.log_probs, found.values
