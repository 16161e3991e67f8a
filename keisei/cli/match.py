"""``keisei-vec match``: games between any two players."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keisei.cli.errors import fail, mistakes
from keisei.cli.players import (
    MATCH_FILES,
    MOST,
    PLAYER_HELP,
    DeclarationOption,
    GamesOption,
    JsonOption,
    MaxPliesOption,
    NumEnvsOption,
    SeedOption,
    keep,
    load_network,
    play,
    read_player,
    refuse_held,
    save_games,
)

if TYPE_CHECKING:
    from keisei.evaluation.sprt import Sprt
    from keisei.players.clocks import TimeControl

OpeningPliesOption = Annotated[
    int,
    typer.Option(
        "--opening-plies",
        min=0,
        max=MOST,
        metavar="K",
        help="Random plies at the start; each opening is played with both colours.",
    ),
]
OpeningsOption = Annotated[
    Path | None,
    typer.Option(
        "--openings",
        metavar="FILE",
        help="Openings in place of random plies: lines of SFEN, or 'startpos moves ...'.",
    ),
]
SaveOption = Annotated[
    Path | None,
    typer.Option(
        "--save",
        metavar="DIR",
        help="Keep games.usi, games.csa and result.json; no earlier match is overwritten.",
    ),
]
_TIME = re.compile(r"([0-9]{1,9})(?:\+([0-9]{1,9}))?")
_BOUNDS = re.compile(r"(-?[0-9]{1,5}(?:\.[0-9]{1,5})?),(-?[0-9]{1,5}(?:\.[0-9]{1,5})?)")
_CLOCK_PANEL = "Against the clock"
TimeOption = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="MS[+INC]",
        rich_help_panel=_CLOCK_PANEL,
        help="Milliseconds for the whole game, and those added before each move.",
    ),
]
ByoyomiOption = Annotated[
    int | None,
    typer.Option(
        "--byoyomi",
        min=1,
        max=999_999_999,
        metavar="MS",
        rich_help_panel=_CLOCK_PANEL,
        help="Milliseconds for each move when the time for the game is used up.",
    ),
]
TimeMarginOption = Annotated[
    int,
    typer.Option(
        "--time-margin",
        min=0,
        max=999_999_999,
        metavar="MS",
        rich_help_panel=_CLOCK_PANEL,
        help="By how much a player may overstep its time before it loses.",
    ),
]

_TEST_PANEL = "Sequential test"
SprtOption = Annotated[
    str | None,
    typer.Option(
        "--sprt",
        metavar="ELO0,ELO1",
        rich_help_panel=_TEST_PANEL,
        help="Stop as soon as it is clear whether A is better by ELO0 or by ELO1.",
    ),
]
RateOption = Annotated[float, typer.Option(metavar="P", rich_help_panel=_TEST_PANEL)]


def match(  # noqa: PLR0913 - one parameter an option
    player_a: Annotated[str, typer.Argument(metavar="A", help=PLAYER_HELP)],
    player_b: Annotated[str, typer.Argument(metavar="B", help="Its opponent, described alike.")],
    *,
    games: GamesOption = 100,
    opening_plies: OpeningPliesOption = 4,
    openings: OpeningsOption = None,
    max_plies: MaxPliesOption = 512,
    declaration: DeclarationOption = True,
    time: TimeOption = None,
    byoyomi: ByoyomiOption = None,
    time_margin: TimeMarginOption = 100,
    sprt: SprtOption = None,
    alpha: RateOption = 0.05,
    beta: RateOption = 0.05,
    num_envs: NumEnvsOption = None,
    seed: SeedOption = 0,
    save: SaveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play a match between two players, A and B.

    Prints the score and the Elo difference of A with 95% intervals. Colours are balanced, and our
    rules referee: an engine that answers with an illegal move, dies or is silent for too long loses
    the game; after three restarts it ends the match. keisei-vec match keisei greedy is an example.

    With --time or --byoyomi engines play by the clock that name neither nodes nor depth nor byoyomi
    themselves; all other players just move. Too late an answer loses the game.

    With --sprt the match is a sequential test of at most --games games: --alpha is the chance that
    it finds ELO1 though ELO0 holds, --beta the reverse.
    """
    refuse_held(save, MATCH_FILES, "a match")
    clock = _time_control(time, byoyomi, time_margin)
    first, second = (read_player(text, clocked=clock is not None) for text in (player_a, player_b))
    from keisei.evaluation.arena import Arena  # noqa: PLC0415
    from keisei.evaluation.match import MatchRules  # noqa: PLC0415
    from keisei.evaluation.openings import OpeningError, read_openings  # noqa: PLC0415

    test = None if sprt is None else _sprt(sprt, alpha, beta)
    rules = MatchRules(opening_plies, max_plies, declaration, clock, test)
    if openings is not None:
        with mistakes(OpeningError):
            lines = read_openings(
                openings, (games + 1) // 2, seed, max_plies=max_plies, declaration=declaration
            )
        rules = replace(rules, opening_plies=0, openings=lines)
    arena = Arena(load_network, rules, seed, num_envs=num_envs)
    result = play(arena, first, second, games)
    data = {"player": player_a, "opponent": player_b, "rules": rules.to_json_dict()}
    data |= {} if openings is None else {"openings": str(openings)}
    data |= result.to_json_dict()
    typer.echo(json.dumps(data, indent=2) if as_json else result.report(player_a, player_b))
    if save is not None:
        save_games(save, "games", result, (player_a, player_b))
        keep(save, {"result.json": json.dumps(data, indent=2) + "\n"})
    if result.stopped:
        fail(f"the match ended after {result.total.games} of {games} games: {result.stopped}")


def _sprt(bounds: str, alpha: float, beta: float) -> "Sprt":
    """The sequential test that the options describe."""
    from keisei.evaluation.sprt import Sprt  # noqa: PLC0415

    found = _BOUNDS.fullmatch(bounds)
    if found is None:
        fail(f"--sprt {bounds!r} is no pair of Elo differences; write them as in 0,5 or -3,3")
    with mistakes(ValueError):
        return Sprt(float(found[1]), float(found[2]), alpha, beta)


def _time_control(time: str | None, byoyomi: int | None, margin: int) -> "TimeControl | None":
    """The clock of the games; None when no time is given."""
    from keisei.players.clocks import TimeControl  # noqa: PLC0415

    found = None if time is None else _TIME.fullmatch(time)
    if time is not None and found is None:
        fail(f"--time {time!r} is no time; write milliseconds, as in 10000 or 2000+100")
    main, increment = (int(text or 0) for text in (found.groups() if found else ("", "")))
    if increment and byoyomi:
        fail("--byoyomi does not go with an increment; USI has words for one of them only")
    if time is None and byoyomi is None:
        return None
    if not (main or increment or byoyomi):
        fail(f"--time {time} gives nobody any time; write milliseconds, as in 10000 or 2000+100")
    return TimeControl(main, increment, byoyomi or 0, margin)
