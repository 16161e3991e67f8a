"""What a checkpoint holds, part by part.

Letters: N games, T steps stored, S slots and P snapshots of the pool. Keys that nobody reads are
allowed.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from keisei.config_schema import AppConfig
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ppo_agent import PPOAgent
from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.training import form
from keisei.training.checkpoint import require
from keisei.training.form import FormError, Sizes, maybe, tensor, whole
from keisei.training.opponent_pool import Snapshot
from keisei.vec import saved
from keisei.vec.consistency import check_observations

_CPU_STREAM = len(torch.Generator().get_state())


def _stream(value: object, place: str, sizes: Sizes) -> None:
    """The state of a random generator, on whatever device it was."""
    tensor("uint8", None)(value, place, sizes)
    state = cast(Tensor, value)
    if len(state) == _CPU_STREAM:
        try:
            torch.Generator().set_state(state)
        except RuntimeError:
            raise FormError(f"{place} is no state of a random generator") from None


NETWORK = {"environment": "", "network": "", "options": {str: form.scalar}}
"""What has to be known of a network to build it."""
POLICY = {
    "environment": "",
    "model": {"network": "", "options": {str: form.scalar}},
    "global_timestep": 0,
    "agent": {"network": {str: form.some_tensor}},
}
"""What is needed to play with a checkpoint."""
_STATISTICS = {"ends": 7 * (0,), "black_wins": 0, "white_wins": 0, "draws": 0, "plies": 0}
_METRICS = {
    "updates": 0,
    "elapsed_seconds": 0.0,
    "at_last_update": _STATISTICS,
    **{name: {str: form.measure} for name in ("learning", "recent", "evaluation")},
}
_WATCH = {"raised": 0, "restores": 0, "streaks": {str: (0, 0)}}
_RECENT = {"begun": form.listed(0, "S"), "ended": [(form.listed(0, "S"), form.listed(0.0, "S"))]}
_OTHER_RANK = {"agent": _stream, "seating": maybe(_stream), "recent": maybe(_RECENT)}
_POSITIONS = {
    "state": tensor("uint8", "N", STATE_SIZE),
    "mask_bits": tensor("uint8", "N", MASK_BYTES),
}
_CHOICES = {
    "actions": tensor("int64", "N", below=NUM_ACTIONS),
    "log_probs": tensor("float32", "N"),
    "values": tensor("float32", "N"),
    "?learned": tensor("bool", "N"),
    "?mates": tensor("bool", "N"),
}


def check_body(
    path: Path,
    contents: Mapping[str, Any],
    config: AppConfig,
    agent: PPOAgent,
    buffer: ExperienceBuffer,
) -> None:
    """Check what a run needs to go on, after the settings have been compared.

    Raises:
        CheckpointError: A part is missing or not as it has to be.
    """
    games = saved.forms(config.env.num_envs, config.env.max_plies)
    body = {
        "agent": agent_form(agent),
        "env": form.only({name: tensor(dtype, *shape) for name, (dtype, shape) in games.items()}),
        "episode": _episode,
        "buffer": _buffer(buffer),
        "statistics": _STATISTICS,
        "metrics": _METRICS,
        "watch": _WATCH,
        "other_ranks": [_OTHER_RANK],
        "?seating": _seating(agent),
    }
    sizes = {"N": config.env.num_envs, "num_steps": config.training.num_steps}
    require(path, contents, body, **sizes)


def agent_form(agent: PPOAgent) -> form.Form:
    """What an agent goes on from."""
    own = agent.state_dict()
    groups = [
        group | {"params": tuple(group["params"])} for group in own["optimizer"]["param_groups"]
    ]
    needed = ("params", "lr", "eps")  # versions of torch differ in what else a group says
    moments = {
        index: {"step": torch.tensor(0.0), "exp_avg": each, "exp_avg_sq": each}
        for index, each in enumerate(agent.network.parameters())
    }

    def state(value: object, place: str, sizes: Sizes) -> None:
        # Before the first step there is none.
        form.only(moments if value != {} else {})(value, place, sizes)

    return own | {
        "network": form.only(own["network"]),
        "optimizer": {
            "state": state,
            "param_groups": tuple(
                {name if name in needed else f"?{name}": each for name, each in group.items()}
                for group in groups
            ),
        },
        "generator": _stream,
    }


def _episode(value: object, place: str, sizes: Sizes) -> None:
    form.check(_POSITIONS, value, place, sizes)
    if "actions" in cast(Mapping[str, object], value):
        form.check(_CHOICES, value, place, sizes)


def _buffer(buffer: ExperienceBuffer) -> form.Form:
    columns: Mapping[str, Tensor] = buffer.state_dict()["columns"]
    limits = {"actions": NUM_ACTIONS}
    return {
        "ptr": whole(below="num_steps", settles="T"),
        "finished": form.plain("false", bool, holds=lambda finished: not finished),
        "columns": {
            # Of versions that knew nothing of mates there is no such column.
            "?mates" if name == "mates" else name: tensor(
                form.type_name(own), "T", "N", *own.shape[2:], below=limits.get(name)
            )
            for name, own in columns.items()
        },
    }


def _seating(agent: PPOAgent) -> form.Form:
    weights = form.only(Snapshot.of(agent.network, 0).weights)
    snapshot = {"update": 0, "weights": weights, "points": 0.0, "games": 0.0}
    pool = {
        "snapshots": form.listed(snapshot, "P"),
        "loaded": form.listed(whole(-1, "P"), "S"),
        "open": form.listed(form.flag, "S"),
        "begun": form.listed(0, "S"),
        "updates_since_entry": 0,
        "points_since_entry": 0.0,
        "games_since_entry": 0,
    }
    return {
        "generator": _stream,
        "pool": maybe(pool),
        "opponent": tensor("int64", "N", low=-1, below="S"),
        "colour": tensor("int64", "N", below=2),
        "opening": tensor("int64", "N", below=2**31),
        "recent": maybe(_RECENT),
    }


def fault_of_games(
    load: Callable[[Mapping[str, Tensor]], tuple[Tensor, Tensor]], own: Mapping[str, Any]
) -> str | None:
    """Let a rank's games be gone on with; what is wrong with them, if anything is.

    Args:
        load: Takes the games of "env" and gives their states uint8 [N, K] and packed legal actions
            uint8 [N, M]; it raises ValueError when they are not as they were saved.
        own: The rank's part of a checkpoint, whose form is right.
    """
    episode, columns = own["episode"], own["buffer"]["columns"]
    try:
        states, legal = load(own["env"])
    except ValueError as error:
        return str(error)
    if not (torch.equal(states, episode["state"]) and torch.equal(legal, episode["mask_bits"])):
        return "its positions in 'episode' are not those of its games in 'env'"
    states, bits = (columns[name].flatten(0, 1) for name in ("state", "mask_bits"))
    try:
        check_observations(states.numpy(), bits.numpy())
    except ValueError as error:
        return f"in its rollout, {error}"
    moves = [(columns["actions"].flatten(), bits)]
    if "actions" in episode:
        moves.append((episode["actions"], episode["mask_bits"]))
    for actions, legal in moves:
        byte = legal.gather(1, (actions >> 3).unsqueeze(1)).squeeze(1).long()
        if not bool((byte >> (actions & 7) & 1).all()):
            return "it holds a move that is not legal in its position"
    return None
