"""``keisei-vec eval``: the strength of a trained policy, against one opponent or on the ladder."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keisei.cli.errors import fail, mistakes
from keisei.cli.players import (
    MATCH_FILES,
    PLAYER_HELP,
    POLICY_HELP,
    DeclarationOption,
    GamesOption,
    JsonOption,
    MaxPliesOption,
    NumEnvsOption,
    SeedOption,
    keep,
    load_network,
    orderly_end,
    play,
    read_player,
    refuse_held,
    save_games,
)
from keisei.cli.progress import Progress

if TYPE_CHECKING:
    from keisei.evaluation.ladder import Ladder
    from keisei.evaluation.results import MatchResult
    from keisei.players.descriptions import PlayerDescription


OpponentOption = Annotated[str, typer.Option("--opponent", metavar="PLAYER", help=PLAYER_HELP)]
LadderOption = Annotated[
    bool,
    typer.Option(
        "--ladder",
        help="Rate it: play the rungs of the ladder from the weakest on, until one is out of "
        "reach. Without CHECKPOINT the rungs play each other.",
    ),
]
RungsOption = Annotated[
    str | None,
    typer.Option("--rungs", metavar="NAME,...", help="Play only these rungs of the ladder."),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Keep ladder.txt, ladder.json, ladder.svg and all games; no earlier ones are "
        "overwritten.",
    ),
]

_LADDER_FILES = ("ladder.txt", "ladder.json", "ladder.svg")
"""Written at the end, so that a ladder that was interrupted can be played anew in its folder."""


def evaluate(  # noqa: PLR0913 - one parameter an option
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            metavar="CHECKPOINT", help=f"{POLICY_HELP}, or keisei, the one that is shipped."
        ),
    ] = None,
    *,
    games: GamesOption = 200,
    opponent: OpponentOption = "random",
    ladder: LadderOption = False,
    rungs: RungsOption = None,
    out: OutOption = None,
    argmax: Annotated[
        bool,
        typer.Option(
            "--argmax/--sampled", help="Play the most probable move, or sample from the policy."
        ),
    ] = False,
    num_envs: NumEnvsOption = None,
    max_plies: MaxPliesOption = 512,
    declaration: DeclarationOption = True,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Measure a trained policy.

    Prints the score with its 95% interval, or with --ladder its rating in Elo over the random
    player. Colours are balanced, openings are four random plies, and every game that is started
    counts. --argmax and --sampled hold for both sides when the opponent is a policy too. On the
    ladder games end after 320 plies, wins are declared, and --num-envs says nothing.
    """
    if ladder:
        refuse_held(out, _LADDER_FILES, "a ladder")
    else:
        refuse_held(out, MATCH_FILES, "a match")
    player = None if checkpoint is None else read_player(checkpoint)
    if ladder:
        if not declaration:
            fail("--no-declaration does not go with --ladder, whose matches have one set of rules")
        result = _climb(player, games, rungs, out, seed=seed, argmax=argmax)
        _show_ladder(result, out, as_json=as_json)
        return
    if player is None:
        fail("name a CHECKPOINT, or measure the rungs themselves with --ladder")
    other = read_player(opponent)
    from keisei.evaluation.arena import Arena  # noqa: PLC0415
    from keisei.evaluation.match import MatchRules  # noqa: PLC0415

    rules = MatchRules(min(4, max_plies - 1), max_plies, declaration)
    match = play(Arena(load_network, rules, seed, argmax, num_envs), player, other, games)
    if as_json:
        head = {"player": checkpoint, "opponent": opponent, "argmax": argmax}
        data = {**head, "rules": rules.to_json_dict(), **match.to_json_dict()}
        typer.echo(json.dumps(data, indent=2))
    else:
        typer.echo(match.report(player.text, opponent))
    if out is not None:
        save_games(out, "games", match, (player.text, opponent))
    if match.stopped:
        fail(f"the match ended after {match.total.games} of {games} games: {match.stopped}")


def _climb(
    player: "PlayerDescription | None",
    games: int,
    rungs: str | None,
    out: Path | None,
    *,
    seed: int,
    argmax: bool,
) -> "Ladder":
    """Play the matches of the ladder, and keep the games of each."""
    from keisei.evaluation.ladder import RUNGS, climb, ladder_arena, measure  # noqa: PLC0415

    if games % 2:
        fail(f"--games {games} is odd; on the ladder each opening is played with both colours")

    def told(first: str, second: str, result: "MatchResult") -> None:
        typer.echo(result.report(first, second), err=True)
        if out is not None:
            place = "policy" if player is not None else first.replace(" ", "-")
            save_games(out, f"{place}-{second.replace(' ', '-')}", result, (first, second))

    names = [name.strip() for name in rungs.split(",")] if rungs is not None else list(RUNGS)
    arena = ladder_arena(load_network, seed=seed, argmax=argmax)
    with orderly_end(), mistakes(ValueError), Progress(games) as progress:
        if player is None:
            ladder = measure(names, games, arena, told, progress)
        else:
            ladder = climb(player, names, games, arena, told, progress)
    for name, reason in ladder.skipped.items():
        typer.echo(f"skipped {name}: {reason}", err=True)
    if not ladder.played:
        fail("no match of the ladder could be played")
    return ladder


def _show_ladder(ladder: "Ladder", out: Path | None, *, as_json: bool) -> None:
    """Print the ladder, and keep it as table, data and picture."""
    from keisei.evaluation.ladder_view import ladder_svg, ladder_table  # noqa: PLC0415

    with mistakes(ValueError):
        ratings = ladder.ratings
    data = json.dumps(ladder.to_json_dict(), indent=2)
    table = ladder_table(ratings)
    typer.echo(data if as_json else table)
    if out is not None:
        texts = (table + "\n", data + "\n", ladder_svg(ratings))
        keep(out, dict(zip(_LADDER_FILES, texts, strict=True)))
