"""Game-steps a second of the environment: choose, play, judge, restart, describe.

The work of one game-step, the same for every row: choose a uniformly random legal move, play it,
find the legal moves of the new position, judge mate, repetition, declaration and the ply cap,
replace an ended game, and write the outputs that the row names. All games stand in the middle of
play, where they were brought by steps that are not timed.
"""

from collections.abc import Callable
from typing import Any, Protocol

import pytest
from conftest import Measurement
from cshogi_games import CshogiEnvironment, CshogiLoop

from keisei.vec import ShogiVectorEnv

NUM_ENVS = 256
MAX_PLIES = 512
WARM_UP_STEPS = 600
STEPS_A_ROUND = 200
PEER_STEPS_A_ROUND = 20

pytestmark = pytest.mark.benchmark(group="env step, N = 256")


def _stepper(env: ShogiVectorEnv, num_steps: int) -> Callable[[], object]:
    def play() -> None:
        for _ in range(num_steps):
            env.step(env.sample_actions())

    return play


@pytest.mark.parametrize(
    ("label", "options"),
    [
        ("dense mask + uint8 planes", {"obs": "dict"}),
        ("dense mask + uint8 planes, arrays reused", {"obs": "dict", "copy": False}),
        ("dense mask + float32 planes", {"obs": "dict", "dtype": "float32"}),
        ("uint8 planes", {"obs": "box"}),
        ("compact state + packed mask", {"obs": "compact"}),
    ],
)
def test_env_step(measure: Measurement, label: str, options: dict[str, Any]) -> None:
    env = ShogiVectorEnv(NUM_ENVS, max_plies=MAX_PLIES, num_threads=1, **options)
    env.reset(seed=1)
    _stepper(env, WARM_UP_STEPS)()
    play = _stepper(env, STEPS_A_ROUND)
    measure(label, play, amount=STEPS_A_ROUND * NUM_ENVS, unit="game-steps")
    env.close()


class PythonLoop(Protocol):
    """Games that a loop in Python steps."""

    def play(self) -> None:
        """Play one random move in each game and describe it."""
        ...


def _measure_peer(measure: Measurement, label: str, games: PythonLoop) -> None:
    for _ in range(WARM_UP_STEPS):
        games.play()

    def play() -> None:
        for _ in range(PEER_STEPS_A_ROUND):
            games.play()

    amount = PEER_STEPS_A_ROUND * NUM_ENVS
    measure(label, play, amount=amount, unit="game-steps", peer=True)


def test_cshogi_environment(measure: Measurement) -> None:
    games = CshogiEnvironment(NUM_ENVS, MAX_PLIES, seed=1)
    _measure_peer(measure, "cshogi, environment in Python: dense mask + float32 planes", games)


def test_cshogi_loop(measure: Measurement) -> None:
    games = CshogiLoop(NUM_ENVS, MAX_PLIES, seed=1)
    _measure_peer(measure, "cshogi, bare Python loop: dense mask + float32 planes", games)


def test_rsshogi_step(measure: Measurement) -> None:
    pytest.importorskip("rsshogi", reason="rsshogi is not installed")
    from rsshogi_games import RsshogiGames  # noqa: PLC0415 (only where it is installed)

    games = RsshogiGames(NUM_ENVS, MAX_PLIES, seed=1)
    _measure_peer(measure, "rsshogi, Python loop: dense mask alone", games)


def test_pgx_step(measure: Measurement) -> None:
    pytest.importorskip("pgx", reason="pgx is not installed")
    from pgx_games import PgxGames  # noqa: PLC0415 (only where JAX is installed)

    games = PgxGames(NUM_ENVS, seed=1)
    games.play()
    measure(
        "pgx on the CPU: dense mask + bool planes",
        games.play,
        amount=NUM_ENVS,
        unit="game-steps",
        rounds=5,
        peer=True,
    )
