"""The present moment of a run, for whoever looks into its folder: ``live.json``."""

import json
import time
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from keisei.files import UnwritableError, write_text
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.shogi.constants import BLACK
from keisei.shogi.notation import format_sfen
from keisei.training.callbacks import Callback, RunView
from keisei.training.presence import LIVE_FILE, this_process
from keisei.vec import ShogiVectorEnv

_GAMES = 9
_SECONDS = 1.0


class LiveFileCallback(Callback):
    """Writes where a run stands and its first nine games, at most once a second.

    Nobody waits for the file, and a run does without it: where it cannot be written, the log says
    so once.
    """

    def __init__(self, envs: Sequence[ShogiVectorEnv], buffer: ExperienceBuffer) -> None:
        """Take what the games are read from.

        Args:
            envs: Those of this process, in the order of their games.
            buffer: The rollout, whose last row holds the values of the positions before the moves
                that were made last.
        """
        self._places = [(env, game) for env in envs for game in range(env.num_envs)][:_GAMES]
        self._buffer = buffer
        self._process = this_process()
        self._next = 0.0
        self._has_failed = False

    @override
    def on_step_end(self, run: RunView) -> None:
        """Write the file if the last one is a second old."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _SECONDS
            self._write(run, running=True)

    @override
    def on_training_end(self, run: RunView) -> None:
        """Leave the last state, of a run that goes on no more."""
        self._write(run, running=False)

    def _write(self, run: RunView, *, running: bool) -> None:
        if not run.ranks.is_first:
            return
        try:
            write_text(run.run_dir / LIVE_FILE, self._text(run, running=running), lasting=False)
        except UnwritableError as error:
            if not self._has_failed:
                self._has_failed = True
                run.log(f"{error}; the run goes on without it")

    def _text(self, run: RunView, *, running: bool) -> str:
        progress = run.metrics.progress(run.global_timestep)
        return json.dumps(
            {
                "running": running,
                "written": time.time(),
                "process": self._process,
                "step": progress.global_timestep,
                "total": progress.total_timesteps,
                "updates": progress.updates,
                "sps": progress.sps["overall"],
                "elapsed": progress.elapsed_seconds,
                "eta": progress.eta_seconds,
                "games": self._games(),
            }
        )

    def _games(self) -> list[dict[str, Any]]:
        """Position, last move and value of each game shown.

        A value is what the learner expected for Black, -1 to 1, where the last move was made; it is
        None before the first move and where the rollout is empty.
        """
        row = self._buffer.ptr - 1
        values: list[float] = []
        if row >= 0:
            column = self._buffer.column("values")[row, : len(self._places)]
            values = column.cpu().numpy().tolist()
        games: list[dict[str, Any]] = []
        for number, (env, game) in enumerate(self._places):
            placement, move = env.placement(game), env.last_move(game)
            value = None
            if values and move is not None:
                # The player not to move has made it.
                value = -values[number] if placement.to_move == BLACK else values[number]
            last = None if move is None else move.usi()
            games.append({"sfen": format_sfen(placement), "last": last, "value": value})
        return games
