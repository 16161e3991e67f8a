"""Where games stand: what boards and trees begin from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.games.endings import Rules
from keisei.games.history import History
from keisei.games.layout import Slots


class Standing(NamedTuple):
    """Where games stand.

    Attributes:
        slots: The positions of N games.
        history: Their courses.
        games: int64 [n], which of them are meant.
        rules: What they are played by.
    """

    slots: Slots
    history: History
    games: NDArray[np.int64]
    rules: Rules
