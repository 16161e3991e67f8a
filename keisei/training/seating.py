"""Who moves in each game: the learner, a snapshot on one side, or chance in the opening.

Letters: N games, K state bytes, M mask bytes. Everything is drawn when a game begins, for all games
that begin in a step at once.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.config_schema import AppConfig
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.ranks import Ranks
from keisei.rl.transfer import upload
from keisei.shogi.constants import BLACK, WHITE
from keisei.training.opponent_pool import OpponentPool
from keisei.vec import ShogiVectorEnv
from keisei.vec.seats import NOBODY, opponents_to_move, turns


class Seating:
    """Plays the moves that are not the learner's, and says which these are."""

    def __init__(
        self,
        config: AppConfig,
        agent: PPOAgent,
        envs: Sequence[ShogiVectorEnv],
        seed: int,
        ranks: Ranks | None = None,
    ) -> None:
        """Take collaborators; ``begin`` comes before the first step.

        Args:
            config: Its sections env and opponents say how often what is drawn.
            agent: The learner.
            envs: The games in their parts, which draw random moves from streams of their own.
            seed: Of the stream from which players, colours and snapshots' moves are drawn.
            ranks: The processes that have the pool of snapshots in common; None for one alone.
        """
        self._generator = torch.Generator().manual_seed(seed)
        self._share = config.opponents.share
        self._opening_share = config.env.random_opening_share
        self._opening_plies = config.env.random_opening_plies
        self._envs = envs
        count = sum(env.num_envs for env in envs)
        self._opponent = np.full(count, NOBODY, np.int64)
        self._colour = np.zeros(count, np.int64)
        self._opening = np.zeros(count, np.int64)
        self.pool: OpponentPool | None = None
        if self._share:
            self.pool = OpponentPool(config.opponents, agent, self._generator, ranks)

    @staticmethod
    def is_needed(config: AppConfig) -> bool:
        """Whether anybody but the learner moves in a run of these settings."""
        return config.opponents.share > 0 or config.env.random_opening_share > 0

    def begin(self, games: NDArray[np.int64]) -> None:
        """Draw who plays in games that begin, given by their numbers int64[G]."""
        draws = torch.rand((3, len(games)), generator=self._generator).numpy()
        against, opens = draws[0] < self._share, draws[1] < self._opening_share
        self._opponent[games] = NOBODY
        if self.pool is not None:
            met = games[against]
            self._opponent[met] = self.pool.begin_games(len(met))
        self._colour[games] = np.where(draws[2] < 0.5, BLACK, WHITE)
        plies = torch.randint(1, self._opening_plies + 1, (len(games),), generator=self._generator)
        self._opening[games] = np.where(opens, plies.numpy(), 0)

    def end(self, games: NDArray[np.int64], winners: NDArray[np.int8]) -> None:
        """Count games that ended against snapshots, and draw who plays the next in their places.

        Args:
            games: int64[G], the games that ended and have begun anew.
            winners: int8[G], BLACK, WHITE or -1 for nobody.
        """
        met = self._opponent[games] != NOBODY
        if self.pool is not None and met.any():
            learner, winner = self._colour[games[met]], winners[met]
            points = np.where(winner < 0, 0.5, (winner == learner).astype(np.float64))
            self.pool.end_games(self._opponent[games[met]], points)
        self.begin(games)

    def move(
        self,
        actions: Tensor,
        state: Tensor,
        mask_bits: Tensor,
        to_move: NDArray[np.uint8],
        part: int = 0,
    ) -> Tensor:
        """Put the other players' moves into the learner's, in a part of P of the games.

        Args:
            actions: int64[P] on the device, the learner's choice in every game, changed in place.
            state: uint8[P, K] there, positions in the movers' views.
            mask_bits: uint8[P, M] there, packed legal actions.
            to_move: uint8[P] on the host, whose turn it is: BLACK or WHITE.
            part: Which of the environments plays them.

        Returns:
            bool[P] on the CPU, True where the move is the learner's.
        """
        first = sum(env.num_envs for env in self._envs[:part])
        games = slice(first, first + len(to_move))
        opening = self._opening[games]
        chance = opening > 0
        movers = opponents_to_move(self._colour[games], self._opponent[games], to_move)
        movers[chance] = NOBODY
        if self.pool is not None:
            for slot, places in turns(movers):
                rows = upload(places, actions.device)
                actions[rows] = self.pool.players[slot].act(state[rows], mask_bits[rows])
        if chance.any():
            rows = np.flatnonzero(chance)
            drawn = self._envs[part].sample_actions(chance)[rows]
            actions[upload(rows, actions.device)] = upload(drawn, actions.device)
            opening[rows] -= 1
        return torch.from_numpy((movers == NOBODY) & ~chance)

    def state_dict(self) -> dict[str, Any]:
        """Who plays where, the pool and the random stream, as tensors and plain Python values."""
        return {
            "generator": self._generator.get_state(),
            "opponent": torch.from_numpy(self._opponent.copy()),
            "colour": torch.from_numpy(self._colour.copy()),
            "opening": torch.from_numpy(self._opening.copy()),
            "pool": None if self.pool is None else self.pool.state_dict(),
            "recent": None if self.pool is None else self.pool.recent(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state_dict()``.

        Games against snapshots become games of the learner alone when there is no pool any more,
        or one with another number of slots.
        """
        self._generator.set_state(state["generator"])
        self._colour[:] = state["colour"].numpy()
        self._opening[:] = state["opening"].numpy()
        saved = state["pool"]
        if self.pool is not None and saved is not None and self.pool.load_state_dict(saved):
            self._opponent[:] = state["opponent"].numpy()
            self.pool.go_on(self._opponent, state["recent"])
