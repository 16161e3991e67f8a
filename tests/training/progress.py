"""Progress of runs to show: one before its first step, and one with everything."""

import numpy as np

from keisei.training.game_statistics import GameStatistics
from keisei.training.metrics_manager import RunProgress

BOARD_TEXT = """\
White R2b4g3sn5p
 9 8 7 6 5 4 3 2 1
 l . . . . . . n l a
 . . . . .+P . g k b
 . . n p . S . . . c
 p . p . . . . P p d
 . . . P . . S p . e
 . P P b . . P . P f
 P . . . . . G S . g
 R . . . . . . . . h
 L N . . . . b K L i
Black RG
White to move, 34
last move 2g2f"""

EMPTY = RunProgress(
    global_timestep=0,
    total_timesteps=200_000,
    updates=0,
    results=GameStatistics(),
    sps={},
    phase_seconds={},
    learning={},
    recent={},
    opponents={},
    evaluation={},
    elapsed_seconds=0.0,
    eta_seconds=None,
)
FULL = RunProgress(
    global_timestep=50_000,
    total_timesteps=200_000,
    updates=12,
    results=GameStatistics(
        ends=np.array([0, 70, 0, 10, 0, 0, 20]),
        black_wins=40,
        white_wins=30,
        draws=10,
        plies=11340,
    ),
    sps={"env": 612_345.0, "learn": 3_912.0, "overall": 2_890.0},
    phase_seconds={"env": 1.0, "act": 20.0, "store": 1.0, "learn": 76.0, "other": 2.0},
    learning={
        "policy_loss": -0.0123,
        "value_loss": 0.4321,
        "entropy": 2.01,
        "entropy_normalised": 0.61,
        "approx_kl": 0.00412,
        "explained_variance": 0.43,
    },
    recent={"finished": 16.0, "share_checkmate": 0.75, "share_max_plies": 0.25},
    opponents={"pool_size": 12.0, "games": 40.0, "score": 0.625, "lowest_score": 0.314},
    evaluation={
        "score": 0.953,
        "score_low": 0.91,
        "score_high": 0.978,
        "games": 64.0,
        "rating": 412.3,
        "rating_low": 350.0,
        "random_score": 0.992,
        "random_score_low": 0.95,
        "greedy_score": 0.914,
        "greedy_score_high": 0.97,
    },
    elapsed_seconds=17.0,
    eta_seconds=3723.0,
)
