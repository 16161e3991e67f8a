"""Every program in examples/ runs as a user would start it, in small."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
STAND_INS = Path(__file__).parent / "stand_ins"
MOST_LINES = 80

# Program, libraries that it needs, arguments, what its output has to match.
RUNS: list[tuple[str, list[str], str, str]] = [
    (
        "cleanrl_ppo",
        ["torch"],
        "--num-envs 4 --num-steps 70 --iterations 2",
        r"iteration 1: loss -?\d.*\niteration 2: loss -?\d",
    ),
    (
        "gpu_rollout",
        ["torch"],
        "--num-envs 4 --num-steps 4 --blocks 1 --channels 8",
        r"plies a second on (cpu|cuda)",
    ),
    ("numpy_rollout", [], "--num-envs 8 --num-steps 600", r"plies a second\n[1-9]\d* games"),
    (
        "optuna_sweep",
        ["optuna", "torch"],
        "--trials 2 --minutes 0.05 --opponent random --games 4 --every-updates 1 --num-envs 32 "
        "--folder {tmp_path}/sweep",
        r"2 trials, the best with \d+%: {'learning_rate'",
    ),
    ("pettingzoo_loop", ["pettingzoo"], "--games 2", r"2 games"),
    ("pufferlib_env", [], "--num-envs 8 --num-steps 300", r"[1-9]\d* games ended"),
    (
        "rllib_ppo",
        ["ray", "torch"],
        "--num-envs 8 --num-steps 16 --iterations 2 --max-plies 10",
        r"iteration 1: 128 moves, .*\niteration 2: 256 moves, ",
    ),
    (
        "sb3_maskable_ppo",
        ["sb3_contrib"],
        "--total-timesteps 50000",
        r"after 0 moves: \d+% won, \d+% lost\nafter 50000 moves: \d+% won, \d+% lost",
    ),
    (
        "torchrl_collector",
        ["torchrl"],
        "--num-envs 4 --num-steps 8 --batches 2",
        r"(32 plies, \d+ games ended, all legal: True\n){2}",
    ),
]


def test_every_example_is_run() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(run[0] for run in RUNS)


@pytest.mark.parametrize("name", [run[0] for run in RUNS])
def test_an_example_fits_on_a_page(name: str) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text("utf-8").splitlines()) < MOST_LINES


@pytest.mark.slow
@pytest.mark.parametrize(("name", "libraries", "arguments", "expected"), RUNS)
def test_an_example_runs(
    name: str, libraries: list[str], arguments: str, expected: str, tmp_path: Path
) -> None:
    for library in libraries:
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    finished = subprocess.run(
        [
            sys.executable,
            str(EXAMPLES / f"{name}.py"),
            *arguments.format(tmp_path=tmp_path).split(),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": f"{EXAMPLES.parent}{os.pathsep}{STAND_INS}"},
    )
    assert finished.returncode == 0, finished.stderr
    assert re.search(expected, finished.stdout), finished.stdout
    if name == "sb3_maskable_ppo":
        before, after = (int(share) for share in re.findall(r"(\d+)% won", finished.stdout))
        # With 256 games a share is known to within three per cent.
        assert after > before + 15, finished.stdout
