"""Games that a policy plays against itself while it looks ahead, and what the searches would teach.

Expert iteration: a search is the expert, the network its apprentice (Anthony, Tian, Barber,
"Thinking Fast and Slow with Deep Learning and Tree Search", arXiv:1705.08439). The policy learns
the improved policy of each search (Danihelka et al. 2022, equation 11,
:mod:`keisei.search.improving`), the value a mean of what the search said of the position and of how
the game ended.

Letters: N games, n positions, D draws.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.config_schema import EnvConfig
from keisei.imitation.examples import Examples
from keisei.players.policy import NetworkEvaluator, PolicyPlayer
from keisei.players.positions import Positions
from keisei.rl.network_base import PolicyValueNet
from keisei.search.search import Search
from keisei.search.settings import SearchSettings, SearchSettingsError
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.vec import ShogiVectorEnv

_CANDIDATES = 16
_MATE_NODES = 50
_SAMPLED_SHARE = 0.25


@dataclass(frozen=True)
class Teacher:
    """How positions are searched, and what is learned from a search.

    Attributes:
        nodes: Simulations a move.
        c_scale: How much action values count in what is learned, as in ``SearchSettings``; less
            teaches a policy that is less sure.
        root_share: Of the search's value in what the value learns, in [0, 1]; the rest is the
            result of the game.
    """

    nodes: int
    c_scale: float
    root_share: float

    def settings(self) -> SearchSettings:
        """The settings of the search.

        Raises:
            SearchSettingsError: They or the teacher's other numbers make no sense.
        """
        if not 0.0 <= self.root_share <= 1.0:
            raise SearchSettingsError(f"root_share={self.root_share} has to be from 0 to 1")
        SearchSettings(c_scale=self.c_scale)
        return SearchSettings(
            nodes=self.nodes,
            candidates=min(_CANDIDATES, self.nodes),
            mate_nodes=_MATE_NODES,
        )


@dataclass(frozen=True, slots=True)
class Searched:
    """n positions that were searched, of games that have ended.

    Attributes:
        states: uint8 [n, 100], compact states in the movers' views.
        mask_bits: uint8 [n, 274], packed legal actions.
        draws: int16 [n, D], actions drawn from the improved policy.
        targets: float32 [n], what the value learns, in [-1, 1], to the player to move.
        keys: uint64 [n], which game a position is from.
    """

    states: NDArray[np.uint8]
    mask_bits: NDArray[np.uint8]
    draws: NDArray[np.int16]
    targets: NDArray[np.float32]
    keys: NDArray[np.uint64]

    def __len__(self) -> int:
        """Number of positions n."""
        return len(self.targets)

    @classmethod
    def room(cls, positions: int, draws: int) -> "Searched":
        """Columns for so many positions, which take no memory before they are written."""
        return cls(
            np.empty((positions, STATE_SIZE), np.uint8),
            np.empty((positions, MASK_BYTES), np.uint8),
            np.empty((positions, draws), np.int16),
            np.empty(positions, np.float32),
            np.empty(positions, np.uint64),
        )

    def write(self, begin: int, game: "Searched") -> None:
        """Copy a game's positions into the columns, from one row on."""
        for name in _COLUMNS:
            getattr(self, name)[begin : begin + len(game)] = getattr(game, name)

    def first(self, count: int) -> "Searched":
        """The first positions, without a copy."""
        return Searched(*(getattr(self, name)[:count] for name in _COLUMNS))

    def examples(self, rows: NDArray[np.int64], draw: int) -> Examples:
        """Some of the positions, with the actions of one of the draws.

        The gradient of a drawn action's cross-entropy is on average that of the whole policy's.
        """
        return Examples(
            self.states[rows],
            self.mask_bits[rows],
            self.draws[rows, draw % self.draws.shape[1]].astype(np.int64),
            self.targets[rows],
            self.keys[rows],
        )


_COLUMNS = tuple(field.name for field in fields(Searched))


class SearchedGames:
    """Owns N games that a network plays against itself, and the searches of their positions."""

    def __init__(
        self,
        env: ShogiVectorEnv,
        openings: EnvConfig,
        teacher: Teacher,
        seed: int,
        draws: int,
    ) -> None:
        """Begin all games.

        Args:
            env: Plays them: compact states, autoreset in the same step.
            openings: Says how many begin with how many random plies.
            teacher: How positions are searched.
            seed: Of the games and of all that is drawn.
            draws: D, actions drawn from each improved policy.
        """
        count = env.num_envs
        self._agreed, self._searches, self._ends, self._plies = 0, 0, 0, 0
        self._env, self._openings, self._teacher = env, openings, teacher
        self._rng = np.random.default_rng(seed)
        self._obs = cast(dict[str, NDArray[np.uint8]], env.reset(seed=seed)[0])
        self._keys = self._new_keys(count)
        self._random_plies, self._length = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self._draw_openings(np.arange(count))
        # The searched positions of the running games, by their number in the game.
        room = (openings.max_plies + 1, count)
        self._states = np.zeros((*room, STATE_SIZE), np.uint8)
        self._bits = np.zeros((*room, MASK_BYTES), np.uint8)
        self._draws = np.zeros((*room, draws), np.int16)
        self._values = np.zeros(room, np.float32)

    def play(
        self,
        network: PolicyValueNet,
        device: torch.device,
        positions: int,
        goes_on: Callable[[int], bool],
    ) -> Searched:
        """Play on until games have ended with so many positions, or until somebody asks to stop.

        Args:
            network: Moves and judges; on the device.
            device: Where it is.
            positions: At least so many, unless it is stopped.
            goes_on: Asked after each ply, with how many positions there are.

        Returns:
            The positions of the games that have ended. The others go on with the next call.
        """
        player = PolicyPlayer(network, device=device, draw=self._uniforms)
        favourite = PolicyPlayer(network, device=device, deterministic=True)
        evaluator = NetworkEvaluator(network, device)
        settings = evaluator.settled(self._teacher.settings())
        search = Search(evaluator.for_search(), settings, int(self._rng.integers(2**63)))
        # All games may end with the last ply.
        longest = self._openings.max_plies * self._env.num_envs
        found = Searched.room(positions + longest, self._draws.shape[2])
        count = 0
        while count < positions and goes_on(count):
            for game in self._step(search, player, favourite):
                found.write(count, game)
                count += len(game)
        return found.first(count)

    def metrics(self) -> dict[str, float]:
        """What was played since the last call, in which games have ended.

        Returns:
            ``search/agreement``, the share of the searched positions in which the move of the
            search was the network's most probable one; ``search/plies``, searched plies of a game.
        """
        row = {
            "search/agreement": self._agreed / self._searches,
            "search/plies": self._plies / self._ends,
        }
        self._agreed, self._searches, self._ends, self._plies = 0, 0, 0, 0
        return row

    def _step(
        self, search: Search, player: PolicyPlayer, favourite: PolicyPlayer
    ) -> list[Searched]:
        """One ply of all games; the games that ended with it."""
        is_searched = self._random_plies == 0
        moves = self._env.sample_actions(~is_searched)
        games = np.flatnonzero(is_searched)
        if len(games):
            moves[games] = self._searched_moves(games, search, player, favourite)
        obs, rewards, terminated, truncated, _ = self._env.step(moves)
        self._obs = cast(dict[str, NDArray[np.uint8]], obs)
        self._length += is_searched
        self._random_plies -= ~is_searched
        ended = np.flatnonzero(terminated | truncated)
        found = [
            self._ended(game, float(rewards[game]), bool(terminated[game]))
            for game in ended.tolist()
            if self._length[game]
        ]
        if len(ended):
            self._length[ended] = 0
            self._keys[ended] = self._new_keys(len(ended))
            self._draw_openings(ended)
        return found

    def _searched_moves(
        self,
        games: NDArray[np.int64],
        search: Search,
        player: PolicyPlayer,
        favourite: PolicyPlayer,
    ) -> NDArray[np.int64]:
        """The moves int64 [G] of games int64 [G] whose positions are searched and remembered."""
        positions = Positions(self._obs["state"][games], self._obs["action_mask_bits"][games])
        trees = search.begin(self._env.standing(games.tolist()))
        trees.simulate(self._teacher.nodes)
        moves = trees.found().actions
        improved = trees.improved_policy(self._teacher.c_scale)
        at = self._length[games], games
        self._states[at], self._bits[at] = positions.state, positions.mask_bits
        self._draws[at] = improved.draw(self._rng, self._draws.shape[2])
        self._values[at] = improved.values
        self._agreed += int((favourite.choose(positions) == moves).sum())
        self._searches += len(games)
        # Moves that the policy draws lead to positions that the search alone would never see.
        is_sampled = self._rng.random(len(games)) < _SAMPLED_SHARE
        return np.where(is_sampled, player.choose(positions), moves)

    def _ended(self, game: int, reward: float, is_known: bool) -> Searched:  # noqa: FBT001
        """The searched positions of a game, whose last mover got ``reward`` if that is known."""
        length = int(self._length[game])
        # The last position is the last mover's, and the sides take turns.
        results = reward * (1.0 - 2.0 * (np.arange(length)[::-1] % 2))
        share = self._teacher.root_share if is_known else 1.0
        targets = share * self._values[:length, game] + (1.0 - share) * results
        self._ends += 1
        self._plies += length
        return Searched(
            self._states[:length, game],
            self._bits[:length, game],
            self._draws[:length, game],
            targets.astype(np.float32),
            np.full(length, self._keys[game]),
        )

    def _draw_openings(self, games: NDArray[np.int64]) -> None:
        opens = self._rng.random(len(games)) < self._openings.random_opening_share
        plies = self._rng.integers(1, self._openings.random_opening_plies + 1, len(games))
        self._random_plies[games] = np.where(opens, plies, 0)

    def _new_keys(self, count: int) -> NDArray[np.uint64]:
        return self._rng.integers(0, 2**64, count, np.uint64)

    def _uniforms(self, count: int) -> NDArray[np.float32]:
        return self._rng.random(count, np.float32)
