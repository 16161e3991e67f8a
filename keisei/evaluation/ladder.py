"""The ladder: opponents whose ratings are known, and the place of a player among them.

The rungs are the random and the greedy player, and Fairy-Stockfish 11.1 at fixed nodes or depth,
which plays the same on every machine. What they scored against each other is kept beside this
module, so that only the games of a new player have to be played.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from keisei.evaluation.arena import Arena
from keisei.evaluation.match import MatchRules, Progress
from keisei.evaluation.ratings import Pairing, Rating, fit_ratings
from keisei.evaluation.results import MatchResult, Score
from keisei.players.descriptions import PlayerDescription, parse_player
from keisei.players.opened import PolicyLoader, require_present
from keisei.players.usi_client import EngineError

ANCHOR = "random"
RUNGS = {
    ANCHOR: "random",
    "greedy": "greedy",
    "nodes 1": "usi:fairy-stockfish?nodes=1",
    "nodes 100": "usi:fairy-stockfish?nodes=100",
    "depth 1": "usi:fairy-stockfish?depth=1",
    "nodes 300": "usi:fairy-stockfish?nodes=300",
    "nodes 1000": "usi:fairy-stockfish?nodes=1000",
    "nodes 3000": "usi:fairy-stockfish?nodes=3000",
    "nodes 10000": "usi:fairy-stockfish?nodes=10000",
}
"""Descriptions of the rungs by their names, the weakest first."""
NEIGHBOURS = (
    (ANCHOR, "nodes 1"),
    ("greedy", "nodes 1"),
    ("greedy", "depth 1"),
    ("nodes 1", "depth 1"),
    ("depth 1", "nodes 100"),
    ("nodes 100", "nodes 300"),
    ("depth 1", "nodes 300"),
    ("nodes 300", "nodes 1000"),
    ("nodes 1000", "nodes 3000"),
    ("nodes 3000", "nodes 10000"),
)
"""Which rungs meet when the ladder itself is measured: (lower, upper). The random player does not
meet the greedy one, to which it loses every game; with that match all other ratings would be about
300 higher, so that distances from the random player are a convention of this list."""
LADDER_RULES = MatchRules(opening_plies=4, max_plies=320)
"""How all games of the ladder are played."""
OUT_OF_REACH = 0.05
"""A climb ends at the first rung against which the score is lower."""
_PROCESSES = 16
"""Of an engine. Each plays whole games, so that their number changes nothing in them."""
_RESULTS_FILE = "ladder_results.json"


@dataclass
class Ladder:
    """Results of the matches of a ladder, and what could not be played."""

    known: list[Pairing] = field(default_factory=list[Pairing])
    """Matches that were played earlier."""
    played: list[tuple[str, str, MatchResult]] = field(
        default_factory=list[tuple[str, str, MatchResult]]
    )
    """First player, second player and result of each match of this time."""
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    """Rungs and matches that could not be played, with the reason in a sentence."""

    @property
    def pairings(self) -> list[Pairing]:
        """All matches, as the fit takes them."""
        played = [
            Pairing(first, second, result.by_opening) for first, second, result in self.played
        ]
        return [*self.known, *played]

    @property
    def ratings(self) -> list[Rating]:
        """All players rated together, the weakest first.

        Raises:
            ValueError: The matches do not connect them.
        """
        return fit_ratings(self.pairings, ANCHOR)

    def to_json_dict(self) -> dict[str, Any]:
        """Ratings, the matches of this time and what was skipped, ready for ``json.dumps``."""
        return {
            "ratings": [rating.to_json_dict() for rating in self.ratings],
            "matches": [
                {
                    "first": first,
                    "second": second,
                    "points": list(result.by_opening.points),
                    **result.to_json_dict(),
                }
                for first, second, result in self.played
            ],
            "rules": LADDER_RULES.to_json_dict(),
            "skipped": self.skipped,
        }


def known_pairings() -> list[Pairing]:
    """What the rungs scored against each other when the ladder was measured."""
    text = resources.files("keisei.evaluation").joinpath(_RESULTS_FILE).read_text("utf-8")
    return [
        Pairing(
            match["first"],
            match["second"],
            Score(tuple(match["points"]), (2,) * len(match["points"])),
        )
        for match in json.loads(text)["matches"]
    ]


def usable_rungs(names: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Split rungs into those that can play here and the reasons why others cannot.

    Raises:
        ValueError: A name is no rung's.
    """
    usable: list[str] = []
    skipped: dict[str, str] = {}
    for name in names:
        if name not in RUNGS:
            raise ValueError(f"unknown rung {name!r}; the ladder has {', '.join(RUNGS)}")
        try:
            require_present(parse_player(RUNGS[name]))
        except EngineError as error:
            skipped[name] = str(error)
        else:
            usable.append(name)
    return usable, skipped


Report = Callable[[str, str, MatchResult], None]
"""Told the two players and the result of each match."""


def ladder_arena(load_policy: PolicyLoader, *, seed: int = 0, argmax: bool = False) -> Arena:
    """Where the matches of the ladder are played.

    Args:
        load_policy: Loads a network.
        seed: Of openings and players.
        argmax: Whether a policy that does not say plays its most probable move.
    """
    return Arena(load_policy, LADDER_RULES, seed, argmax)


def climb(
    player: PlayerDescription,
    rungs: Sequence[str],
    games: int,
    arena: Arena,
    report: Report,
    progress: Progress | None = None,
) -> Ladder:
    """Play a player against the rungs from the weakest on, until one is out of reach.

    A rung whose engine fails for good is skipped, with the games against it.

    Args:
        player: Who climbs.
        rungs: Names in ``RUNGS``, the weakest first.
        games: Games of each match, an even number.
        arena: From ``ladder_arena``.
        report: Told each match.
        progress: Told how far each match is.

    Raises:
        ValueError: A name is no rung's.
    """
    usable, skipped = usable_rungs(rungs)
    ladder = Ladder(known_pairings(), skipped=skipped)
    for name in usable:
        if RUNGS[name] == player.text:
            continue  # It would meet itself.
        try:
            result = _play(arena, player, _rung(name), games, progress)
        except EngineError as error:
            ladder.skipped[name] = str(error)
            continue
        ladder.played.append((player.text, name, result))
        report(player.text, name, result)
        if result.score < OUT_OF_REACH:
            break
    return ladder


def measure(
    rungs: Sequence[str],
    games: int,
    arena: Arena,
    report: Report,
    progress: Progress | None = None,
) -> Ladder:
    """Play those of the rungs against each other that are neighbours.

    A match in which an engine fails for good is skipped.

    Args:
        rungs: Names in ``RUNGS``, the weakest first.
        games: Games of each match, an even number.
        arena: From ``ladder_arena``.
        report: Told each match.
        progress: Told how far each match is.

    Raises:
        ValueError: A name is no rung's.
    """
    usable, skipped = usable_rungs(rungs)
    ladder = Ladder(skipped=skipped)
    for lower, upper in NEIGHBOURS:
        if lower in usable and upper in usable:
            try:
                strong, weak = parse_player(RUNGS[upper]), parse_player(RUNGS[lower])
                result = _play(arena, strong, weak, games, progress)
            except EngineError as error:
                ladder.skipped[f"{upper} against {lower}"] = str(error)
                continue
            ladder.played.append((upper, lower, result))
            report(upper, lower, result)
    return ladder


def _rung(name: str) -> PlayerDescription:
    """A rung; an engine plays in several processes, so that who meets it has games at once."""
    rung = parse_player(RUNGS[name])
    if not rung.is_engine:
        return rung
    return replace(rung, options={**rung.options, "processes": str(_PROCESSES)})


def _play(
    arena: Arena,
    first: PlayerDescription,
    second: PlayerDescription,
    games: int,
    progress: Progress | None,
) -> MatchResult:
    """A whole match; one that an engine stopped would spoil the fit."""
    result = arena.play(first, second, games, progress)
    if result.stopped:
        raise EngineError(result.stopped)
    return result
