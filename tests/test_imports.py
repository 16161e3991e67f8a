"""What importing the light parts of the package pulls in."""

import json
import subprocess
import sys

import numpy as np
import pytest

from keisei.rl.embedding.inference import EmbeddingJudge
from keisei.rl.embedding.network import EmbeddingNet
from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import STATE_SIZE

HEAVY = {"torch", "tensordict", "pydantic", "rich", "typer", "safetensors"}


LIGHT = ("keisei", "keisei.vec", "keisei.testing", "keisei.players.descriptions")


def _modules_after(*statements: str) -> list[set[str]]:
    """Names of all modules that a fresh interpreter has loaded after each of some statements."""
    told = "print(json.dumps(sorted(sys.modules)))"
    program = "\n".join(("import json, sys", *(f"{each}\n{told}" for each in statements)))
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return [set(json.loads(line)) for line in finished.stdout.splitlines()]


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """The modules after each light part, in one process from part to part."""
    return dict(zip(LIGHT, _modules_after(*(f"import {part}" for part in LIGHT)), strict=True))


@pytest.mark.parametrize("part", LIGHT)
def test_light_parts_pull_in_nothing_heavy(loaded: dict[str, set[str]], part: str) -> None:
    assert loaded[part] & HEAVY == set()


def test_kernels_that_networks_have_used_pull_in_nothing_heavy_either() -> None:
    # The cache of a kernel names the types of all arguments that it has ever been compiled for.
    judge = EmbeddingJudge(EmbeddingNet(STATE_SIZE, NUM_ACTIONS, width=64))
    judge.values(np.zeros((1, 100), np.uint8), np.zeros((1, judge.memory), np.float32))
    (modules,) = _modules_after("from keisei.shogi import Board\nBoard().legal_moves")
    assert modules & HEAVY == set()


def test_the_package_alone_loads_no_kernels(loaded: dict[str, set[str]]) -> None:
    assert "numba" not in loaded["keisei"]


def test_what_the_rules_offer_is_listed_by_dir() -> None:
    missing = "sorted(set(keisei.shogi.__all__) - set(dir(keisei.shogi)))"
    program = f"import keisei.shogi; print({missing})"
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout == "[]\n"
