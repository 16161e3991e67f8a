"""``keisei-vec usi``: the engine for shogi programs."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import keisei
from keisei.cli.errors import fail, mistakes

if TYPE_CHECKING:
    from keisei.rl.networks import PolicyValueNet

_SHIPPED = "keisei"
_INTERRUPTED = 130


def usi(
    player: Annotated[
        str,
        typer.Option(
            "--player",
            metavar="PLAYER",
            help="keisei, a checkpoint or a run folder; ?NAME=VALUE&... sets its search.",
        ),
    ] = _SHIPPED,
) -> None:
    """Play as an engine in shogi programs that speak USI (ShogiHome, Shogidokoro, ...).

    Commands come from standard input, answers go to standard output; docs/usi.md has the options.
    To try it, type usi, isready, position startpos, go byoyomi 1000, and quit.
    """
    from keisei.players.descriptions import PlayerDescriptionError  # noqa: PLC0415

    if _is_cut_off():
        fail("the engine needs standard input and output, and one of them is closed")
    with mistakes(PlayerDescriptionError):
        _converse(player)


def usi_at_once(words: Sequence[str]) -> bool:
    """Be the engine if these words of the command line plainly ask for it; False if they do not.

    Typer takes as long to read its first option as the whole engine to say ``usiok``, for which
    shogi programs wait.
    """
    if words[:1] != ["usi"] or len(words) not in (1, 3) or words[1:2] not in ([], ["--player"]):
        return False
    if _is_cut_off():
        return False
    from keisei.players.descriptions import PlayerDescriptionError  # noqa: PLC0415

    try:
        _converse(words[2] if len(words) == 3 else _SHIPPED)
    except PlayerDescriptionError:
        return False
    return True


def _is_cut_off() -> bool:
    """Whether there is nobody to talk to: streams that are closed from the beginning are None."""
    return None in (sys.stdin, sys.stdout)


def _converse(player: str) -> None:
    """Talk to the shogi program until it has enough.

    Raises:
        PlayerDescriptionError: The text describes no player; nothing has been said.
    """
    from keisei.usi.engine import Engine  # noqa: PLC0415
    from keisei.usi.options import Options  # noqa: PLC0415

    name, options = f"Keisei {keisei.__version__}", Options.for_player(player)
    engine = Engine(name, options, _load_policy, sys.stdout.buffer, os._exit)
    try:
        is_done = engine.run(sys.stdin.buffer)
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    if not is_done:
        os._exit(0)  # what is being loaded would hold the process


def _load_policy(path: Path, device: str) -> "PolicyValueNet":
    from keisei.training.model_manager import find_policy, load_policy  # noqa: PLC0415

    return load_policy(find_policy(path), device)
