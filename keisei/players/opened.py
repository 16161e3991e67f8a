"""Players from their descriptions."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import torch

from keisei.players.descriptions import PlayerDescription, PlayerDescriptionError
from keisei.players.engine import EnginePlayer
from keisei.players.greedy import GreedyPlayer
from keisei.players.player import Player
from keisei.players.policy import NetworkEvaluator, PolicyPlayer
from keisei.players.searching import SearchPlayer
from keisei.players.simple import RandomPlayer
from keisei.rl.networks import PolicyValueNet
from keisei.shogi.moves import shown

PolicyLoader = Callable[[Path, str], PolicyValueNet]
"""Gives the network at a path, on the device of a name."""


def require_present(description: PlayerDescription) -> None:
    """Look whether the program of an engine, or the device of a network, is there.

    Raises:
        EngineError: The program is not.
        PlayerDescriptionError: The device is not.
    """
    if description.is_engine:
        description.engine.words()
    name = description.device
    index = int(name.partition(":")[2] or 0)
    if name != "cpu" and index >= torch.cuda.device_count():
        raise PlayerDescriptionError(
            f"player {shown(description.text)}: torch finds no CUDA device {index}; "
            f"leave device={name} out"
        )


@contextmanager
def open_player(
    description: PlayerDescription, load_policy: PolicyLoader, *, seed: int, argmax: bool = False
) -> Generator[Player]:
    """The player, within a ``with`` block at whose end an engine's processes end.

    Args:
        description: Of the player.
        load_policy: Loads a network.
        seed: Of the player's random moves.
        argmax: Whether a policy that does not say plays its most probable move.

    Raises:
        EngineError: The engine cannot be started.
    """
    if description.is_engine:
        with EnginePlayer(description.engine, processes=description.processes) as player:
            yield player
    elif description.place == "random":
        yield RandomPlayer(seed)
    elif description.place == "greedy":
        yield GreedyPlayer(seed)
    elif description.search is not None:
        network = load_policy(Path(description.place), description.device)
        evaluator = NetworkEvaluator(network, description.device)
        yield SearchPlayer(evaluator.for_search, evaluator.settled(description.search))
    else:
        chosen = argmax and "sampled" not in description.options
        yield PolicyPlayer(
            load_policy(Path(description.place), description.device),
            deterministic=chosen or "argmax" in description.options,
            device=description.device,
            seed=seed,
        )
