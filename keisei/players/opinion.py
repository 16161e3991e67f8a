"""What a network thinks of positions, in numbers that people can read."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from keisei.games.board import Board, action_from_move
from keisei.games.labels import moves_of
from keisei.players.player import Evaluation
from keisei.players.policy import NetworkEvaluator
from keisei.players.positions import Positions
from keisei.search.lines import read_lines
from keisei.search.search import Found, Search, Trees
from keisei.search.settings import SearchSettings
from keisei.shogi.moves import Move
from keisei.vec import ShogiVectorEnv

USUAL_CAP = 512
"""The ply cap of most runs, on which what a network says depends a little."""
_FIRST_PORTION = 16
_PORTION_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A move that a player would choose.

    Attributes:
        move: The move.
        probability: Of it in the policy alone.
        visits: Of the search; None without one.
        value: In [-1, 1], to the player who makes it; None without a search.
        line: What the search expects from here on, the move itself first; the move alone without.
    """

    move: Move
    probability: float
    visits: int | None
    value: float | None
    line: Sequence[Move]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is thought of a position.

    Attributes:
        value: In [-1, 1], to the player to move.
        candidates: Moves, the one that would be played first.
        probabilities: Of all legal moves in the policy alone.
    """

    value: float
    candidates: list[Candidate]
    probabilities: dict[Move, float]


class Adviser:
    """A network, with or without a search, that says what it thinks."""

    def __init__(self, evaluator: NetworkEvaluator, search: SearchSettings | None = None) -> None:
        """Take the network and how it looks ahead; None for not at all."""
        self._evaluator = evaluator
        self._search = search

    def judge(
        self,
        positions: Positions,
        *,
        count: int = 5,
        seconds: float | None = None,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> list[Opinion]:
        """The opinions of n positions in none of which the game is over.

        Args:
            positions: With the games that they are from, if there is a search.
            count: Candidates of each, at most.
            seconds: After so long a search ends, whatever its nodes; None for never.
            goes_on: Asked while a search goes on, whether the answer is still wanted.

        Raises:
            ValueError: A position has no legal move.
            EvaluatorError: The network's numbers are not finite.
        """
        opinions = _opinions(positions, self._evaluator.evaluate(positions), count)
        if self._search is None:
            return opinions
        assert positions.standing is not None
        # Halving is for a number of simulations that is known beforehand.
        settings = self._evaluator.settled(self._search)
        if seconds is not None:
            settings = replace(settings, method="puct")
        trees = Search(self._evaluator.for_search(), settings).begin(positions.standing)
        _grow(trees, settings.nodes, seconds, goes_on)
        grown = trees.found()
        return [_looked_ahead(one, grown, root, count) for root, one in enumerate(opinions)]


def positions_along(
    start: str, moves: Sequence[Move], plies: Sequence[int], cap: int = USUAL_CAP
) -> Positions:
    """Positions of one game, with their courses, as players get them.

    Args:
        start: The first position, in SFEN.
        moves: The moves, which are legal; the game must not end before the last ply that is asked.
        plies: After how many moves each position stands.
        cap: The ply cap; of a longer game it is the next one that is not reached.
    """
    last = max(plies)
    env = ShogiVectorEnv(
        len(plies),
        obs="compact",
        initial_sfens=[start],
        max_plies=max(cap, last + 2),
        declaration="off",
    )
    obs, _ = env.reset(seed=0)
    board, wanted = Board(start), np.array(plies)
    for ply, move in enumerate(moves[:last]):
        active: NDArray[np.bool_] = wanted > ply
        actions = np.full(len(plies), action_from_move(board, move), np.int64)
        obs = env.step(actions, active=active)[0]
        board.push(move)
    assert isinstance(obs, dict)
    return Positions(obs["state"], obs["action_mask_bits"], standing=env.standing())


def _opinions(positions: Positions, found: Evaluation, count: int) -> list[Opinion]:
    """What the network alone thinks of each position."""
    sizes = np.diff(found.offsets)
    moves = moves_of(np.repeat(positions.state, sizes, axis=0), found.actions)
    shares = np.exp(found.log_probs)
    opinions: list[Opinion] = []
    for row, value in enumerate(found.values.tolist()):
        own = slice(int(found.offsets[row]), int(found.offsets[row + 1]))
        chances = dict(zip(moves[own], shares[own].tolist(), strict=True))
        best = sorted(chances, key=lambda move: -chances[move])[:count]
        candidates = [Candidate(move, chances[move], None, None, (move,)) for move in best]
        opinions.append(Opinion(value, candidates, chances))
    return opinions


def _grow(trees: Trees, nodes: int, seconds: float | None, goes_on: Callable[[], bool]) -> None:
    """Let trees grow, with a look now and then at the clock and at who asked."""
    began, done, portion = time.monotonic(), 0, _FIRST_PORTION
    while done < nodes and goes_on():
        before = time.monotonic()
        if not trees.simulate(portion):
            return
        done += portion
        now = time.monotonic()
        if seconds is not None and now - began >= seconds:
            return
        portion = portion * 2 if now - before < _PORTION_SECONDS else max(1, portion // 2)


def _looked_ahead(before: Opinion, grown: Found, root: int, count: int) -> Opinion:
    """What a search makes of an opinion."""
    played = int(grown.actions[root])
    lines = read_lines(grown.tree, grown.pool, root, played, count)
    candidates = [
        Candidate(
            line.moves[0], before.probabilities[line.moves[0]], line.visits, line.value, line.moves
        )
        for line in lines
    ]
    # A tree that has not grown at all leaves the policy's word.
    return Opinion(float(grown.values[root]), candidates or before.candidates, before.probabilities)
