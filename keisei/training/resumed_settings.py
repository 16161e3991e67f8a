"""Settings of a resumed run beside those that its checkpoint was written with."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keisei.config_schema import AppConfig
from keisei.training.checkpoint import CheckpointError

_FIXED_KEYS = (
    "env.num_envs",
    "env.max_plies",
    "env.declaration",
    "env.initial_sfens",
    "training.num_steps",
)
"""Settings on which the games and the rollout in a checkpoint depend."""


def compare_settings(
    config: AppConfig, path: Path, saved: Mapping[str, Any], logger: logging.Logger
) -> None:
    """Refuse settings that the saved games do not fit, and log those that changed.

    Args:
        config: The present settings.
        path: The checkpoint.
        saved: The settings in it, as plain values by section.
        logger: Told what changed.

    Raises:
        CheckpointError: A setting has changed on which the saved games depend.
    """
    sections = {"env", "training", "opponents"} & saved.keys()
    present = config.model_dump(mode="json", include=sections)
    changed = [
        f"{section}.{key}"
        for section, values in present.items()
        for key, value in values.items()
        if saved[section].get(key) != value
    ]
    for dotted in changed:
        section, _, key = dotted.partition(".")
        old, new = saved[section].get(key), present[section][key]
        if dotted in _FIXED_KEYS:
            raise CheckpointError(
                f"{str(path)!r} was written with {dotted} = {old!r}, but the settings say "
                f"{new!r}; resume with the settings of the run"
            )
        logger.info("Setting %s changes from %r to %r", dotted, old, new)
