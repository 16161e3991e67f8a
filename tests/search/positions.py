"""Positions and evaluators that searches are tried on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keisei.search.evaluators import Verdict
from keisei.search.settings import SearchSettings
from keisei.shogi import Move, action_from_move
from keisei.shogi.constants import NUM_ACTIONS
from keisei.vec import ShogiVectorEnv

MATE_IN_ONE = "4k4/9/4P4/9/9/9/9/9/4K4 b G 1"
MATE_IN_THREE = "7k1/9/9/7N1/9/9/9/9/4K4 b 2G 1"
PAWN_DROP_MATES = "3nkn3/3g1g3/4G4/9/9/9/9/9/4K4 b P 1"


def uniform(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
    """All moves alike, all positions level."""
    counts = np.bitwise_count(mask_bits).sum(axis=1, dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    legal = np.unpackbits(mask_bits, axis=1, count=NUM_ACTIONS, bitorder="little")
    actions = np.flatnonzero(legal.view(np.bool_)) % NUM_ACTIONS
    log_probs = -np.log(np.repeat(counts, counts)).astype(np.float32)
    return offsets, actions, log_probs, np.zeros(len(state), np.float32)


def opinionated(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
    """Priors and values that depend on the position alone, and look like chance."""
    offsets, actions, log_probs, values = uniform(state, mask_bits)
    for row in range(len(state)):
        rng = np.random.default_rng(state[row].tolist())
        logits: NDArray[np.float64] = rng.normal(0.0, 2.0, int(offsets[row + 1] - offsets[row]))
        logits -= np.log(np.exp(logits).sum())
        log_probs[offsets[row] : offsets[row + 1]] = logits
        values[row] = rng.uniform(-0.9, 0.9)
    return offsets, actions, log_probs, values


def games(*sfens: str, **options: Any) -> ShogiVectorEnv:
    env = ShogiVectorEnv(len(sfens), obs="compact", initial_sfens=sfens, **options)
    env.reset(seed=1)
    return env


def play(env: ShogiVectorEnv, *usi: str) -> None:
    for text in usi:
        env.step([action_from_move(env.board(0), Move.from_usi(text))])


def settings(method: str, nodes: int) -> SearchSettings:
    # A prior of one in eighty is not to keep a move from being looked at, and what is tried is what
    # a tree finds without a mate solver.
    return SearchSettings(nodes=nodes, method=method, candidates=593, c_puct=20.0, mate_nodes=0)  # pyright: ignore[reportArgumentType]
