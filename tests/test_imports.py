"""What importing the light parts of the package pulls in."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "tensordict", "pydantic", "rich", "typer", "safetensors"}


def _modules_after(statement: str) -> set[str]:
    """Names of all modules that a fresh interpreter has loaded after a statement."""
    program = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(json.loads(finished.stdout))


@pytest.mark.parametrize(
    "statement",
    [
        "import keisei",
        "import keisei.vec",
        "import keisei.testing",
        "import keisei.players.descriptions",
    ],
)
def test_light_parts_pull_in_nothing_heavy(statement: str) -> None:
    assert _modules_after(statement) & HEAVY == set()


def test_the_package_alone_loads_no_kernels() -> None:
    assert "numba" not in _modules_after("import keisei")


def test_what_the_rules_offer_is_listed_by_dir() -> None:
    missing = "sorted(set(keisei.shogi.__all__) - set(dir(keisei.shogi)))"
    program = f"import keisei.shogi; print({missing})"
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout == "[]\n"
