"""N games of shogi as one Gymnasium ``VectorEnv``."""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from keisei.games.board import Board
from keisei.games.endings import Rules
from keisei.games.layout import placement_of, turns_in
from keisei.games.masks import unpacked
from keisei.games.mates_in_one import NO_MATE, MatesInOne
from keisei.games.standing import Standing
from keisei.pictures.text import format_board
from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.moves import Move
from keisei.shogi.notation import Placement
from keisei.vec.arguments import (
    Marks,
    active_games,
    at_least,
    one_game,
    one_of,
    reset_mask,
    reset_starts,
    size,
    stream_seeds,
    two_names,
)
from keisei.vec.buffers import ObservationBuffers, ObservationForm
from keisei.vec.consistency import check_games
from keisei.vec.inspection import last_move_of, picture_of
from keisei.vec.kernels import seed_streams
from keisei.vec.observation import Observation, observation_space
from keisei.vec.saved import arrays_of, restore, save
from keisei.vec.starts import make_starts
from keisei.vec.stepper import Stepper

StepReturn = tuple[
    Observation, NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
]

_OBS_KEYS: dict[str, Sequence[str]] = {
    "dict": ("observation", "action_mask"),
    "box": (),
    "compact": ("state", "action_mask_bits"),
}
_DECLARATIONS = ("auto", "off")
_DTYPES = ("uint8", "float32")
_RENDERING = {"render_modes": ["ansi", "rgb_array"], "render_fps": 1}


class ShogiVectorEnv(VectorEnv[Any, Any, Any]):
    """N games of shogi that move together; both players act through the same step.

    Observations and actions are in the view of the player to move; rewards belong to the player
    who has just moved: 1 for a win, -1 for a loss, else 0. docs/spec.md is the full card.

    Args:
        num_envs: N, the number of games.
        max_plies: A game without another end is truncated after so many plies.
        obs: "dict" for {"observation": [N, 47, 9, 9], "action_mask": int8 [N, 2187]}, "box" for
            the planes alone, "compact" for {"state": uint8 [N, 100], "action_mask_bits":
            uint8 [N, 274]}.
        autoreset_mode: An ``AutoresetMode`` or its value: "SameStep", "NextStep", "Disabled".
        declaration: "auto": a player to move who may declare a win (27-point rule) does; "off":
            nobody declares.
        num_threads: Threads that share the games of a step, each with 1,024 or more of them, for
            with fewer it pays not; None for 1. The games do not depend on it.
        initial_sfens: Start positions; game i begins with the i-th, counted cyclically, and each
            later game in its place takes the next one. None for the usual start.
        copy: Return arrays that no later call changes, in memory that is used again when no array
            refers to it any more. Otherwise they are views that the next step overwrites.
        render_mode: "ansi" for text, "rgb_array" for pixels, or None.
        dtype: Of the planes: "uint8", or "float32" with each plane divided by its maximum.
        max_episode_steps: The same as max_plies, which it overrides; Gymnasium's name for it.
        obs_keys: Other names for the two entries of an observation, planes or state first; RLlib
            wants ("observations", "action_mask"). None for the usual ones.

    Raises:
        ValueError: When an argument is out of range.
        InvalidSfenError: When a start position is not valid SFEN.

    Examples:
        >>> env = ShogiVectorEnv(2)
        >>> obs, infos = env.reset(seed=1)
        >>> obs["action_mask"].sum(axis=1).tolist()
        [30, 30]
    """

    # Until it is built: up to 1.2 Gymnasium closes what a constructor refused when it goes away.
    closed = True

    def __init__(  # noqa: PLR0913 (the arguments of gymnasium.make_vec)
        self,
        num_envs: int = 1,
        *,
        max_plies: int = 512,
        obs: str = "dict",
        autoreset_mode: AutoresetMode | str = "SameStep",
        declaration: str = "auto",
        num_threads: int | None = None,
        initial_sfens: Sequence[str] | None = None,
        copy: bool = True,
        render_mode: str | None = None,
        dtype: str = "uint8",
        max_episode_steps: int | None = None,
        obs_keys: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.num_envs = size("num_envs", num_envs)
        plies = max_plies if max_episode_steps is None else max_episode_steps
        self.max_plies = size("max_plies", plies)
        self.num_threads = at_least(1, "num_threads", 1 if num_threads is None else num_threads)
        layout = (
            one_of("obs", obs, tuple(_OBS_KEYS)),
            one_of("dtype", dtype, _DTYPES),
            two_names("obs_keys", obs_keys, _OBS_KEYS[obs]),
        )
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**_RENDERING, "autoreset_mode": self.autoreset_mode}
        if render_mode is not None:
            one_of("render_mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._rules = Rules(
            self.max_plies,
            one_of("declaration", declaration, _DECLARATIONS) == "auto",
        )
        self._starts = make_starts(initial_sfens, self._rules)
        self._copy = copy
        self._buffers = ObservationBuffers(ObservationForm(*layout), self.num_envs, copy=copy)
        self._games = Stepper(
            self.num_envs,
            self._starts,
            self._rules,
            self.autoreset_mode,
            self._buffers,
            self.num_threads,
        )
        self._mates = MatesInOne(self._games.spans)
        self._all = np.ones(self.num_envs, np.bool_)
        self._begun = False
        self._seeded = False
        self.single_action_space = gym.spaces.Discrete(NUM_ACTIONS)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        space = observation_space(*layout)
        self.single_observation_space = space
        self.observation_space = batch_space(space, self.num_envs)
        self.closed = False

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin games and return the observations of all.

        Args:
            seed: Of the games' random streams: a number (game i gets seed + i), or one number or
                None for each game. None leaves the streams as they are.
            options: ``{"reset_mask": bool [N]}`` begins only the games marked True; ``{"starts":
                int [N]}`` names which of ``initial_sfens`` they take. The dict is left as it is.

        Raises:
            ValueError: When seeds, mask or starts do not fit.
            TypeError: When the mask is not an array of bool, or starts of whole numbers.
        """
        mask = reset_mask(options, self.num_envs)
        num_starts = len(self._starts.slots.hashes)
        starts = reset_starts(options, self.num_envs, num_starts)
        if not (self._begun or mask.all()):
            raise gym.error.ResetNeeded("The games have not begun; reset all of them first.")
        self._seed_streams(seed, mask)
        if not self._begun or (options or {}).get("reset_mask") is None:
            self._games.batch.next_start[:] = np.arange(self.num_envs) % num_starts
        if starts is not None:
            self._games.batch.next_start[mask] = starts[mask]
        self._games.begin(mask)
        self._begun = True
        return self._buffers.observation(), {}

    def step(
        self, actions: Any, active: Marks | None = None, *, observe: bool = True
    ) -> StepReturn:
        """Play one action in each game.

        Args:
            actions: int [N], actions in the mover's view (those of games that do not move are not
                looked at).
            active: bool [N], True for the games that move; None for all.
            observe: False to leave the observations out, which are then an empty dict; those in
                ``final_obs`` are written all the same.

        Returns:
            Observations; rewards float32 [N] of the players who moved; terminations bool [N];
            truncations bool [N]; infos. When games end, ``infos["final_info"]`` holds
            "termination" (keisei.shogi.Termination), "winner" (0 Black, 1 White, -1 nobody) and
            "plies"; in the mode "SameStep" ``infos["final_obs"]`` holds their last observations.

        Raises:
            IllegalActionError: When an action is not legal; no game has moved then.
            gymnasium.error.ResetNeeded: Before the first reset, or in the mode "Disabled" when an
                active game is over.
            ValueError: When the arrays do not fit.
        """
        if not self._begun:
            raise gym.error.ResetNeeded("The games have not begun; call reset() before step().")
        played = np.asarray(actions)
        if played.shape != (self.num_envs,) or played.dtype.kind not in "iu":
            raise ValueError(
                f"actions has shape {played.shape} and type {played.dtype}; "
                f"it has to be whole numbers of shape ({self.num_envs},)."
            )
        moving = None if active is None else active_games(active, self.num_envs)
        ended = self._games.play(played, moving, observe=observe)
        infos = self._games.infos(ended)
        rewards, terminated, truncated, *_ = self._games.results
        if self._copy:
            rewards, terminated, truncated = rewards.copy(), terminated.copy(), truncated.copy()
        obs = self._buffers.observation() if observe else {}
        return obs, rewards, terminated, truncated, infos

    def observe(self) -> Observation:
        """The observations of all games as they stand.

        Raises:
            gymnasium.error.ResetNeeded: Before the first reset.
        """
        if not self._begun:
            raise gym.error.ResetNeeded("The games have not begun; call reset() first.")
        self._games.look()
        return self._buffers.observation()

    def colours_to_move(self) -> NDArray[np.int8]:
        """The colour to move in each game, int8 [N]: 0 Black, 1 White."""
        return turns_in(self._games.batch.slots.words)[: self.num_envs].astype(np.int8)

    def action_masks(self) -> NDArray[np.bool_]:
        """Legal actions of each game's player to move, bool [N, 2187], True = legal; a copy."""
        return unpacked(self._games.batch.legal[: self.num_envs])

    def sample_actions(self, active: Marks | None = None) -> NDArray[np.int64]:
        """A uniformly random legal action for each game, int64 [N], from the game's own stream.

        Games that are over get 0, and so do those that ``active``, bool [N], marks False: their
        streams stay where they are. None marks all True.
        """
        drawing = self._all if active is None else active_games(active, self.num_envs)
        return self._games.sample(drawing)

    def mates_in_one(self) -> NDArray[np.int64]:
        """The lowest action that checkmates at once in each game, int64 [N]; -1 where none does.

        Games that are over have none.
        """
        mates = self._mates.find(self._games.batch.slots)
        mates[self._games.batch.over] = NO_MATE
        return mates

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Copies of all arrays that the games need to go on, random streams included.

        The environment draws from its generator ``np_random`` only while no seed is named, so the
        state is without it.

        Raises:
            gymnasium.error.ResetNeeded: Before the first reset.
        """
        if not self._begun:
            raise gym.error.ResetNeeded("The games have not begun; call reset() first.")
        return save(self._games.batch, self.max_plies)

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> Observation:
        """Go on from a state that ``get_state`` gave here or in an environment of equal settings.

        Returns:
            The observations of all games.

        Raises:
            ValueError: When the state is of other games (their number, ply cap or form differ), its
                arrays do not agree, or games are over, which the mode "SameStep" cannot go on with;
                the games are then as before.
        """
        arrays = arrays_of(self._games.batch, state, len(self._starts.slots.hashes), self.max_plies)
        arrays["words"] = check_games(
            arrays, self._rules, may_wait=self.autoreset_mode != AutoresetMode.SAME_STEP
        )
        restore(self._games.batch, arrays)
        self._games.look()
        self._begun = self._seeded = True
        return self._buffers.observation()

    def placement(self, game: int) -> Placement:
        """The position of one game as pieces on squares and in hands."""
        return placement_of(self._games.batch.slots, one_game(game, self.num_envs))

    def board(self, game: int) -> Board:
        """One game as a Board, with its history; moves from before cannot be taken back."""
        return Board.of_game(self.standing([game]))

    def standing(self, games: Sequence[int] | None = None) -> Standing:
        """Where games stand, for who looks ahead; it changes as they do.

        Args:
            games: Their numbers; None for all.

        Raises:
            IndexError: When there is no such game.
        """
        numbers = range(self.num_envs) if games is None else games
        chosen = np.array([one_game(game, self.num_envs) for game in numbers], np.int64)
        return Standing(self._games.batch.slots, self._games.batch.history, chosen, self._rules)

    def last_move(self, game: int) -> Move | None:
        """The move last played in a running game, None at its beginning."""
        return last_move_of(self._games.batch, one_game(game, self.num_envs))

    def board_text(self, game: int) -> str:
        """One game as a readable board with hands and last move."""
        return format_board(self.placement(game), self.last_move(game))

    def render(self) -> tuple[Any, ...] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Each game as text (mode "ansi") or picture (mode "rgb_array"), else None."""
        if self.render_mode is None:
            return None
        mode = self.render_mode
        return tuple(picture_of(self._games.batch, game, mode) for game in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:  # noqa: ARG002 (Gymnasium's signature)
        """Let the threads go."""
        self._games.close()
        self._mates.close()

    def _seed_streams(
        self, seed: int | Sequence[int | None] | None, mask: NDArray[np.bool_]
    ) -> None:
        """Begin the random streams that the seed names."""
        begun = mask if self._seeded else np.ones(self.num_envs, np.bool_)
        named, seeds = stream_seeds(seed, begun, None if self._seeded else self.np_random)
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
        streams = np.zeros(self.num_envs, np.uint64)
        seed_streams(seeds, streams)
        self._games.batch.random[named] = streams[named]
        self._seeded = True
