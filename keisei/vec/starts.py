"""The positions that games begin from."""

from collections.abc import Sequence

import numpy as np

from keisei.shogi.constants import START_SFEN, Termination
from keisei.shogi.intrinsics import hold
from keisei.shogi.notation import InvalidSfenError, parse_sfen
from keisei.shogi.position import LANES, place
from keisei.vec.batch import GameBatch, Rules, Starts, new_batch, new_outputs, new_results
from keisei.vec.kernels import STAY, Step, new_scratch, standing, step_blocks


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
    batch = new_batch(len(texts), 0)
    for game, placement in enumerate(placements):
        place(batch.games, game, placement.board, placement.hands, 1 - placement.to_move)
    find_moves(batch, rules)
    for text, given_check in zip(texts, batch.games.in_check, strict=True):
        if given_check:
            raise InvalidSfenError(
                f"SFEN {text!r}: the side that is not to move is in check; "
                "no legal move leads to such a position."
            )
    for game, placement in enumerate(placements):
        place(batch.games, game, placement.board, placement.hands, placement.to_move)
    find_moves(batch, rules)
    ends = np.zeros(len(texts), np.uint8)
    standing(batch.games, batch.legal, rules, ends)
    for text, end in zip(texts, ends, strict=True):
        if end != Termination.NONE:
            raise ValueError(
                f"initial_sfens: in {text!r} the game is over before the first move "
                f"({Termination(end).name}); leave this position out."
            )
    return Starts(batch.games, batch.legal)


def find_moves(batch: GameBatch, rules: Rules) -> None:
    """Generate the legal actions and check flags of all games, which stay where they are."""
    count = len(batch.over)
    step = Step(
        batch=batch,
        starts=Starts(batch.games, batch.legal),
        rules=rules,
        restart=False,
        tasks=np.full(count, STAY, np.uint8),
        actions=np.zeros(count, np.int64),
        results=new_results(count),
        ended=np.zeros(count, np.int64),
        finals=new_outputs(count, set()),
        scratch=new_scratch(),
    )
    step_blocks(hold(step), hold(step.finals), True, 0, -(-count // LANES))  # noqa: FBT003
