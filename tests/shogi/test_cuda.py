"""The rule functions serve a GPU from the same source: they compile, and give the same results."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.games.layout import Slots
from keisei.shogi.constants import NUM_ACTIONS
from keisei.vec import ShogiVectorEnv
from tests.conformance import records
from tests.vec.games import BARE_KINGS

ROOT = Path(__file__).parents[2]
MAX_PLIES = 60
RECORDS: list[str] = [r["sfen"] for r in records("legal_moves") if r["n"]]
STARTS = RECORDS[:: len(RECORDS) // 180][:180] + [BARE_KINGS] * 20
"""200 positions; kings alone soon repeat themselves."""

Arrays = dict[str, NDArray[Any]]


def played(obs: str, plies: int) -> tuple[Arrays, Arrays]:
    """Games after some random plies, and the results of one ply more.

    Returns:
        The state of the environment with "moving" and "actions"; the state after the ply, with
        "verdicts" int64 [N, 2] (Termination and winner, 0 and -1 while the game goes on) and the
        entries of the observation.
    """
    env = ShogiVectorEnv(
        len(STARTS), obs=obs, max_plies=MAX_PLIES, initial_sfens=STARTS, autoreset_mode="Disabled"
    )
    env.reset(seed=5)
    moving = np.ones(len(STARTS), np.bool_)
    for _ in range(plies):
        _, _, terminations, truncations, _ = env.step(env.sample_actions(), active=moving)
        moving &= ~(terminations | truncations)
    actions = env.sample_actions()
    before = env.get_state() | {"moving": moving, "actions": actions}
    observation, _, _, _, infos = env.step(actions, active=moving)
    verdicts = np.tile(np.array([0, -1]), (len(STARTS), 1))
    if infos:
        final = infos["final_info"]
        verdicts[moving] = np.stack([final["termination"], final["winner"]], axis=1)[moving]
    assert isinstance(observation, dict)
    return before, env.get_state() | {"verdicts": verdicts} | observation


@pytest.mark.slow
@pytest.mark.parametrize("plies", [0, 40])
def test_the_simulator_gives_the_results_of_the_cpu(plies: int, tmp_path: Path) -> None:
    before, after = played("compact", plies)
    _, dense = played("dict", plies)
    assert before["moving"].sum() > 100
    np.savez(tmp_path / "before.npz", allow_pickle=False, **before)
    # Without its compiler Numba runs the functions as Python, where a word that overflows warns.
    command = [sys.executable, "-W", "ignore::RuntimeWarning", "-m", "tests.shogi.cuda_kernels"]
    subprocess.run(
        [*command, tmp_path / "before.npz", tmp_path / "after.npz", str(MAX_PLIES)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"},
        cwd=ROOT,
        check=True,
    )
    found = np.load(tmp_path / "after.npz")
    moving = before["moving"]
    for name in (*Slots._fields, "history", "seen"):
        np.testing.assert_array_equal(found[name], after[name], err_msg=name)
    np.testing.assert_array_equal(found["legal"][: len(STARTS)], after["legal"][: len(STARTS)])
    np.testing.assert_array_equal(found["verdicts"][moving], after["verdicts"][moving])
    np.testing.assert_array_equal(found["state"], after["state"])
    np.testing.assert_array_equal(
        found["planes"].reshape(dense["observation"].shape), dense["observation"]
    )
    masks = np.unpackbits(found["legal"].view(np.uint8), axis=1, bitorder="little")
    np.testing.assert_array_equal(masks[: len(STARTS), :NUM_ACTIONS], dense["action_mask"])


class Hopper:
    """Stands in for a GPU, which Numba asks for its kind when it compiles a called function."""

    compute_capability = (9, 0)


@pytest.mark.slow
def test_the_kernels_compile_to_ptx_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba_cuda")
    pathfinder: Any = pytest.importorskip("cuda.pathfinder")
    try:
        pathfinder.load_nvidia_dynamic_lib("nvvm")
    except pathfinder.DynamicLibNotFoundError as error:
        pytest.skip(str(error))
    numba: Any = importlib.import_module("numba")
    kernels = importlib.import_module("tests.shogi.cuda_kernels")
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", Hopper)
    # The compiler for C++ is asked for its place and its targets only; it need not be there.
    monkeypatch.setattr("numba.cuda.cuda_paths._get_nvrtc_path", lambda: None)
    monkeypatch.setattr(
        "numba.cuda.cudadrv.nvrtc.get_supported_ccs", lambda: [Hopper.compute_capability]
    )
    before, _ = played("compact", 0)
    for kernel, _, _, arguments in kernels.Arrays(before).launches(MAX_PLIES):
        signature = numba.types.void(*map(numba.typeof, arguments))
        ptx, _ = numba.cuda.compile(
            kernel.py_func, signature, cc=Hopper.compute_capability, device=False, abi="numba"
        )
        assert ".target sm_90" in ptx
        assert ".entry" in ptx
        # No thread may need memory of its own: all lives in registers.
        assert ".local" not in ptx
