"""The behaviour signature: one number from everything that a player can notice of the rules."""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from keisei.rl.embedding.autograd import find_rows
from keisei.shogi import Board, perft
from keisei.shogi.constants import START_SFEN
from keisei.vec import ShogiVectorEnv

_NEARLY_DECLARED = "9/9/9/9/8K/9/g1p+pg1+l2/1+p1p+bp3/3+n3k1 w 2RB2G3S3NL6Ps2l7p 1"
_FEW_PIECES = "4k4/9/9/9/9/9/9/9/R3K4 b - 1"
_MIDDLE = "8l/1l+R2P3/p2pBG1pp/kps1p4/Nn1P2G2/P1P1P2PP/1PS6/1KSG3+r1/LN2+p3L w Sbgn3p 124"
_STARTS = (START_SFEN, _MIDDLE, _FEW_PIECES, _NEARLY_DECLARED)
_CYCLES = (
    ("4k4/9/9/9/9/9/9/9/R3K4 b - 1", "9i9h 5a5b 9h9i 5b5a"),
    ("4k4/R8/9/9/9/9/9/9/4K4 b - 1", "9b9a 5a5b 9a9b 5b5a"),
)
"""Moves that are repeated until the game ends: without checks, and with one by each of Black's."""
_DEPTH = 3
_GAMES, _STEPS, _MAX_PLIES = 96, 400, 300
_DENSE_GAMES, _DENSE_STEPS = 32, 100
_ROWS_EVERY = 20
_SEED = 2026


def behaviour_signature() -> str:
    """Sixteen hexadecimal digits that change when, and only when, behaviour does.

    They stand for perft counts; for repetitions; for games of random moves from four positions, of
    which observations in all forms, masks, rewards and ends are taken in at every step; and for the
    rows of the embedding network's features. A change belongs to a new version of the environment
    or of the network.
    """
    digest = hashlib.sha256()
    for part in (*_counts(), *_repetitions(), *_compact_games(), *_dense_games()):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


def _counts() -> Iterator[NDArray[np.int64]]:
    """Perft counts."""
    yield np.array([perft(Board(sfen), _DEPTH) for sfen in _STARTS])


def _repetitions() -> Iterator[NDArray[np.int64]]:
    """Length, end and winner of games that go round in a circle."""
    for sfen, moves in _CYCLES:
        board = Board(sfen)
        turns = itertools.cycle(moves.split())
        while (outcome := board.outcome()) is None:
            board.push_usi(next(turns))
        winner = -1 if outcome.winner is None else outcome.winner
        yield np.array([board.ply, outcome.termination, winner])


def _compact_games() -> Iterator[NDArray[Any]]:
    """States, packed masks, results and ends of games, and rows of features now and then."""
    env = ShogiVectorEnv(_GAMES, obs="compact", max_plies=_MAX_PLIES, initial_sfens=_STARTS)
    obs = cast(dict[str, NDArray[np.uint8]], env.reset(seed=_SEED)[0])
    for step in range(_STEPS):
        yield from obs.values()
        if step % _ROWS_EVERY == 0:
            yield from _feature_rows(obs["state"], obs["action_mask_bits"])
        actions = env.sample_actions()
        after, *results, infos = env.step(actions)
        obs = cast(dict[str, NDArray[np.uint8]], after)
        yield from (actions, *results)
        if "final_info" in infos:
            yield from (infos["final_info"][name] for name in ("termination", "winner", "plies"))
    env.close()


def _feature_rows(state: NDArray[np.uint8], bits: NDArray[np.uint8]) -> Iterator[NDArray[Any]]:
    """Rows of the input table and of the move table, as far as they count."""
    found = find_rows(torch.as_tensor(state), torch.as_tensor(bits))
    rows, counts = found.inputs
    yield counts
    yield rows[np.arange(rows.shape[1]) < counts[:, None]]
    yield from found.legal


def _dense_games() -> Iterator[NDArray[Any]]:
    """Planes and dense masks, whole numbers and fractions."""
    for dtype in ("uint8", "float32"):
        env = ShogiVectorEnv(_DENSE_GAMES, dtype=dtype, initial_sfens=_STARTS)
        obs: Any = env.reset(seed=_SEED)[0]
        for _ in range(_DENSE_STEPS):
            yield from obs.values()
            obs, *_ = env.step(env.sample_actions())
        env.close()
