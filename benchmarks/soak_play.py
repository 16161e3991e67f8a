"""One chunk of the soak: an environment and the referee beside it, compared step by step."""

import random
from collections import Counter
from typing import Any, NamedTuple

import cshogi
import numpy as np
from numpy.typing import NDArray
from soak_players import Players
from soak_referee import Referee
from soak_starts import make_starts

from keisei.shogi.constants import Termination
from keisei.shogi.features import IN_CHECK
from keisei.vec import ShogiVectorEnv

_CAPS = (10, 64, 200, 320, 512, 512, 512, 1000)
_NUM_GAMES = (33, 256, 512, 512, 768)
_NUM_STARTS = 240
_RESET_EVERY = 97
"""Steps after which some games are begun anew in their middle."""
_BOARDS_EVERY = 4
"""Steps after which all squares and hands of a game are compared; the rest always is."""


class DifferenceError(Exception):
    """The first difference; its only argument says all that is needed to see it again."""


class Chunk(NamedTuple):
    """One chunk and what it is played with."""

    seed: int
    number: int
    positions: int
    policy_share: float
    num_games: int
    max_plies: int
    declaration: bool
    num_threads: int
    starts: list[str]

    @classmethod
    def draw(cls, seed: int, number: int, positions: int, policy_share: float) -> "Chunk":
        """The chunk of a number, all else drawn from the seed."""
        rng = random.Random(f"{seed} {number}")
        return cls(
            seed=seed,
            number=number,
            positions=positions,
            policy_share=policy_share,
            num_games=rng.choice(_NUM_GAMES),
            max_plies=rng.choice(_CAPS),
            declaration=rng.random() < 0.9,
            num_threads=rng.choice((1, 1, 1, 2)),
            starts=make_starts(rng, _NUM_STARTS),
        )


class Play:
    """An environment and the referee beside it, in one chunk.

    Attributes:
        counts: Positions compared, what they were, and how games ended.
    """

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._rng = random.Random(f"play {chunk.seed} {chunk.number}")
        self._env = ShogiVectorEnv(
            chunk.num_games,
            obs="compact",
            max_plies=chunk.max_plies,
            declaration="auto" if chunk.declaration else "off",
            num_threads=chunk.num_threads,
            initial_sfens=chunk.starts,
        )
        self._players = Players(chunk.num_games, chunk.policy_share, self._rng)
        self._referee = Referee(
            chunk.starts, chunk.num_games, chunk.max_plies, declaration=chunk.declaration
        )
        self._all = np.arange(chunk.num_games)
        self.counts: Counter[str] = Counter()

    def run(self) -> None:
        """Play the chunk's positions.

        Raises:
            DifferenceError: Where the two sides differ.
        """
        obs: Any = self._env.reset(seed=self._rng.getrandbits(60))[0]
        self._compare_positions(obs, self._all)
        steps = 0
        while self.counts["positions"] < self._chunk.positions:
            obs = self._step(obs, steps)
            steps += 1
            if steps % _RESET_EVERY == 0:
                obs = self._reset_some()
        self._env.close()

    def _step(self, obs: Any, number: int) -> Any:
        """Play one action in each game and compare; the new observations."""
        referee = self._referee
        actions = self._players.choose(self._env, obs, referee)
        obs, *results, infos = self._env.step(actions)
        referee.play(actions)
        self._compare_results(results, infos)
        ended = np.flatnonzero(referee.termination)
        last = obs
        if len(ended):
            last = {name: array.copy() for name, array in obs.items()}
            for name, array in last.items():
                array[ended] = [final[name] for final in infos["final_obs"][ended]]
        # Whole boards of all games by turns, and of those that end or begin.
        looked = np.flatnonzero(
            (self._all % _BOARDS_EVERY == number % _BOARDS_EVERY) | (referee.termination > 0)
        )
        self._compare_positions(last, looked)
        self._count()
        if len(ended):
            referee.begin(ended)
            self._compare_positions(obs, ended)
        return obs

    def _reset_some(self) -> Any:
        """Begin some games anew in their middle and compare; the observations."""
        games = np.array(sorted(self._rng.sample(range(len(self._all)), len(self._all) // 16)))
        obs, _ = self._env.reset(options={"reset_mask": np.isin(self._all, games)})
        self._referee.begin(games)
        self._compare_positions(obs, games)
        self.counts["begun anew in the middle"] += len(games)
        return obs

    def _compare_results(self, results: list[NDArray[Any]], infos: dict[str, Any]) -> None:
        """Compare rewards and ends."""
        referee = self._referee
        rewards, terminations, truncations = results
        none = np.zeros(len(rewards), np.int64)
        final = infos.get("final_info", {"termination": none, "winner": none - 1, "plies": none})
        is_over = referee.termination > 0
        is_capped = referee.termination == Termination.MAX_PLIES
        gains = np.where(referee.winner == referee.turns, -1, 1)  # of the player who moved
        self._compare("termination", final["termination"], referee.termination)
        self._compare("winner", final["winner"], referee.winner)
        self._compare("plies", final["plies"], np.where(is_over, referee.plies, 0))
        self._compare("reward", rewards, np.where(referee.winner < 0, 0, gains))
        self._compare("terminated", terminations, is_over & ~is_capped)
        self._compare("truncated", truncations, is_capped)

    def _compare_positions(self, obs: Any, looked: NDArray[np.int64]) -> None:
        """Compare legal actions, check, repetition and the like of all games, boards of some."""
        referee = self._referee
        state, bits = obs["state"], obs["action_mask_bits"]
        self._compare("legal actions", bits, referee.legal_bits())
        self._compare("facts", state[:, IN_CHECK:], referee.facts())
        self._compare("state", state[looked], referee.state(looked), looked)

    def _compare(
        self,
        what: str,
        ours: NDArray[Any],
        theirs: NDArray[Any],
        games: NDArray[np.int64] | None = None,
    ) -> None:
        """Compare one array with a row for each game, or for some.

        Raises:
            DifferenceError: Where they differ.
        """
        if np.array_equal(ours, theirs):
            return
        row = int((ours != theirs).reshape(len(ours), -1).any(axis=1).argmax())
        index = row if games is None else int(games[row])
        raise DifferenceError(self._story(what, index, ours[row], theirs[row]))

    def _count(self) -> None:
        """Count the positions that were compared."""
        referee = self._referee
        self.counts["positions"] += len(self._all)
        self.counts["in check"] += int(np.count_nonzero(referee.checks))
        self.counts["seen before"] += int(np.count_nonzero(referee.repeats))
        for kind in referee.termination[referee.termination > 0].tolist():
            self.counts[Termination(kind).name.lower()] += 1

    def _story(self, what: str, index: int, ours: Any, theirs: Any) -> dict[str, Any]:
        """All that is needed to see a difference again."""
        game, chunk = self._referee.games[index], self._chunk._asdict()
        del chunk["starts"]
        story: dict[str, Any] = {
            **chunk,
            "game": index,
            "start": game.start,
            "moves": " ".join(cshogi.move_to_usi(move) for move in game.moves),
            "sfen": game.board.sfen(),
            "what": what,
        }
        if what == "legal actions":
            extra, missing = (
                np.flatnonzero(np.unpackbits(bits, bitorder="little")).tolist()
                for bits in (ours & ~theirs, theirs & ~ours)
            )
            story["keisei alone"] = extra
            story["cshogi alone"] = [self._referee.usi(index, action) for action in missing]
        else:
            story["keisei"], story["referee"] = np.array(ours).tolist(), np.array(theirs).tolist()
        return story
