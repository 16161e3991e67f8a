"""N games of shogi for one learner: an opponent moves inside the step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.vec.arguments import one_of, reset_mask, stream_seeds
from keisei.vec.env import IllegalActionError, ShogiVectorEnv, StepReturn
from keisei.vec.kernels import seed_streams
from keisei.vec.observation import Observation
from keisei.vec.saved import arrays_like, require_range
from keisei.vec.turning import colours_to_move, turn_observation

Opponent = Callable[[Any, NDArray[np.bool_]], Any]
"""Chooses actions int [k] from the observations of k games and their masks bool [k, 2187]."""

_SEATS = ("random", "black", "white", "alternate")
_MAX_OPENINGS = 100
_STREAM_STEP = np.uint64(0x9E3779B97F4A7C15)
_OWN_STREAM = np.uint64(0x6B65697365690001)
"""Parts the streams of seats from those of actions, which begin from the same seeds."""
_U32 = np.uint64(32)


class _Turn:
    """What one turn of the learner, with the replies to it, has brought.

    Attributes:
        rewards: float32 [N], the learner's.
        terminations: bool [N].
        truncations: bool [N].
        final_obs: object [N], last observations of the games that ended, None for the others.
        final_info: Arrays [N] of what the ends say.
    """

    def __init__(self, num_envs: int) -> None:
        self.rewards = np.zeros(num_envs, np.float32)
        self.terminations = np.zeros(num_envs, np.bool_)
        self.truncations = np.zeros(num_envs, np.bool_)
        self.final_obs = np.full(num_envs, None, dtype=object)
        self.final_info: dict[str, NDArray[Any]] = {
            "termination": np.zeros(num_envs, np.uint8),
            "winner": np.full(num_envs, -1, np.int8),
            "plies": np.zeros(num_envs, np.int32),
            "seat": np.zeros(num_envs, np.int8),
            "result": np.zeros(num_envs, np.int8),
            "opponent": np.zeros(num_envs, np.int64),
        }

    def infos(self, autoreset_mode: AutoresetMode) -> dict[str, Any]:
        """Infos in Gymnasium's form; empty when no game ended."""
        ended = self.terminations | self.truncations
        if not ended.any():
            return {}
        final_info: dict[str, Any] = {}
        for name, array in self.final_info.items():
            final_info[name] = array
            final_info["_" + name] = ended.copy()
        infos: dict[str, Any] = {"final_info": final_info, "_final_info": ended.copy()}
        if autoreset_mode == AutoresetMode.SAME_STEP:
            infos |= {"final_obs": self.final_obs, "_final_obs": ended}
        return infos


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
        seats: int8 [N], the learner's colour in the running games: 0 Black, 1 White.
        opponents: int64 [N], which of several opponents plays.

    Raises:
        ValueError: When seats is none of these, or no opponent is named.

    Example:
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
        self._rule = one_of("seats", seats, _SEATS)
        self._choosers: list[Opponent | str] = (
            [opponent] if callable(opponent) or isinstance(opponent, str) else list(opponent)
        )
        if not self._choosers:
            raise ValueError("opponent is empty; name at least one.")
        for each in self._choosers:
            if not callable(each):
                one_of("opponent", each, ("random",))
        self.seats = np.zeros(self.num_envs, np.int8)
        self.opponents = np.zeros(self.num_envs, np.int64)
        self._streams = np.zeros(self.num_envs, np.uint64)
        self._games_begun = np.zeros(self.num_envs, np.int64)
        self._waiting = np.zeros(self.num_envs, np.bool_)
        self._ended_by_learner = np.zeros(self.num_envs, np.bool_)
        self._seeded = False
        self._begun = False

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
        self._draw(mask)
        obs = self._reply(obs, mask, _Turn(self.num_envs))
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
        turn = _Turn(self.num_envs)
        self._waiting[begun] = False
        ended = terminations | truncations
        self._enter_ends(turn, ended, rewards, infos)
        if self.autoreset_mode == AutoresetMode.SAME_STEP:
            begun = ended
        self._draw(begun)
        obs = self._reply(obs, begun, turn)
        self._begun = True
        return (
            self._seen(obs),
            turn.rewards,
            turn.terminations,
            turn.truncations,
            turn.infos(self.autoreset_mode),
        )

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
        self.seats, self.opponents, self._streams, self._games_begun, self._waiting = (
            array.copy() for array in new.values()
        )
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
        return {
            "seats": self.seats,
            "opponents": self.opponents,
            "seat_streams": self._streams,
            "games_begun": self._games_begun,
            "waiting": self._waiting,
        }

    def _seed_streams(
        self, seed: int | Sequence[int | None] | None, mask: NDArray[np.bool_]
    ) -> None:
        """Begin the streams of seats that the seed names."""
        begun = mask if self._seeded else np.ones(self.num_envs, np.bool_)
        named, seeds = stream_seeds(seed, begun, None if self._seeded else self.np_random)
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
        self._streams[named] = seeds[named] ^ _OWN_STREAM
        self._games_begun[named] = 0
        self._seeded = True

    def _draw(self, games: NDArray[np.bool_]) -> None:
        """Draw seats and opponents of the games that begin."""
        if not games.any():
            return
        drawn = np.zeros(self.num_envs, np.uint64)
        self._streams[games] += _STREAM_STEP
        seed_streams(self._streams, drawn)
        if self._rule == "random":
            seats = drawn & np.uint64(1)
        elif self._rule == "alternate":
            seats = (np.arange(self.num_envs) + self._games_begun) % 2
        else:
            seats = np.full(self.num_envs, BLACK if self._rule == "black" else WHITE)
        self._games_begun[games] += 1
        opponents = ((drawn >> _U32) * np.uint64(len(self._choosers))) >> _U32
        # New arrays: a caller may hold the ones before.
        self.seats = np.where(games, seats, self.seats).astype(np.int8)
        self.opponents = np.where(games, opponents, self.opponents).astype(np.int64)

    def _reply(self, obs: Observation, unseen: NDArray[np.bool_], turn: _Turn) -> Observation:
        """Let the opponents move until the learner is to move wherever a game runs.

        Args:
            obs: The present observations, or an empty dict where nobody has asked for them.
            unseen: bool [N], games that have begun since the learner last looked.
            turn: Ends of the other games are entered here.
        """
        unseen = unseen.copy()
        for _ in range(_MAX_OPENINGS):
            replying = (self.env.colours_to_move() != self.seats) & ~self._waiting
            if not replying.any():
                return self.env.observe() if isinstance(obs, dict) and not obs else obs
            actions = self._opponents_actions(obs, replying)
            try:
                obs, rewards, terminations, truncations, infos = self.env.step(actions, replying)
            except IllegalActionError as error:
                raise IllegalActionError(f"An opponent's action: {error}") from error
            ended = terminations | truncations
            if not ended.any():
                continue
            self._enter_ends(turn, ended & ~unseen, -rewards, infos)
            begun = ended
            if self.autoreset_mode != AutoresetMode.SAME_STEP:
                begun = ended & unseen
                if begun.any():
                    obs, _ = self.env.reset(options={"reset_mask": begun})
            self._draw(begun)
            unseen |= begun
        raise RuntimeError(
            f"The opponents' first moves have ended {_MAX_OPENINGS} games in a row before the "
            "learner could move; take other seats or start positions, or a larger max_plies."
        )

    def _opponents_actions(
        self, obs: Observation, replying: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Actions int64 [N] of the opponents in the games where they reply, 0 in the others."""
        actions = np.zeros(self.num_envs, np.int64)
        for index, chooser in enumerate(self._choosers):
            games = np.flatnonzero(replying & (self.opponents == index))
            if not games.size:
                continue
            if not callable(chooser):
                actions[games] = self.env.sample_actions()[games]
                continue
            rows = obs
            masks = self.env.action_masks()
            if games.size < self.num_envs:
                masks = masks[games]
                rows = _rows(obs, games)
            chosen = np.asarray(chooser(rows, masks))
            if chosen.shape != games.shape or chosen.dtype.kind not in "iu":
                raise ValueError(
                    f"Opponent {index} gave {chosen.dtype} of shape {chosen.shape}; "
                    f"it has to give whole numbers of shape {games.shape}."
                )
            actions[games] = chosen
        return actions

    def _enter_ends(
        self,
        turn: _Turn,
        ended: NDArray[np.bool_],
        rewards: NDArray[np.float32],
        infos: dict[str, Any],
    ) -> None:
        """Enter the ends of the learner's games; rewards float32 [N] are the learner's."""
        if not ended.any():
            return
        final = infos["final_info"]
        truncated = final["termination"] == Termination.MAX_PLIES
        turn.rewards[ended] = rewards[ended]
        turn.truncations |= ended & truncated
        turn.terminations |= ended & ~truncated
        for name in ("termination", "winner", "plies"):
            turn.final_info[name][ended] = final[name][ended]
        turn.final_info["seat"][ended] = self.seats[ended]
        turn.final_info["result"][ended] = rewards[ended]
        turn.final_info["opponent"][ended] = self.opponents[ended]
        if self.autoreset_mode != AutoresetMode.SAME_STEP:
            self._waiting |= ended
            return
        for game in np.flatnonzero(ended):
            last = infos["final_obs"][game]
            by_learner = colours_to_move(last) != self.seats[game]
            turn.final_obs[game] = turn_observation(last) if by_learner else last

    def _seen(self, obs: Observation) -> Observation:
        """The observations as the learner sees them."""
        self._ended_by_learner = self._waiting & (self.env.colours_to_move() != self.seats)
        games = np.flatnonzero(self._ended_by_learner)
        if not games.size:
            return obs
        turned = turn_observation(_rows(obs, games))
        if not isinstance(obs, dict):
            return _replaced(obs, games, cast(NDArray[Any], turned))
        rows = cast(dict[str, NDArray[Any]], turned)
        return {name: _replaced(array, games, rows[name]) for name, array in obs.items()}


def _rows(obs: Observation, games: NDArray[np.intp]) -> Observation:
    """Copies of some games' observations."""
    if isinstance(obs, dict):
        return {name: array[games] for name, array in obs.items()}
    return obs[games]


def _replaced(array: NDArray[Any], games: NDArray[np.intp], rows: NDArray[Any]) -> NDArray[Any]:
    """A copy with other rows for some games; the environment inside may need its own."""
    result = array.copy()
    result[games] = rows
    return result
