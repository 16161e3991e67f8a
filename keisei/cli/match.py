"""``keisei-vec match``: games between any two players."""

import json
from pathlib import Path
from typing import Annotated

import typer

from keisei.cli.errors import fail
from keisei.cli.players import (
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
    save_games,
)


def match(  # noqa: PLR0913 - one parameter an option
    player_a: Annotated[str, typer.Argument(metavar="A", help=PLAYER_HELP)],
    player_b: Annotated[str, typer.Argument(metavar="B", help="Its opponent, described alike.")],
    *,
    games: GamesOption = 100,
    opening_plies: Annotated[
        int,
        typer.Option(
            "--opening-plies",
            min=0,
            max=MOST,
            metavar="K",
            help="Random plies at the start; each opening is played with both colours.",
        ),
    ] = 4,
    max_plies: MaxPliesOption = 512,
    declaration: DeclarationOption = True,
    num_envs: NumEnvsOption = None,
    seed: SeedOption = 0,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", help="Keep games.usi, games.csa and result.json."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Play a match between two players, A and B.

    Prints the score and the Elo difference of A with 95% intervals. Colours are balanced, and our
    rules referee: an engine that answers with an illegal move, dies or is silent for too long loses
    the game; after three restarts it ends the match. keisei-vec match keisei greedy is an example.
    """
    first, second = read_player(player_a), read_player(player_b)
    from keisei.evaluation.arena import Arena  # noqa: PLC0415
    from keisei.evaluation.match import MatchRules  # noqa: PLC0415

    rules = MatchRules(opening_plies, max_plies, declaration)
    arena = Arena(load_network, rules, seed, num_envs=num_envs)
    result = play(arena, first, second, games)
    data = {"player": player_a, "opponent": player_b, "rules": vars(rules), **result.to_json_dict()}
    typer.echo(json.dumps(data, indent=2) if as_json else result.report(player_a, player_b))
    if save is not None:
        save_games(save, "games", result, (player_a, player_b))
        keep(save, {"result.json": json.dumps(data, indent=2) + "\n"})
    if result.stopped:
        fail(f"the match ended after {result.total.games} of {games} games: {result.stopped}")
