"""Pages of the site that are no files of docs/: a hook that ``mkdocs.yml`` names.

What lies elsewhere in the repository is shown where it lies and not copied: README.md as the first
page, the changelog, the benchmarks, the card of the shipped policy, the programs of examples/ and
the settings of configs/. The tutorial's page is made of its notebook, the API's of docstrings.
Links are written as they work in the repository, and led to the pages here.
"""

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks/index.md",
    "benchmarks/RESULTS.md": "benchmarks/results.md",
    "benchmarks/env_step.svg": "benchmarks/env_step.svg",
    "benchmarks/learning_curve.svg": "benchmarks/learning_curve.svg",
    "benchmarks/reliability.svg": "benchmarks/reliability.svg",
    "benchmarks/search_ladder.svg": "benchmarks/search_ladder.svg",
    "keisei/players/shipped/MODEL_CARD.md": "model-card.md",
    "keisei/web/metrics.md": "metrics.md",
}
"""Files of the repository, and where they stand in the site."""

PROGRAMS = {
    "examples": ("Programs", "One for each library, to start from, and a script for SLURM."),
    "configs": ("Settings", "Files for `keisei-vec train --config`."),
}
"""Folders whose files are shown as text: title, a sentence."""

LANGUAGES = {".py": "python", ".sh": "bash", ".toml": "toml"}
"""Of the files that are shown as text, by suffix."""

API = {
    "shogi": ("shogi", "shogi.features"),
    "vec": (
        "vec",
        "vec.adapters.sb3",
        "vec.adapters.pettingzoo",
        "vec.adapters.torchrl",
        "vec.adapters.rllib",
    ),
    "testing": ("testing",),
    "games": ("games.pool", "games.standing", "games.mates"),
    "search": (
        "search.search",
        "search.settings",
        "search.evaluators",
        "search.improving",
        "search.lines",
        "search.formulas",
    ),
    "players": (
        "players.player",
        "players.positions",
        "players.simple",
        "players.greedy",
        "players.policy",
        "players.searching",
        "players.engine",
        "players.clocks",
        "players.opened",
    ),
    "evaluation": (
        "evaluation.match",
        "evaluation.results",
        "evaluation.ratings",
        "evaluation.sprt",
        "evaluation.openings",
        "evaluation.records",
        "evaluation.reading",
        "evaluation.kif",
        "evaluation.csa",
        "evaluation.analysis",
    ),
    "rl": (
        "rl.network_base",
        "rl.embedding.network",
        "rl.resnet",
        "rl.ppo_agent",
        "rl.experience_buffer",
        "rl.gae",
        "rl.losses",
        "rl.masking",
    ),
    "training": (
        "training.trainer",
        "training.callbacks",
        "training.policy_file",
        "training.checkpoint",
        "training.writers",
    ),
    "imitation": ("imitation.run", "imitation.examples", "imitation.packed"),
    "settings": ("config_schema", "config_file"),
    "pictures": ("pictures.svg", "pictures.raster", "pictures.text"),
}
"""Modules that users meet, by page."""

_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_ROLE = re.compile(r":(?:mod|class|meth|func|attr|data):(<code>)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made here."""
    root = Path(config.config_file_path).parent
    for place, uri in ELSEWHERE.items():
        if (root / place).exists():
            files.append(
                File.generated(
                    config,
                    uri,
                    abs_src_path=str(root / place),
                    inclusion=InclusionLevel.NOT_IN_NAV,
                )
            )
    notebook = json.loads((root / "docs/tutorial.ipynb").read_text("utf-8"))
    made = {"tutorial.md": notebook_page(notebook)}
    for folder in PROGRAMS:
        made |= dict(program_pages(root, folder))
    made |= {f"api/{name}.md": api_page(name, modules) for name, modules in API.items()}
    for uri, text in made.items():
        # What shows or is a file of a folder is found through the folder's list.
        listed = posixpath.basename(uri).count(".") == 1 and uri.endswith(".md")
        level = InclusionLevel.INCLUDED if listed else InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, uri, content=text, inclusion=level))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Lead the links of a page, which are those of its file, to the pages of the site."""
    shown = page.file.src_uri
    here = {uri: place for place, uri in ELSEWHERE.items()}.get(shown, f"docs/{shown}")

    def led(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(here), match[1]))
        uri = _uri(target)
        if files.get_file_from_path(uri) is None:
            return match[0]  # which the strict build refuses
        relative = posixpath.relpath(uri, posixpath.dirname(shown) or ".")
        return f"]({relative}{match[2] or ''})"

    return _LINK.sub(led, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Take the roles of reStructuredText off the names in docstrings."""
    return _ROLE.sub(r"\1", html)


def _uri(place: str) -> str:
    """Where a file or folder of the repository stands in the site."""
    if place in ELSEWHERE:
        return ELSEWHERE[place]
    if place in PROGRAMS:
        return f"{place}/index.md"
    if place.partition("/")[0] in PROGRAMS:
        return f"{place}.md"
    return place.removeprefix("docs/")


def notebook_page(notebook: dict[str, Any]) -> str:
    """A notebook as Markdown: texts, code, and what the code printed or drew."""
    parts: list[str] = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/svg+xml" in data:
                parts.append("".join(data["image/svg+xml"]))
            else:
                text = "".join(output.get("text", data.get("text/plain", "")))
                parts.append(f"```text\n{text.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def program_pages(root: Path, folder: str) -> Iterator[tuple[str, str]]:
    """Each file of a folder, a page that shows it, and one that lists them."""
    title, sentence = PROGRAMS[folder]
    lines = [f"# {title}", "", sentence, ""]
    for path in sorted(path for path in (root / folder).iterdir() if path.suffix in LANGUAGES):
        text = path.read_text("utf-8")
        name = f"{folder}/{path.name}"
        # The file itself lies beside its page, for those who have no clone.
        yield name, text
        saved = f"To have it as a file, save [{path.name}]({path.name})."
        shown = f"```{LANGUAGES[path.suffix]}\n{text.rstrip()}\n```"
        yield f"{name}.md", f"# {name}\n\n{saved}\n\n{shown}\n"
        lines.append(f"* [{path.name}]({path.name}.md)")
    yield f"{folder}/index.md", "\n".join(lines) + "\n"


def api_page(name: str, modules: tuple[str, ...]) -> str:
    """The page of one room: all public names of the modules that users meet."""
    blocks = "\n\n".join(f"::: keisei.{module}" for module in modules)
    return f"# {name}\n\n{blocks}\n"
