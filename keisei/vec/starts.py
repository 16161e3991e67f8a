"""The positions that games begin from."""

from collections.abc import Sequence

import numpy as np

from keisei.games.endings import Rules
from keisei.games.pool import Pool
from keisei.shogi.constants import START_SFEN, Termination
from keisei.shogi.notation import InvalidSfenError, parse_sfen
from keisei.vec.batch import Starts


def make_starts(sfens: Sequence[str] | None, rules: Rules) -> Starts:
    """Read start positions and find their legal actions.

    Args:
        sfens: Positions in SFEN; None for the usual start alone.
        rules: What the games are played by.

    Raises:
        InvalidSfenError: When a text is not SFEN or its position cannot occur.
        ValueError: When there is no position, or one in which the game is over already.
    """
    if sfens is not None and not sfens:
        raise ValueError("initial_sfens is empty; name at least one position or leave it out.")
    texts = [START_SFEN] if sfens is None else list(sfens)
    placements = [parse_sfen(text) for text in texts]
    pool = Pool(len(texts))
    views = np.stack([placement.view() for placement in placements])
    turns = np.array([placement.to_move for placement in placements])
    for text, left_in_check in zip(texts, pool.set_up(0, views, turns), strict=True):
        if left_in_check:
            raise InvalidSfenError(
                f"SFEN {text!r}: the side that is not to move is in check; "
                "no legal move leads to such a position."
            )
    pool.judge(0, len(texts), rules)
    for text, end in zip(texts, pool.nodes.ends, strict=True):
        if end != Termination.NONE:
            raise ValueError(
                f"initial_sfens: in {text!r} the game is over before the first move "
                f"({Termination(end).name}); leave this position out."
            )
    return Starts(pool.nodes.slots, pool.nodes.legal)
