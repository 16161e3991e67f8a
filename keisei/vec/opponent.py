"""N games of shogi for one learner: an opponent moves inside the step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from keisei.shogi.constants import BLACK, WHITE
from keisei.vec.arguments import reset_mask, stream_seeds
from keisei.vec.env import ShogiVectorEnv, StepReturn
from keisei.vec.learner_turn import LearnerTurn
from keisei.vec.observation import Observation
from keisei.vec.saved import arrays_like, require_range
from keisei.vec.seats import NOBODY, DrawnSeats, opponents_to_move, turns, whole_numbers
from keisei.vec.stepper import IllegalActionError
from keisei.vec.turning import rows_of, turned_for

Opponent = Callable[[Any, NDArray[np.bool_]], Any]
"""Chooses actions int [k] from the observations of k games and their masks bool [k, 2187]."""

_MAX_OPENINGS = 100


class OpponentVectorEnv(VectorEnv[Any, Any, Any]):
    """N games as a learner meets them: it sees only positions in which it is to move.

    A step plays the learner's actions and then the opponents' replies, all games at once; where a
    game begins with the opponent to move, that move is played as well. Rewards are the learner's:
    1 for a win, -1 for a loss, else 0, whoever moved last. Observations, masks, flags and the
    autoreset mode are those of the environment inside.

    Final observations are the learner's as well. Where its own move ended the game, the opponent
    would move next: the board is then shown from the learner's side all the same, as if it were
    to move, out of check and without a legal action.

    A game that the opponent's first move ends has no turn of the learner in it. It is left out,
    and the next one begins in its place.

    Args:
        env: The games. From now on only this environment may reset and step them.
        opponent: A callable on the observations of k games, in the form of the environment, and
            their masks, bool [k, 2187], that gives k actions; or "random"; or several of these, one
            of which is drawn at the beginning of each game. It must leave its arguments as they
            are, and k changes from call to call.
        seats: Which colour the learner plays: "random" (drawn at the beginning of each game),
            "black", "white", or "alternate" (game i begins with Black if i is even, and changes
            with each game).

    Attributes:
        env: The environment inside.

    Raises:
        ValueError: When seats is none of these, or no opponent is named.

    Examples:
        >>> env = OpponentVectorEnv(ShogiVectorEnv(3), "random", seats="white")
        >>> obs, infos = env.reset(seed=1)
        >>> obs["observation"][:, 44, 0, 0].tolist()  # the opponent has moved: White is to move
        [1, 1, 1]
    """

    def __init__(
        self,
        env: ShogiVectorEnv,
        opponent: Opponent | str | Sequence[Opponent | str],
        seats: str = "random",
    ) -> None:
        super().__init__()
        self.env = env
        inner: Any = env
        self.num_envs = env.num_envs
        self.metadata = dict(inner.metadata)
        self.autoreset_mode = env.autoreset_mode
        self.render_mode = env.render_mode
        self.single_action_space = inner.single_action_space
        self.action_space = inner.action_space
        self.single_observation_space = inner.single_observation_space
        self.observation_space = inner.observation_space
        self._choosers: list[Opponent | str] = (
            [opponent] if callable(opponent) or isinstance(opponent, str) else list(opponent)
        )
        if not self._choosers:
            raise ValueError("opponent is empty; name at least one.")
        for each in self._choosers:
            if not callable(each) and each != "random":
                raise ValueError(
                    f"opponent={each!r} is neither 'random' nor a function; as_opponent of "
                    "keisei.players.simple makes one of a player."
                )
        self._seats = DrawnSeats(self.num_envs, seats, len(self._choosers))
        self._waits = env.autoreset_mode != AutoresetMode.SAME_STEP
        self._waiting = np.zeros(self.num_envs, np.bool_)
        self._ended_by_learner = np.zeros(self.num_envs, np.bool_)
        self._seeded = False
        self._begun = False

    @property
    def seats(self) -> NDArray[np.int8]:
        """The learner's colours in the running games, int8 [N]: 0 Black, 1 White."""
        return self._seats.colours

    @property
    def opponents(self) -> NDArray[np.int64]:
        """Which of several opponents plays, int64 [N]."""
        return self._seats.opponents

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin games, let the opponents open where they are to move, and return observations.

        Args:
            seed: As for ``ShogiVectorEnv.reset``; seats and opponents are drawn from the seeds too.
            options: ``{"reset_mask": bool [N]}`` begins only the games marked True.

        Raises:
            ValueError: When seeds or mask do not fit.
            TypeError: When the mask is not an array of bool.
            IllegalActionError: When an opponent's action is not legal.
        """
        mask = reset_mask(options, self.num_envs)
        if not (self._begun or mask.all()):
            raise gym.error.ResetNeeded("The games have not begun; reset all of them first.")
        obs, _ = self.env.reset(seed=seed, options=options)
        self._begun = False
        self._seed_streams(seed, mask)
        self._waiting[mask] = False
        self._seats.draw(mask)
        obs = self._reply(obs, mask, LearnerTurn(self.num_envs))
        self._begun = True
        return self._seen(obs), {}

    def step(self, actions: Any) -> StepReturn:
        """Play the learner's action in each game, and the opponents' replies.

        Args:
            actions: int [N], the learner's actions in its own view.

        Returns:
            Observations of the positions in which the learner is to move next; the learner's
            rewards float32 [N]; terminations bool [N]; truncations bool [N]; infos. When games end,
            ``infos["final_info"]`` holds "termination", "winner" and "plies" as in
            ``ShogiVectorEnv``, "seat" (the learner's colour), "result" (its reward) and "opponent"
            (which of several).

        Raises:
            IllegalActionError: When an action is not legal: one of the learner's before any game
                has moved; one of an opponent's in the middle of the step, so that the games have to
                be reset.
            gymnasium.error.ResetNeeded: Before the first reset, after an error in the middle of a
                step, or in the mode "Disabled" when a game is over.
        """
        if not self._begun:
            raise gym.error.ResetNeeded("The games have not begun; call reset() before step().")
        begun = self._waiting.copy()
        # Random opponents do not look at the positions in between.
        looked_at = any(callable(each) for each in self._choosers)
        obs, rewards, terminations, truncations, infos = self.env.step(actions, observe=looked_at)
        self._begun = False
        turn = LearnerTurn(self.num_envs)
        self._waiting[begun] = False
        ended = terminations | truncations
        turn.enter(ended, rewards, infos, self._seats)
        self._waiting |= ended & self._waits
        if not self._waits:
            begun = ended
        self._seats.draw(begun)
        obs = self._reply(obs, begun, turn)
        self._begun = True
        flags = turn.terminations, turn.truncations
        return self._seen(obs), turn.rewards, *flags, turn.infos()

    def action_masks(self) -> NDArray[np.bool_]:
        """The learner's legal actions, bool [N, 2187], True = legal.

        There are none where its own move ended a game that has not begun anew.
        """
        masks = self.env.action_masks()
        masks[self._ended_by_learner] = False
        return masks

    def sample_actions(self) -> NDArray[np.int64]:
        """A uniformly random legal action for each game, int64 [N], from the game's own stream."""
        return self.env.sample_actions()

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Copies of all arrays that the games need to go on, seats and opponents included.

        Raises:
            gymnasium.error.ResetNeeded: Before the first reset.
        """
        own = {name: array.copy() for name, array in self._own_state().items()}
        return self.env.get_state() | own

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> Observation:
        """Go on from a state that ``get_state`` gave here or in an environment of equal settings.

        Returns:
            The learner's observations of all games.

        Raises:
            ValueError: When the state is of other games (``ShogiVectorEnv.set_state``) or names
                an opponent that there is not.
        """
        own = self._own_state()
        lacking = sorted(set(own) - set(state))
        if lacking:
            raise ValueError(f"The state lacks {lacking}; it is not of an OpponentVectorEnv.")
        new = arrays_like(own, state)
        require_range("seats", new["seats"], len((BLACK, WHITE)))
        require_range("opponents", new["opponents"], len(self._choosers))
        obs = self.env.set_state({name: state[name] for name in state if name not in own})
        self._seats.restore(new)
        self._waiting = new["waiting"].copy()
        self._begun = self._seeded = True
        return self._seen(obs)

    def render(self) -> Any:
        """What the environment inside draws."""
        return self.env.render()

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environment inside."""
        self.env.close(**kwargs)

    def _own_state(self) -> dict[str, NDArray[Any]]:
        """The arrays that this environment adds to those of the one inside."""
        return self._seats.state() | {"waiting": self._waiting}

    def _seed_streams(
        self, seed: int | Sequence[int | None] | None, mask: NDArray[np.bool_]
    ) -> None:
        """Begin the streams of seats that the seed names."""
        begun = mask if self._seeded else np.ones(self.num_envs, np.bool_)
        named, seeds = stream_seeds(seed, begun, None if self._seeded else self.np_random)
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
        self._seats.seed(named, seeds)
        self._seeded = True

    def _reply(self, obs: Observation, unseen: NDArray[np.bool_], turn: LearnerTurn) -> Observation:
        """Let the opponents move until the learner is to move wherever a game runs.

        Args:
            obs: The present observations, or an empty dict where nobody has asked for them.
            unseen: bool [N], games that have begun since the learner last looked.
            turn: Ends of the other games are entered here.
        """
        unseen = unseen.copy()
        for _ in range(_MAX_OPENINGS):
            movers = opponents_to_move(self.seats, self.opponents, self.env.colours_to_move())
            movers[self._waiting] = NOBODY
            replying = movers != NOBODY
            if not replying.any():
                return self.env.observe() if isinstance(obs, dict) and not obs else obs
            actions = self._answers(obs, movers)
            try:
                obs, rewards, terminations, truncations, infos = self.env.step(actions, replying)
            except IllegalActionError as error:
                raise IllegalActionError(f"An opponent's action: {error}") from error
            ended = terminations | truncations
            if not ended.any():
                continue
            turn.enter(ended & ~unseen, -rewards, infos, self._seats)
            self._waiting |= ended & ~unseen & self._waits
            begun = ended & (unseen | (not self._waits))
            if self._waits and begun.any():
                obs, _ = self.env.reset(options={"reset_mask": begun})
            self._seats.draw(begun)
            unseen |= begun
        raise RuntimeError(
            f"The opponents' first moves have ended {_MAX_OPENINGS} games in a row before the "
            "learner could move; take other seats or start positions, or a larger max_plies."
        )

    def _answers(self, obs: Observation, movers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Actions int64 [N] of the opponents where they move, 0 in the other games."""
        actions = np.zeros(self.num_envs, np.int64)
        for index, games in turns(movers):
            chooser = self._choosers[index]
            if not callable(chooser):
                actions[games] = self.env.sample_actions()[games]
                continue
            rows = obs
            masks = self.env.action_masks()
            if games.size < self.num_envs:
                masks = masks[games]
                rows = rows_of(obs, games)
            answer = chooser(rows, masks)
            actions[games] = whole_numbers(f"Opponent {index}", answer, games.size)
        return actions

    def _seen(self, obs: Observation) -> Observation:
        """The observations as the learner sees them."""
        self._ended_by_learner = self._waiting & (self.env.colours_to_move() != self.seats)
        games = np.flatnonzero(self._ended_by_learner)
        return turned_for(obs, games) if games.size else obs
