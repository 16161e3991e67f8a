"""Rules and speed of implementations of shogi, in one run: the tables of docs/comparison.md.

    python benchmarks/compare.py [NAME ...]

Each peer gets an environment of its own below .benchmarks/peers/, in the version that is named
here. All are asked about the same games (compare_claims.json), then play random games, one after
the other on one core. What cannot be installed is said in the tables. With names only those are
asked anew; of the others the last answers are kept (.benchmarks/compare.json).
"""

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from compare_peers import UNASKED

from keisei.shogi import Board, Move, action_from_move

HERE = Path(__file__).parent
KEPT = HERE.parent / ".benchmarks"
PAGE = HERE.parent / "docs" / "comparison.md"
BEGIN, END = "<!-- written by benchmarks/compare.py -->", "<!-- until here -->"
NUM_ENVS = 256
KEISEI = "keisei"
TITLES = {
    KEISEI: "Keisei",
    "cshogi": "cshogi 1.1.0",
    "rsshogi": "rsshogi 1.7.0",
    "envpool": "EnvPool 1.2.5",
    "open_spiel": "OpenSpiel 2.0.2",
    "pgx": "pgx 2.6.0",
}
INSTALLED = {
    "cshogi": ("cshogi==1.1.0", "numpy"),
    "rsshogi": ("rsshogi==1.7.0", "numpy"),
    "envpool": ("envpool==1.2.5", "gymnasium"),
    "open_spiel": ("open_spiel==2.0.2", "numpy"),
    "pgx": ("pgx==2.6.0", "jax"),
}
WORK = {
    KEISEI: "environment; mask and planes of the player to move",
    "cshogi": "environment written in Python around its boards; mask and planes",
    "rsshogi": "loop in Python over its boards; mask",
    "envpool": "environment; mask, and planes of both players",
    "open_spiel": "loop in Python over its states; list of moves and planes",
    "pgx": "environment, compiled by JAX for the CPU; mask and planes",
}


def python_of(name: str) -> str:
    """The Python that has a peer, which is installed if it is not there.

    Raises:
        subprocess.CalledProcessError: it cannot be installed here.
    """
    if name == KEISEI:
        return sys.executable
    place = KEPT / "peers" / name
    if not (place / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        pip = [place / "bin" / "python", "-m", "pip", "install", "-q", *INSTALLED[name]]
        subprocess.run(pip, check=True)
        (place / "ready").touch()
    return str(place / "bin" / "python")


def labelled(claim: dict[str, Any]) -> dict[str, Any]:
    """A claim with the numbers of its moves, for peers that take numbers."""
    board = Board(claim.get("start"))
    moves = claim["moves"].split()
    labels: list[int] = []
    for usi in moves:
        labels.append(action_from_move(board, Move.from_usi(usi)))
        board.push_usi(usi)
    more = {"moves": moves, "labels": labels}
    if "tried" in claim:
        file, rank = int(claim["tried"][2]), "abcdefghi".index(claim["tried"][3])
        square = 9 * (file - 1) + rank
        more["tried_label"] = 20 * 81 + (80 - square if board.turn else square)  # drop a pawn
    return {**claim, **more}


def asked(name: str, claims: list[dict[str, Any]]) -> dict[str, Any]:
    """What one implementation says and how fast it is; or why it could not be asked."""
    try:
        python = python_of(name)
    except subprocess.CalledProcessError:
        return {"error": "cannot be installed here"}
    peer = [python, str(HERE / "compare_peers.py"), name]
    env = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(HERE.parent) if name == KEISEI else "",
    }
    print(f"{name}: asked about {len(claims)} games", flush=True)
    given = json.dumps([labelled(claim) for claim in claims])
    said = subprocess.run(
        [*peer, "claims"], input=given, stdout=subprocess.PIPE, text=True, check=True, env=env
    )
    print(f"{name}: plays {NUM_ENVS} random games", flush=True)
    speed = subprocess.run(
        [*peer, "speed", str(NUM_ENVS)], stdout=subprocess.PIPE, text=True, check=True, env=env
    )
    today = dt.datetime.now(dt.UTC).date().isoformat()
    last_line = -1  # Some libraries greet on standard output.
    return {
        "said": json.loads(said.stdout.splitlines()[last_line]),
        "speed": json.loads(speed.stdout.splitlines()[last_line]),
        "date": today,
    }


def machine() -> str:
    """The processor that this runs on."""
    found = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{found[1] if found else 'unknown processor'}, {os.cpu_count()} cores"


def rounded(rate: float) -> str:
    """A rate with two digits that mean something."""
    return f"{float(f'{rate:.2g}'):,.0f}"


def tables(claims: list[dict[str, Any]], kept: dict[str, Any]) -> str:
    """Both tables as Markdown."""
    names = [name for name in TITLES if "said" in kept.get(name, {})]
    lines = [f"| game | by the rules | {' | '.join(TITLES[name] for name in names)} |"]
    lines.append("|---|---|" + "---|" * len(names))
    for claim in claims:
        cells: list[str] = []
        for name in names:
            said = kept[name]["said"][claim["id"]]
            plain = {claim["right"]: "the same", UNASKED: said}
            cells.append(plain.get(said, f"**{said}**"))
        lines.append(f"| {claim['id']} | {claim['right']} | {' | '.join(cells)} |")
    lines += ["", "The games:", ""]
    lines += [f"* *{claim['id']}*: {claim['text']}" for claim in claims]
    lines += ["", "| | a step of the random games | game-steps a second |", "|---|---|---:|"]
    for name, title in TITLES.items():
        answers = kept.get(name, {"error": "was not asked"})
        shown = answers["error"] if "error" in answers else rounded(answers["speed"]["processor"])
        lines.append(f"| {title} | {WORK[name]} | {shown} |")
    dates = sorted({kept[name]["date"] for name in names})
    lines += ["", f"{', '.join(dates)}, {machine()}, Python {sys.version.split()[0]}."]
    return "\n".join(lines)


def main(names: list[str]) -> None:
    """Ask, keep the answers, and write the page's tables."""
    claims: list[dict[str, Any]] = json.loads((HERE / "compare_claims.json").read_text("utf-8"))
    answers = KEPT / "compare.json"
    kept: dict[str, Any] = json.loads(answers.read_text("utf-8")) if answers.exists() else {}
    for name in names or TITLES:
        kept[name] = asked(name, claims)
        answers.write_text(json.dumps(kept, indent=1), "utf-8")
    write_page(claims, kept)


def write_page(claims: list[dict[str, Any]], kept: dict[str, Any]) -> None:
    """Put the tables into the page, in the place of those that stand there."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(claims, kept)}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
