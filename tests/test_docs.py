"""The documents hold together: every page can be reached, every link leads somewhere."""

import importlib.util
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from keisei.rl.embedding import features

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial.ipynb"
NAVIGATION = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2]
PAGES = [
    *sorted(DOCS.glob("*.md")),
    *(
        ROOT / name
        for name in (
            "README.md",
            "CHANGELOG.md",
            "benchmarks/README.md",
            "benchmarks/RESULTS.md",
            "keisei/players/shipped/MODEL_CARD.md",
        )
    ),
]


def load(path: Path) -> ModuleType:
    """A program of docs/tools as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": (\S+\.md)$", NAVIGATION, re.MULTILINE))
    assert {path.name for path in DOCS.glob("*.md")} <= listed
    assert {"index.md", "tutorial.md", "changelog.md"} <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    made = ("api/",)  # pages of the site that come from docstrings
    for target in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", text):
        if not target.startswith(made):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_drawing_shows_the_tables_of_the_code() -> None:
    drawn = load(DOCS / "tools" / "network_svg.py").draw()
    assert (DOCS / "network.svg").read_text("utf-8") == drawn, (
        "python docs/tools/network_svg.py docs/network.svg draws it anew"
    )


def test_the_drawing_leaves_no_feature_out() -> None:
    drawing: Any = load(DOCS / "tools" / "network_svg.py")
    named = {
        name for name in dir(features) if isinstance(getattr(features, name), features.Feature)
    }
    named -= {"_START"}
    assert named == {*drawing.POSITION_WORDS, *drawing.MOVE_WORDS}


def code_cells() -> list[str]:
    notebook: dict[str, Any] = json.loads(TUTORIAL.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path: Path) -> None:
    program = tmp_path / "tutorial.py"
    program.write_text("\n\n".join(code_cells()), "utf-8")
    done = subprocess.run(
        [sys.executable, program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("mkdocs") is None, reason="mkdocs is not installed; make docs does so"
)
def test_the_site_is_whole_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        env={"NO_MKDOCS_2_WARNING": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    fetched = re.compile(r"<(?:script|img|link)\b[^>]*?\b(?:src|href)=\"?(https?:[^\s\">]+)")
    for page in tmp_path.rglob("*.html"):
        assert not fetched.findall(page.read_text("utf-8")), page
