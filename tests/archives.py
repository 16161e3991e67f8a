"""The built archives as a stranger gets them: ``python -m tests.archives DIST PYTHON``.

DIST holds one wheel and one source archive. Both must hold the files of the repository that belong
to them and no others. PYTHON is of an environment with the wheel and nothing but what it asks for;
README.md's first program and the command run there, in another folder than this.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import keisei

ROOT = Path(__file__).parents[1]
NAME = f"keisei-{keisei.__version__}"
BESIDE = {
    *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "README.md"),
    *("SECURITY.md", "pyproject.toml"),
}
INFO = ("SOURCES", "dependency_links", "entry_points", "requires", "top_level")
MADE = {
    *("PKG-INFO", "setup.cfg", "keisei.egg-info/PKG-INFO"),
    *(f"keisei.egg-info/{name}.txt" for name in INFO),
}
DESCRIPTION = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt"}
LICENSES = {"licenses/LICENSE", "licenses/keisei/pictures/OFL.txt"}


def tracked(*folders: str) -> set[str]:
    """The files of folders that the repository knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.split("\0")) - {""}


def differences(kind: str, found: set[str], wanted: set[str]) -> list[str]:
    """A line for each file that is in an archive and should not be, or the reverse."""
    return [f"{kind}: {name} does not belong" for name in sorted(found - wanted)] + [
        f"{kind}: {name} is missing" for name in sorted(wanted - found)
    ]


def check_contents(folder: Path) -> list[str]:
    """What is wrong with the archives of a folder, a line each."""
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    for each in (wheel, source):
        sys.stdout.write(f"{each.name}: {each.stat().st_size / 1e6:.1f} MB\n")
    package = tracked("keisei")
    described = {f"{NAME}.dist-info/{name}" for name in DESCRIPTION | LICENSES}
    with zipfile.ZipFile(wheel) as zipped:
        wrong = differences("wheel", set(zipped.namelist()), package | described)
    with tarfile.open(source) as tar:
        files = {entry.name for entry in tar if not entry.isdir()}
        links = [entry.name for entry in tar if entry.issym() or entry.islnk()]
    wanted = package | tracked("configs", "constraints*.txt") | BESIDE | MADE
    wrong += differences("source", files, {f"{NAME}/{name}" for name in wanted})
    return wrong + [f"source: {name} is a link" for name in links]


def check_use(python: Path) -> list[str]:
    """What goes wrong in the environment of an interpreter, a line each."""
    readme = (ROOT / "README.md").read_text("utf-8")
    program = re.search(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    assert program is not None
    wrong: list[str] = []
    for words, answer in (
        ([str(python), "-I", "-c", program[1]], r"\(256, 47, 9, 9\) \(256, 2187\)\n"),
        ([str(python.parent / "keisei-vec"), "--version"], rf"keisei-vec {keisei.__version__}\n"),
        (
            [str(python), "-I", "-c", "import keisei; print(keisei.__file__)"],
            ".*/site-packages/.*\n",
        ),
    ):
        with tempfile.TemporaryDirectory() as elsewhere:
            done = subprocess.run(words, cwd=elsewhere, capture_output=True, text=True, check=False)
        sys.stdout.write(done.stdout)
        if done.returncode or not re.fullmatch(answer, done.stdout):
            wrong.append(f"{' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
    return wrong


if __name__ == "__main__":
    faults = check_contents(Path(sys.argv[1])) + check_use(Path(sys.argv[2]).absolute())
    sys.exit("\n".join(faults) or None)
