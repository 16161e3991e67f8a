"""Matches of players against rungs of the ladder, which are not played again."""

import json
import subprocess
import sys
from pathlib import Path

from keisei.evaluation.ratings import Pairing
from keisei.evaluation.results import Score

SEED = "1"


def play_rungs(player: str, rungs: str, folder: Path, games: int) -> list[Pairing]:
    """What a player scores against rungs, played now if it does not lie in the folder.

    Args:
        player: its description.
        rungs: their names, with commas between them.
        folder: of the results.
        games: against each rung.

    Raises:
        RuntimeError: A rung was not played to its end, as where its engine does not answer.
    """
    result = folder / "ladder.json"
    if not result.exists():
        command = [sys.executable, "-m", "keisei.cli", "eval", player, "--ladder"]
        command += ["--rungs", rungs, "--games", str(games), "--seed", SEED, "--out", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    matches = json.loads(result.read_text("utf-8"))["matches"]
    missing = set(rungs.split(",")) - {match["second"] for match in matches}
    if missing:
        raise RuntimeError(
            f"{player} did not meet {', '.join(sorted(missing))}; delete {folder} and try again"
        )
    return [
        Pairing(
            match["first"],
            match["second"],
            Score(tuple(match["points"]), (2,) * len(match["points"])),
        )
        for match in matches
    ]
