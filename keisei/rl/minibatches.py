"""How the plies of a rollout are divided into the minibatches of an epoch.

All ranks take the same optimiser steps: each has a share of every minibatch, and a rank whose plies
are used up goes on without any.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from keisei.config_schema import TrainingConfig


@dataclass(frozen=True)
class Division:
    """The minibatches of one epoch, over K ranks."""

    sizes: tuple[int, ...]
    """Plies of each rank in a minibatch; its last one may be smaller. [K]"""
    totals: tuple[int, ...]
    """Plies of all ranks together in each minibatch. [minibatches]"""
    room: int
    """With ``compile``, no rank ever has more plies in a minibatch, however many of a rollout are
    learned from; where the ranks learn from very uneven numbers, that takes more minibatches."""


def divide_plies(counts: Sequence[int], plies: int, config: TrainingConfig) -> Division:
    """Minibatches that are nearly even, and smaller where the settings do not divide the plies.

    Args:
        counts: learned plies of each rank, not all of them 0.
        plies: played by each rank in a rollout.
        config: has the size or the number of minibatches.

    Examples:
        >>> divide_plies([90, 100], 100, TrainingConfig(num_minibatches=4))
        Division(sizes=(23, 25), totals=(48, 48, 48, 46), room=25)
    """
    wanted = config.minibatch_size
    if wanted is None:
        room, number = math.ceil(plies / config.num_minibatches), config.num_minibatches
    else:
        room, number = math.ceil(wanted / len(counts)), math.ceil(sum(counts) / wanted)
    if config.compile:
        number = max(number, *(math.ceil(count / room) for count in counts))
    sizes = tuple(max(1, math.ceil(count / number)) for count in counts)
    steps = max(math.ceil(count / size) for count, size in zip(counts, sizes, strict=True))
    totals = tuple(
        sum(
            min(size, max(0, count - step * size))
            for count, size in zip(counts, sizes, strict=True)
        )
        for step in range(steps)
    )
    return Division(sizes, totals, room)
