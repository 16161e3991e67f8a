"""N games, and what a step does with them: begin, play, look, and say what has ended."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from keisei.games.endings import Rules
from keisei.vec.batch import Starts, new_batch, new_results
from keisei.vec.buffers import ObservationBuffers
from keisei.vec.inspection import describe_illegal
from keisei.vec.kernels import (
    BEGIN,
    MOVE,
    STAY,
    Step,
    first_illegal,
    new_scratch,
    sample_legal,
    step_blocks,
)
from keisei.vec.threads import Slices


class IllegalActionError(ValueError):
    """An action that is not legal in its game; no game has moved."""


class Stepper:
    """Owns N games, which move together.

    Args:
        num_games: N.
        starts: Where games begin.
        rules: What they are played by.
        mode: When games that have ended begin anew.
        buffers: Where observations are written.
        num_threads: Threads that share the games of a step.

    Attributes:
        batch: The games.
        results: What the last step did to each.
    """

    def __init__(
        self,
        num_games: int,
        starts: Starts,
        rules: Rules,
        mode: AutoresetMode,
        buffers: ObservationBuffers,
        num_threads: int,
    ) -> None:
        self._num_games = num_games
        self._mode = mode
        self._buffers = buffers
        self.batch = new_batch(num_games, rules.max_plies)
        self.results = new_results(num_games)
        self._step = Step(
            batch=self.batch,
            starts=starts,
            rules=rules,
            restart=mode == AutoresetMode.SAME_STEP,
            tasks=np.full(num_games, STAY, np.uint8),
            actions=np.zeros(num_games, np.int64),
            results=self.results,
            ended=np.zeros(num_games, np.int64),
            finals=buffers.finals,
            scratch=new_scratch(),
        )
        self._slices = Slices(self._step, num_threads)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The games of each thread: the first, and the one past its last."""
        return self._slices.spans

    def begin(self, games: NDArray[np.bool_]) -> None:
        """Begin the games marked, bool [N], at their next start positions."""
        self._step.tasks[:] = np.where(games, BEGIN, STAY)
        self._run(observe=True)

    def look(self) -> None:
        """Write the observations of all games as they stand."""
        self._step.tasks[:] = STAY
        self._run(observe=True)

    def play(
        self, actions: NDArray[Any], active: NDArray[np.bool_] | None, *, observe: bool
    ) -> NDArray[np.int64]:
        """Play one action in each game that is active.

        Args:
            actions: whole numbers [N].
            active: bool [N], True for the games that move; None for all.
            observe: False to write the observations of those games alone that end.

        Returns:
            The games that ended, int64 [E].

        Raises:
            IllegalActionError: When an action is not legal; no game has moved then.
            gymnasium.error.ResetNeeded: In the mode "Disabled" when an active game is over.
        """
        step = self._step
        step.actions[:] = actions
        self._set_tasks(active)
        wrong = int(self._slices.run_here(first_illegal))
        if wrong >= 0:
            action = int(step.actions[wrong])
            raise IllegalActionError(describe_illegal(self.batch.slots, wrong, action))
        return self._run(observe=observe)

    def sample(self, drawing: NDArray[np.bool_]) -> NDArray[np.int64]:
        """A random legal action, int64 [N], of the games marked, bool [N]; 0 for the others."""
        actions = np.zeros(self._num_games, np.int64)
        self._slices.run(sample_legal, actions, drawing)
        return actions

    def close(self) -> None:
        """Let the threads go."""
        self._slices.close()

    def infos(self, games: NDArray[np.int64]) -> dict[str, Any]:
        """Infos in Gymnasium's form about the games that ended in the last step, int64 [E]."""
        if not len(games):
            return {}
        results = self.results
        ended = results.ended.copy()
        info: dict[str, Any] = {}
        for name, values in (
            ("termination", results.termination),
            ("winner", results.winner),
            ("plies", results.plies),
        ):
            info[name], info["_" + name] = values.copy(), ended
        infos: dict[str, Any] = {"final_info": info, "_final_info": ended}
        if self._step.restart:
            found = np.empty(self._num_games, object)
            last = self._buffers.final_observations(len(games))
            for game, obs in zip(games.tolist(), last, strict=True):
                found[game] = obs
            infos["final_obs"], infos["_final_obs"] = found, ended
        return infos

    def _set_tasks(self, active: NDArray[np.bool_] | None) -> None:
        """Write what each game does in the coming step: move, stay, or begin anew."""
        tasks, over = self._step.tasks, self.batch.over
        tasks[:] = MOVE if active is None else active
        if self._step.restart or not over.any():
            return
        ended = over & (tasks == MOVE)
        if self._mode == AutoresetMode.NEXT_STEP:
            tasks[ended] = BEGIN
        elif ended.any():
            raise gym.error.ResetNeeded(
                f"Game {int(np.argmax(ended))} is over; begin it anew with "
                "reset(options={'reset_mask': ...}) before it moves again."
            )

    def _run(self, *, observe: bool) -> NDArray[np.int64]:
        """Begin and move the games marked, in slices if there are several threads.

        Returns the games that ended, int64 [E]; their last observations are the first E rows of
        the step's ``finals`` if they began anew.
        """
        counts = self._slices.run(step_blocks, self._buffers.next(), observe)
        if len(counts) == 1:
            return self._step.ended[: counts[0]]
        rows = np.concatenate(
            [
                np.arange(first, first + count)
                for (first, _), count in zip(self._slices.spans, counts, strict=True)
            ]
        )
        for array in (self._step.ended, *self._step.finals):
            if len(array):
                array[: len(rows)] = array[rows]
        return self._step.ended[: len(rows)]
