"""Settings of a resumed run beside those that its checkpoint was written with."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keisei.config_schema import AppConfig
from keisei.training.checkpoint import CheckpointError, require

_FIXED_KEYS = (
    "env.num_envs",
    "env.max_plies",
    "env.declaration",
    "env.initial_sfens",
    "training.num_steps",
)
"""Settings on which the games and the rollout in a checkpoint depend."""


_COMPARED = ("env", "training", "opponents")


def compare_settings(
    config: AppConfig, path: Path, contents: Mapping[str, Any], logger: logging.Logger
) -> None:
    """Refuse settings that the saved games do not fit, and log those that changed.

    Args:
        config: The present settings.
        path: The checkpoint.
        contents: What it holds.
        logger: Told what changed.

    Raises:
        CheckpointError: A setting has changed on which the saved games depend, or none are saved.
    """
    require(path, contents, {"config": {section: {str: None} for section in _COMPARED}})
    for section, values in config.model_dump(mode="json", include=set(_COMPARED)).items():
        saved = contents["config"][section]
        for key, new in values.items():
            dotted, old = f"{section}.{key}", saved.get(key)
            if old == new:
                continue
            if dotted in _FIXED_KEYS:
                raise CheckpointError(
                    f"{str(path)!r} was written with {dotted} = {old!r}, but the settings say "
                    f"{new!r}; resume with the settings of the run"
                )
            logger.info("Setting %s changes from %r to %r", dotted, old, new)
