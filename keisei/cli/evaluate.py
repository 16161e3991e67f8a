"""``keisei-vec eval``: a match between a trained policy and an opponent."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keisei.cli.errors import fail, mistakes, training_extra

if TYPE_CHECKING:
    from keisei.rl.networks import PolicyValueNet

_RANDOM = "random"
_POLICY_HELP = "a checkpoint (.pt), a policy.safetensors, or a run folder"


def evaluate(  # noqa: PLR0913 - one parameter an option
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help=f"{_POLICY_HELP}.")],
    *,
    games: Annotated[int, typer.Option("--games", min=1, metavar="N", help="Games to play.")] = 200,
    opponent: Annotated[
        str,
        typer.Option("--opponent", metavar="random|CHECKPOINT", help=f"random, or {_POLICY_HELP}."),
    ] = _RANDOM,
    argmax: Annotated[
        bool,
        typer.Option(
            "--argmax/--sampled", help="Play the most probable move, or sample from the policy."
        ),
    ] = False,
    num_envs: Annotated[
        int, typer.Option("--num-envs", min=1, metavar="N", help="Games played at once.")
    ] = 64,
    max_plies: Annotated[
        int, typer.Option("--max-plies", min=1, metavar="N", help="A longer game is a draw.")
    ] = 512,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Fixes the games.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Play a match of a trained policy.

    Prints the score with its 95% interval. Colours are balanced, and every game that is
    started counts. --argmax and --sampled hold for both sides when the opponent is a policy too.
    """
    if opponent != _RANDOM and not Path(opponent).exists():
        fail(f"opponent {opponent!r} is neither 'random' nor a file or folder")
    network = _load(checkpoint)
    other = None if opponent == _RANDOM else _load(Path(opponent))
    from keisei.evaluation.match import MatchRules, play_match  # noqa: PLC0415
    from keisei.evaluation.players import PolicyPlayer, RandomPlayer  # noqa: PLC0415

    result = play_match(
        PolicyPlayer(network, deterministic=argmax, seed=seed),
        RandomPlayer(seed + 1)
        if other is None
        else PolicyPlayer(other, deterministic=argmax, seed=seed + 1),
        games,
        rules=MatchRules(max_plies=max_plies),
        num_envs=num_envs,
        seed=seed,
    )
    if as_json:
        head = {"player": str(checkpoint), "opponent": opponent, "argmax": argmax}
        typer.echo(json.dumps({**head, **result.to_json_dict()}, indent=2))
    else:
        typer.echo(result.report(str(checkpoint), opponent))


def _load(path: Path) -> "PolicyValueNet":
    """The network of a checkpoint, a shared policy, or the newest one of a run folder."""
    with training_extra():
        from keisei.training.checkpoint import CheckpointError  # noqa: PLC0415
        from keisei.training.model_manager import POLICY_FILE, load_policy  # noqa: PLC0415

    if path.is_dir():
        folder = path / "checkpoints"
        found = [folder / POLICY_FILE, *sorted(folder.glob("*.pt"), reverse=True)]
        existing = [file for file in found if file.is_file()]
        if not existing:
            fail(f"run folder {str(path)!r} holds no checkpoint")
        path = existing[0]
    elif not path.exists():
        fail(f"{str(path)!r} does not exist; give {_POLICY_HELP}")
    with mistakes(CheckpointError):
        return load_policy(path)
