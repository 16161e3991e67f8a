"""The mates in one that players are offered in a match."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from keisei.evaluation.records import GameRecord
from keisei.games.children import Lookahead
from keisei.players.player import Player
from keisei.players.positions import Positions


class MateWatch:
    """A player in a match, who plays as ever; the records note where it had a mate in one."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._lookahead = Lookahead()

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Look for mates, and pass on what the player answers.

        Returns:
            int64 [n], legal action labels, or the numbers of a ``Forfeit``.
        """
        found = self._lookahead.has_mate(positions.state, positions.mask_bits)
        records = cast(Sequence[GameRecord], positions.games)
        for row in np.flatnonzero(found).tolist():
            records[row].mate_chances.append(len(records[row].moves))
        return self._player.choose(positions)
