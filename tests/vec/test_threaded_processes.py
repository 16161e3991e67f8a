"""Threads of the environment beside forks, other Python threads and torch's own threads."""

import os
import signal
import sys
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.vec import ShogiVectorEnv, threads


def play_on(env: ShogiVectorEnv) -> NDArray[np.int64]:
    """Actions of 20 steps of random play, int64 [20, N]."""
    played: list[NDArray[np.int64]] = []
    for _ in range(20):
        played.append(env.sample_actions())
        env.step(played[-1])
    return np.stack(played)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_steps_the_same_games(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "LEAST_GAMES", 32)
    env = ShogiVectorEnv(96, num_threads=2, obs="compact")
    env.reset(seed=3)
    play_on(env)
    state = env.get_state()
    expected = play_on(env)
    env.set_state(state)
    child = os.fork()
    if child == 0:
        is_same = False
        try:
            # A child that waits for its parent's threads hangs; the alarm ends it.
            signal.alarm(60)
            is_same = np.array_equal(play_on(env), expected)
        finally:
            os._exit(0 if is_same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert np.array_equal(play_on(env), expected)


def play(seed: int, num_threads: int) -> NDArray[np.int64]:
    """Actions of 40 steps of random play, int64 [40, 96]."""
    env = ShogiVectorEnv(96, num_threads=num_threads, obs="compact")
    env.reset(seed=seed)
    played: list[NDArray[np.int64]] = []
    for _ in range(40):
        played.append(env.sample_actions())
        env.step(played[-1])
    env.close()
    return np.stack(played)


def test_environments_step_in_several_python_threads_at_once() -> None:
    expected = {seed: play(seed, 1) for seed in range(4)}
    found: dict[int, NDArray[np.int64]] = {}

    def run(seed: int) -> None:
        found[seed] = play(seed, 2)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[seed], expected[seed]) for seed in expected)


def test_threads_beside_those_of_torch() -> None:
    torch: Any = pytest.importorskip("torch")  # the environment itself does without

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = play(7, 1)
        square = torch.rand(400, 400)
        stop = threading.Event()

        def multiply() -> None:
            while not stop.is_set():
                torch.mm(square, square)

        busy = threading.Thread(target=multiply)
        busy.start()
        try:
            assert np.array_equal(play(7, 2), expected)
        finally:
            stop.set()
            busy.join()
    finally:
        torch.set_num_threads(before)
