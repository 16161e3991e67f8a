"""Whether what a step or reset gives has the form that Gymnasium describes."""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from keisei.testing.batches import check_contained
from keisei.testing.report import Report, is_a


def check_results(report: Report, num_envs: int, **results: Any) -> None:
    """Look at rewards, terminations and truncations.

    Raises:
        VectorEnvError: When one of them is not an array with an entry for each game.
    """
    for name, array in results.items():
        report.needs(
            is_a(array, np.ndarray) and array.shape == (num_envs,),
            name,
            f"They are a {type(array).__name__} of shape {np.shape(array)}, not an array of shape "
            f"({num_envs},).",
        )
        kind, wanted = ("f", "floats") if name == "rewards" else ("b", "bool")
        report.wants(array.dtype.kind == kind, name, f"They are {array.dtype}, not {wanted}.")
        report.wants(np.isfinite(array).all(), name, f"They hold {array[~np.isfinite(array)]}.")


def check_infos(report: Report, num_envs: int, infos: Any) -> None:
    """Look at the entries of infos and their masks.

    Raises:
        VectorEnvError: When infos are not a dict.
    """
    report.needs(is_a(infos, dict), "infos", f"They are a {type(infos).__name__}, no dict.")
    for key, value in infos.items():
        if key.startswith("_"):
            _check_mask(report, num_envs, key, value)
            continue
        report.wants("_" + key in infos, "infos", f"{key!r} has no mask '_{key}'.")
        parts = value if is_a(value, dict) else {key: value}
        for name, part in parts.items():
            if name.startswith("_"):
                _check_mask(report, num_envs, name, part)
            elif is_a(part, np.ndarray):
                report.wants(
                    len(part) == num_envs,
                    "infos",
                    f"{name!r} has {len(part)} entries; there are {num_envs} games.",
                )


def _check_mask(report: Report, num_envs: int, name: str, mask: Any) -> None:
    """Look at one mask in infos."""
    report.wants(
        is_a(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (num_envs,),
        "infos",
        f"The mask {name!r} is no array of bool of shape ({num_envs},).",
    )


def check_finals(
    report: Report, space: spaces.Space[Any], infos: dict[str, Any], ended: NDArray[np.bool_]
) -> dict[int, Any]:
    """Look at what infos say of games that ended in a step (SameStep).

    Args:
        report: Where findings go.
        space: Of one game's observations.
        infos: Of the step.
        ended: bool [N], games that ended.

    Returns:
        The final observations, by game.
    """
    if not ended.any():
        told = np.any(infos.get("_final_obs", False))
        report.wants(not told, "final_obs", "'_final_obs' is True though no game ended.")
        return {}
    if "final_info" not in infos:
        report.remark("infos hold no final_info of the games that end.")
    for name in ("final_obs", "final_info"):
        if name not in infos and name == "final_info":
            continue
        report.wants(name in infos, name, f"infos hold none though games {_games(ended)} ended.")
        mask = np.asarray(infos.get("_" + name, np.zeros_like(ended)))
        report.wants(
            np.array_equal(mask, ended),
            name,
            f"'_{name}' marks the games {_games(mask)}; the games {_games(ended)} ended.",
        )
    finals = infos.get("final_obs")
    if finals is None:
        return {}
    report.needs(
        is_a(finals, np.ndarray) and len(finals) == len(ended),
        "final_obs",
        f"They are a {type(finals).__name__}, not an array with an entry for each game.",
    )
    found = {int(game): finals[game] for game in np.flatnonzero(ended)}
    for game, final in found.items():
        if report.wants(final is not None, "final_obs", f"That of game {game} is None."):
            check_contained(report, space, final, "final_obs")
    return {game: final for game, final in found.items() if final is not None}


def _games(mask: NDArray[Any]) -> list[int]:
    return np.flatnonzero(mask).tolist()
