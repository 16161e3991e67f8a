"""What is counted and timed in a run: windows, phases, and the row of each update."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from keisei.rl.ranks import Ranks
from keisei.training.game_statistics import GameStatistics

PHASES = ("env", "act", "store", "learn")
"""What is timed; the rest of the wall clock is "other"."""


@dataclass(frozen=True)
class RunProgress:
    """All that a screen shows of a run at one moment; numbers are of the whole run unless said."""

    global_timestep: int
    total_timesteps: int
    updates: int
    results: GameStatistics
    sps: dict[str, float]
    """Plies a second over the last two updates: "env", "learn", "overall"; 0 when unknown."""
    phase_seconds: dict[str, float]
    """Seconds over the same time: "env", "act", "store", "learn", "other"."""
    learning: dict[str, float]
    """What the last update reported, for example "policy_loss"; empty before the first."""
    recent: dict[str, float]
    """Results of the games that ended in the last rollout, for example "share_checkmate"."""
    opponents: dict[str, float]
    """What the pool of opponents reported with the last update; empty without a pool."""
    evaluation: dict[str, float]
    """The last match's result; empty before the first."""
    elapsed_seconds: float
    """Time spent in this run, also before it was resumed."""
    eta_seconds: float | None
    """Time to the end at the present pace; None when unknown."""


@dataclass
class _Window:
    """Plies and seconds from one update to the next."""

    started: float
    plies: int = 0
    learned_plies: int = 0
    wall: float = 0.0
    phases: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    def __add__(self, other: Self) -> "_Window":
        return _Window(
            started=self.started,
            plies=self.plies + other.plies,
            learned_plies=self.learned_plies + other.learned_plies,
            wall=self.wall + other.wall,
            phases={name: self.phases[name] + other.phases[name] for name in PHASES},
        )

    def seconds(self) -> dict[str, float]:
        """Seconds by phase, "other" included."""
        other = max(0.0, self.wall - sum(self.phases.values()))
        return {**self.phases, "other": other}

    def sps(self) -> dict[str, float]:
        """Plies a second by what they are divided by."""
        pairs = {
            "env": (self.plies, self.phases["env"]),
            "learn": (self.learned_plies, self.phases["learn"]),
            "overall": (self.plies, self.wall),
        }
        return {
            name: plies / seconds if seconds > 0 else 0.0
            for name, (plies, seconds) in pairs.items()
        }


class MetricsManager:
    """Counters, windows and phase timers of a run.

    A *window* goes from one update to the next. Times never influence what is learned; their row
    keys begin with ``time/``, all others are the same in two runs of one seed. Plies and games are
    those of all ranks: a rank knows the games of the others up to the last ``join_games``.
    """

    def __init__(
        self,
        total_timesteps: int,
        statistics: GameStatistics,
        ranks: Ranks | None = None,
    ) -> None:
        """Start counting.

        Args:
            total_timesteps: Plies of the whole run, for the time that is left.
            statistics: Results of games, counted by the step manager.
            ranks: The processes that play the run's games; None for one alone.
        """
        self._ranks = Ranks() if ranks is None else ranks
        self.statistics = statistics
        self.updates = 0
        self.row: dict[str, float] = {}
        self._total_timesteps = total_timesteps
        self._learning: dict[str, float] = {}
        self._recent: dict[str, float] = {}
        self._opponents: dict[str, float] = {}
        self._evaluation: dict[str, float] = {}
        self._at_last_update = statistics.copy()
        self._joined = statistics.copy()
        self._elapsed_before = 0.0
        self._started = time.perf_counter()
        self._window = _Window(self._started)
        self._last_window = _Window(self._started)

    def start_clock(self) -> None:
        """Begin the first window now, so that building and compiling do not count."""
        self._started = time.perf_counter()
        self._window = _Window(self._started)

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Add the time of a ``with`` block to one of ``PHASES``."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._window.phases[name] += time.perf_counter() - begin

    def count_step(self, plies: int) -> None:
        """Note that a vector step played ``plies`` plies on each rank."""
        self._window.plies += plies * self._ranks.size

    def join_games(self) -> None:
        """Add the games that have ended on other ranks; all ranks take part."""
        own = self.statistics.since(self._joined)
        for rank, games in enumerate(self._ranks.gather(own)):
            if rank != self._ranks.rank:
                self.statistics.add(games)
        self._joined = self.statistics.copy()

    def finish_update(
        self,
        learning: Mapping[str, float],
        learned_plies: int,
        opponents: Mapping[str, float] | None = None,
    ) -> dict[str, float]:
        """Close the window after an update; all ranks take part.

        Args:
            learning: What the update reported.
            learned_plies: Plies of the rollout it learned from, on all ranks.
            opponents: What the pool of opponents reported, if there is one.

        Returns:
            The update's row: names as in keisei/web/metrics.md, all values finite floats.
        """
        self.updates += 1
        self.join_games()
        games = self.statistics.since(self._at_last_update)
        self._at_last_update = self.statistics.copy()
        self._learning = dict(learning)
        self._recent = _shares(games)
        self._opponents = dict(opponents or {})
        self._window.learned_plies = learned_plies
        self._window.wall = time.perf_counter() - self._window.started
        row = {"run/updates": float(self.updates), "run/games": float(self.statistics.games)}
        row |= {f"learn/{name}": float(value) for name, value in learning.items()}
        row |= {f"games/{name}": value for name, value in self._recent.items()}
        row |= {f"opponents/{name}": value for name, value in self._opponents.items()}
        row["time/elapsed"] = self.elapsed_seconds
        row |= {f"time/sps_{name}": value for name, value in self._window.sps().items()}
        row |= {f"time/{name}": value for name, value in self._window.seconds().items()}
        self.row = row
        self._last_window = self._window
        self._window = _Window(time.perf_counter())
        return row

    def record_evaluation(self, results: Mapping[str, float]) -> None:
        """Add a match's results to the present row and to what is shown."""
        self._evaluation = {name: float(value) for name, value in results.items()}
        self.row |= {f"eval/{name}": value for name, value in self._evaluation.items()}

    @property
    def elapsed_seconds(self) -> float:
        """Seconds spent in this run, also before it was resumed."""
        return self._elapsed_before + time.perf_counter() - self._started

    def progress(self, global_timestep: int) -> RunProgress:
        """The run as a screen shows it at ``global_timestep``."""
        self._window.wall = time.perf_counter() - self._window.started
        window = self._last_window + self._window
        sps = window.sps()
        left = max(0, self._total_timesteps - global_timestep)
        return RunProgress(
            global_timestep=global_timestep,
            total_timesteps=self._total_timesteps,
            updates=self.updates,
            results=self.statistics.copy(),
            sps=sps,
            phase_seconds=window.seconds(),
            learning=dict(self._learning),
            recent=dict(self._recent),
            opponents=dict(self._opponents),
            evaluation=dict(self._evaluation),
            elapsed_seconds=self.elapsed_seconds,
            eta_seconds=left / sps["overall"] if sps["overall"] > 0 else None,
        )

    def state_dict(self) -> dict[str, Any]:
        """What later rows and screens need, in plain Python values."""
        return {
            "updates": self.updates,
            "elapsed_seconds": self.elapsed_seconds,
            "at_last_update": self._at_last_update.state_dict(),
            "learning": self._learning,
            "recent": self._recent,
            "evaluation": self._evaluation,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state_dict()``; the statistics are loaded by their owner."""
        self.updates = state["updates"]
        self._elapsed_before = state["elapsed_seconds"]
        self._at_last_update.load_state_dict(state["at_last_update"])
        self._joined = self.statistics.copy()
        self._learning = dict(state["learning"])
        self._recent = dict(state["recent"])
        self._evaluation = dict(state["evaluation"])


def _shares(games: GameStatistics) -> dict[str, float]:
    """Results of one window's games; shares only when a game ended."""
    results = {"finished": float(games.games)}
    if games.games:
        results |= {
            f"share_{name.lower()}": count / games.games for name, count in games.by_kind().items()
        }
        results["black_win_rate"] = games.black_wins / games.games
        results["white_win_rate"] = games.white_wins / games.games
        results["draw_rate"] = games.draws / games.games
        results["mean_plies"] = games.mean_plies
    return results
