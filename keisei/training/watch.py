"""The watch over a run: collapses are noticed, said, and answered as configured.

A *limit* is passed by a number of one update. An *alarm* is a limit passed in ``patience``
updates in a row; numbers that are not finite are an alarm at once.

The row of an update tells of the rollout that it learned from, which the weights of the update
before have played. So when a row is *ill*, the weights of the update before may be ill too, and
whole are only those that were saved earlier. The weights of timestep 0, which no update has
changed, are always whole.
"""

import math
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from keisei.config_schema import WatchConfig
from keisei.training.callbacks import Callback, RunView

COLLAPSE = "collapse"
"""Why a run stopped that the watch has stopped."""

_LEAST_GAMES = 20
"""Shares of fewer games are not looked at."""


def limits_passed(row: Mapping[str, float], config: WatchConfig) -> dict[str, str]:
    """What is wrong with one update, as half a sentence by the name of the number.

    Args:
        row: Numbers of the update, as keisei/web/metrics.md has them; absent ones are not judged.
        config: The limits.
    """
    found = {
        name: f"{name} = {value} is not finite"
        for name, value in row.items()
        if not math.isfinite(value)
    }
    upper = {"learn/approx_kl": "max_kl"}
    if row.get("games/finished", 0.0) >= _LEAST_GAMES:
        upper |= {
            "games/share_max_plies": "max_truncations",
            "games/share_sennichite": "max_sennichite",
        }
    lower = {
        "learn/entropy_normalised": "min_entropy",
        "learn/explained_variance": "min_explained_variance",
        "learn/value_spread": "min_value_spread",
    }
    for name, key in (upper | lower).items():
        limit = float(getattr(config, key))
        value = row.get(name, limit)
        if value > limit if name in upper else value < limit:
            side = "above" if name in upper else "below"
            found[name] = f"{name} = {value:.4g} is {side} watch.{key} = {limit:g}"
    return found


class CollapseWatch(Callback):
    """Watches each update's row; comes after what adds to the row and before what writes it."""

    def __init__(self, config: WatchConfig, steps_per_epoch: int) -> None:
        """Watch with nothing wrong so far.

        Args:
            config: The limits, and what to do when they are passed.
            steps_per_epoch: Plies from one update to the next.
        """
        self._config = config
        self._steps_per_epoch = steps_per_epoch
        self._raised = 0
        self._restores = 0
        self._streaks: dict[str, tuple[int, int]] = {}
        """By number: updates in a row past the limit, and the timestep of the first of them."""
        self._passed: dict[str, str] = {}
        """What is wrong with the last row, by number."""
        self._alarms: list[str] = []
        """Numbers of the last row that are alarms."""
        self._goes_back = False
        self._has_stopped = False
        self._has_failed = False

    @override
    def on_update_end(self, run: RunView, metrics: dict[str, float]) -> None:
        """Judge the row, add the number of alarms to it, and act on them."""
        passed = self._passed = limits_passed(metrics, self._config)
        for name in self._streaks.keys() - passed.keys():
            if self._is_alarm(name):
                run.log(f"Collapse watch: {name} = {metrics.get(name)} is within its limit again")
        self._streaks = {name: self._longer(name, run.global_timestep) for name in passed}
        not_finite = [name for name in passed if not math.isfinite(metrics[name])]
        alarms = self._alarms = [
            name for name in passed if name in not_finite or self._is_alarm(name)
        ]
        metrics["run/alarms"] = float(len(alarms))
        for name in alarms:
            if self._streaks[name][0] == self._config.patience or name in not_finite:
                self._raised += 1
                run.log(f"Collapse watch: {self._since(name)}")
        if alarms and self._config.action == "restore":
            self._goes_back = True
        elif not_finite or (alarms and self._config.action == "stop"):
            self._stop(run)

    @override
    def on_step_end(self, run: RunView) -> None:
        """Go back when that is due, now that the update's row is written."""
        if self._goes_back and not self._go_back(run):
            self._stop(run)

    @override
    def on_update_failed(self, run: RunView, error: FloatingPointError) -> bool:
        """Say it, and go back if that is what is wanted; otherwise the error ends the run."""
        self._raised += 1
        run.log(f"Collapse watch: {error}")
        is_cured = self._config.action == "restore" and self._go_back(run)
        self._has_failed = not is_cured
        return is_cured

    @property
    def is_ill(self) -> bool:
        """Whether limits are passed for half of the patience, or there is an alarm."""
        return bool(self._alarms or self._lasting())

    def verdict(self) -> str | None:
        """How healthy the run is where it is, in one sentence.

        None if nothing was ever wrong, or if an error tells it that ends the run.
        """
        if self._has_failed:
            return None
        if self._alarms:
            first = min(first for _, first in self._streaks.values())
            way_out = "a lower training.learning_rate"
            if self._config.action != "restore":
                way_out += ' or with watch.action = "restore"'
            return (
                f"This run is not healthy: {'; '.join(map(self._since, self._alarms))}; go "
                f"on from a checkpoint of before timestep {self._whole_before(first)} or begin "
                f"again, with {way_out} (alarms so far: {self._raised}, restores: "
                f"{self._restores})"
            )
        if self._lasting():
            return (
                f"This run may not be healthy: {'; '.join(map(self._since, self._lasting()))}, "
                f"which is an alarm after {self._config.patience}"
            )
        if self._raised:
            return (
                f"This run is healthy at its end (alarms on the way: {self._raised}, restores: "
                f"{self._restores}; train.log tells of them)"
            )
        return None

    def needs_before(self, global_timestep: int) -> int | None:
        """Where a restore from now on would look for a checkpoint: before this timestep.

        None when nothing is restored.

        Args:
            global_timestep: Where the run is; the rows up to it have been judged.
        """
        if self._config.action != "restore":
            return None
        # The next row may be the first ill one.
        updates = global_timestep // self._steps_per_epoch
        return self._whole_before((updates + 1) * self._steps_per_epoch)

    def _whole_before(self, update: int) -> int:
        """Timestep before which weights are whole, if the row of an update at a timestep is ill."""
        firsts = [first for _, first in self._streaks.values()]
        return max(min([*firsts, update]) - self._steps_per_epoch, 1)

    def _lasting(self) -> list[str]:
        """Numbers that are past their limit for half of the patience; less is usual at first."""
        half = self._config.patience / 2
        return [name for name, (updates, _) in self._streaks.items() if updates >= half]

    def _since(self, name: str) -> str:
        """What is wrong with a number, and for how long."""
        updates = self._streaks[name][0]
        what = self._passed.get(name, f"{name} is past its limit")
        return f"{what}, for {updates} update{'s' if updates > 1 else ''}"

    def _longer(self, name: str, global_timestep: int) -> tuple[int, int]:
        updates, first = self._streaks.get(name, (0, global_timestep))
        return updates + 1, first

    def _is_alarm(self, name: str) -> bool:
        return self._streaks[name][0] >= self._config.patience

    def _go_back(self, run: RunView) -> bool:
        """Take the weights of the newest checkpoint from before anything was wrong, if allowed."""
        self._goes_back = False
        config = self._config
        if self._restores >= config.max_restores:
            run.log(f"Collapse watch: {self._restores} restores did not help")
            return False
        timestep = run.go_back(self._whole_before(run.global_timestep), config.slowdown)
        if timestep is None:
            run.log("Collapse watch: there is no earlier checkpoint to go back to")
            return False
        self._restores += 1
        self._streaks, self._alarms = {}, []
        run.log(
            f"Collapse watch: restored the weights of timestep {timestep}, learning rate times "
            f"{config.slowdown:g} (restore {self._restores} of {config.max_restores})"
        )
        # The checkpoints since then are gone: a run that is resumed goes on from here.
        run.save_checkpoint()
        return True

    def _stop(self, run: RunView) -> None:
        self._has_stopped = True
        run.log("Collapse watch: the run stops")
        run.request_stop(COLLAPSE)

    def state_dict(self) -> dict[str, Any]:
        """What later judgements depend on, in plain Python values."""
        streaks = {name: list(streak) for name, streak in self._streaks.items()}
        if self._has_stopped:
            # A run that is resumed with other settings has its patience before it.
            streaks = {}
        return {"raised": self._raised, "restores": self._restores, "streaks": streaks}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state_dict()``."""
        self._raised, self._restores = state["raised"], state["restores"]
        self._streaks = {
            name: (updates, first) for name, (updates, first) in state["streaks"].items()
        }
        self._alarms = [name for name in self._streaks if self._is_alarm(name)]
