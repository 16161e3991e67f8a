"""What commands that play matches share: players, options, records, an end that leaves nothing."""

import os
import signal
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from keisei.cli.errors import fail, mistakes, training_extra
from keisei.cli.progress import Progress
from keisei.files import UnwritableError, write_text, writing

if TYPE_CHECKING:
    from keisei.evaluation.arena import Arena
    from keisei.evaluation.results import MatchResult
    from keisei.players.descriptions import PlayerDescription
    from keisei.rl.networks import PolicyValueNet

MOST = 999_999
"""Of games, boards and plies, as in the environment."""
POLICY_HELP = "a checkpoint (.pt), a policy.safetensors, or a run folder"
PLAYER_HELP = (
    "random; greedy, which mates in one or takes what is worth most; keisei[?argmax], the trained "
    f"policy that comes with the package; PATH[?argmax][&device=cuda], {POLICY_HELP}; either with "
    "?nodes=N, which looks N positions ahead at each move (&method=puct and others); or a USI "
    "engine, usi:PROGRAM?nodes=N (or depth=N, byoyomi=MS), followed by &processes=K, "
    "&timeout=SECONDS, &option.NAME=VALUE."
)
GamesOption = Annotated[
    int, typer.Option("--games", min=1, max=MOST, metavar="N", help="Games of each match.")
]
MATCH_FILES = ("games.usi", "games.csa", "result.json")
"""What is kept of a match."""
NumEnvsOption = Annotated[
    int | None,
    typer.Option(
        "--num-envs",
        min=1,
        max=MOST,
        metavar="N",
        help="Games played at once; without a value 64, or the processes of the engine.",
    ),
]
MaxPliesOption = Annotated[
    int,
    typer.Option("--max-plies", min=1, max=MOST, metavar="N", help="A longer game is a draw."),
]
DeclarationOption = Annotated[
    bool,
    typer.Option(
        "--declaration/--no-declaration", help="Whether who may declare a win (27 points) does."
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Fixes the games.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def read_player(text: str, *, clocked: bool = False) -> "PlayerDescription":
    """The player that a text describes, after a look whether its program or policy is there.

    Args:
        text: As the player's description has it.
        clocked: Whether the player is for games with a clock.
    """
    with training_extra():
        from keisei.players.descriptions import (  # noqa: PLC0415
            PlayerDescriptionError,
            parse_player,
        )
        from keisei.players.opened import require_present  # noqa: PLC0415
        from keisei.players.usi_client import EngineError  # noqa: PLC0415

    with mistakes(PlayerDescriptionError, EngineError):
        player = parse_player(text, clocked=clocked)
        require_present(player)
    if player.is_policy:
        load_network(Path(player.place))
    return player


def load_network(path: Path, device: str = "cpu") -> "PolicyValueNet":
    """The network of a checkpoint, a shared policy, or the newest one of a run folder."""
    with training_extra():
        from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
        from keisei.training.model_manager import load_policy  # noqa: PLC0415

    with mistakes(CheckpointError):
        return load_policy(policy_file(path), device)


def policy_file(path: Path) -> Path:
    """The file itself, or the newest one of a run folder."""
    from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
    from keisei.training.model_manager import find_policy  # noqa: PLC0415

    with mistakes(CheckpointError):
        return find_policy(path)


@contextmanager
def orderly_end() -> Generator[None]:
    """Within a ``with`` block SIGTERM raises SystemExit, so that engines are closed on the way."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def play(
    arena: "Arena", first: "PlayerDescription", second: "PlayerDescription", games: int
) -> "MatchResult":
    """Play a match; troubles with engines and the progress go to standard error."""
    from keisei.players.usi_client import EngineError  # noqa: PLC0415

    with orderly_end(), mistakes(EngineError, ValueError), Progress(games) as progress:
        result = arena.play(first, second, games, progress)
    for trouble in result.troubles:
        typer.echo(trouble, err=True)
    return result


def refuse_held(folder: Path | None, names: Iterable[str], what: str) -> None:
    """End the command if a folder to save in holds what it would write; None is no folder.

    Games that were played cannot be had again, so this is asked before the first one.

    Args:
        folder: Where to save.
        names: Files that would be written.
        what: They are the files of, such as "a match".
    """
    # A folder that cannot be looked into cannot be written either, which is said then.
    if folder is not None and any(os.path.lexists(folder / name) for name in names):
        fail(f"{str(folder)!r} already holds {what}; give another folder")


def save_games(folder: Path, stem: str, result: "MatchResult", names: tuple[str, str]) -> None:
    """Write the games of a match as ``STEM.usi``, a line each, and ``STEM.csa``.

    Args:
        folder: Where to; it is made.
        stem: Name of the files.
        result: The match.
        names: Of its two players.
    """
    from keisei.evaluation.records import to_csa, to_usi_lines  # noqa: PLC0415

    csa = "/\n".join(to_csa(game, *names) for game in result.games)
    keep(folder, {f"{stem}.usi": to_usi_lines(result.games), f"{stem}.csa": csa})


def keep(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts as files of a folder, which is made; each is whole or absent."""
    with mistakes(UnwritableError):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text)
