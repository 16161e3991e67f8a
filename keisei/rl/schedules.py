"""How settings change over a run."""

import math

from keisei.config_schema import TrainingConfig


def scheduled_learning_rate(config: TrainingConfig, progress: float) -> float:
    """Learning rate when a share ``progress`` in [0, 1] of the run is over.

    "constant" stays at ``learning_rate``; "linear" and "cosine" fall from there to
    ``lr_final_fraction`` of it.
    """
    progress = min(max(progress, 0.0), 1.0)
    if config.lr_schedule == "constant":
        share = 1.0
    elif config.lr_schedule == "linear":
        share = 1.0 - progress
    else:
        share = 0.5 * (1.0 + math.cos(math.pi * progress))
    final = config.lr_final_fraction if config.lr_schedule != "constant" else 0.0
    return config.learning_rate * (final + (1.0 - final) * share)
