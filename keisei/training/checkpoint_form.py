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
from keisei.training.checkpoint import require
from keisei.training.form import (
    Form,
    FormError,
    Sizes,
    anything,
    fields,
    flag,
    like,
    listed,
    mapped,
    maybe,
    measure,
    number,
    tensor,
    text,
    together,
    whole,
)
from keisei.vec import saved
from keisei.vec.consistency import check_observations

_COUNTS = {name: whole() for name in ("black_wins", "white_wins", "draws", "plies")}
_STATISTICS = fields({"ends": listed(whole(), 7), **_COUNTS})
_CPU_STREAM = len(torch.Generator().get_state())


def _scalar(value: object, place: str, sizes: Sizes) -> None:
    if not isinstance(value, bool | str):
        measure(value, place, sizes)


def _weights(value: object, place: str, sizes: Sizes) -> None:
    """Tensors by name."""
    mapped(anything)(value, place, sizes)
    for name, weight in cast(Mapping[str, object], value).items():
        if not isinstance(weight, Tensor):
            raise FormError(f"{place}.{name} is no tensor")


def _stream(value: object, place: str, sizes: Sizes) -> None:
    """The state of a random generator, on whatever device it was."""
    tensor("uint8", None)(value, place, sizes)
    state = cast(Tensor, value)
    if len(state) == _CPU_STREAM:
        try:
            torch.Generator().set_state(state)
        except RuntimeError:
            raise FormError(f"{place} is no state of a random generator") from None


POLICY = fields(
    {
        "environment": text,
        "model": fields({"network": text, "options": mapped(_scalar)}),
        "global_timestep": whole(),
        "agent": fields({"network": _weights}),
    }
)
"""What is needed to play with a checkpoint."""

HEAD = fields({"config": mapped(mapped(anything))})
"""What is needed to compare it with the settings."""


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
    columns: Mapping[str, Tensor] = buffer.state_dict()["columns"]
    form = _body(agent, columns, config.env.max_plies)
    sizes = {"N": config.env.num_envs, "num_steps": config.training.num_steps}
    require(path, contents, form, **sizes)


def _body(agent: PPOAgent, columns: Mapping[str, Tensor], max_plies: int) -> Form:
    snapshot = {
        name: each.half() if each.is_floating_point() else each
        for name, each in agent.network.state_dict().items()
    }

    def games(value: object, place: str, sizes: Sizes) -> None:
        forms = saved.forms(sizes["N"], max_plies)
        fields({name: tensor(dtype, *shape) for name, (dtype, shape) in forms.items()}, exact=True)(
            value, place, sizes
        )

    return fields(
        {
            "agent": agent_form(agent),
            "env": games,
            "episode": _episode,
            "buffer": _buffer(columns),
            "statistics": _STATISTICS,
            "metrics": _METRICS,
            "watch": _WATCH,
            "other_ranks": listed(_OTHER_RANK),
        },
        {"seating": _seating(like(snapshot))},
    )


def agent_form(agent: PPOAgent) -> Form:
    """What an agent goes on from."""
    own = agent.state_dict()
    shapes = [tuple(parameter.shape) for parameter in agent.network.parameters()]
    weights: Mapping[str, Tensor] = own["network"]

    def optimizer(value: object, place: str, sizes: Sizes) -> None:
        groups = own["optimizer"]["param_groups"]
        known = [
            fields(
                {"params": like(group["params"]), "lr": number, "eps": number},
                {name: like(part) for name, part in group.items()},
            )
            for group in groups
        ]
        fields({"state": anything, "param_groups": together(*known)})(value, place, sizes)
        state = cast(Mapping[str, object], value)["state"]
        moments: dict[int, Form] = {}
        # Before the first step there are none.
        for index, shape in enumerate(shapes if state != {} else ()):
            both = {name: tensor("float32", *shape) for name in ("exp_avg", "exp_avg_sq")}
            moments[index] = fields({"step": tensor("float32"), **both})
        fields(moments, exact=True)(state, f"{place}.state", sizes)

    return fields(
        {
            "network": fields({name: like(each) for name, each in weights.items()}, exact=True),
            "optimizer": optimizer,
            "generator": _stream,
            "update_count": whole(),
            "slowdown": number,
        }
    )


def _episode(value: object, place: str, sizes: Sizes) -> None:
    choices = {
        "actions": tensor("int64", "N", low=0, below=NUM_ACTIONS),
        "log_probs": tensor("float32", "N"),
        "values": tensor("float32", "N"),
    }
    known: dict[str, Form] = {
        "state": tensor("uint8", "N", STATE_SIZE),
        "mask_bits": tensor("uint8", "N", MASK_BYTES),
    }
    mapped(anything)(value, place, sizes)
    if "actions" in cast(Mapping[str, object], value):
        known |= choices
    fields(known, {"learned": tensor("bool", "N")})(value, place, sizes)


def _buffer(columns: Mapping[str, Tensor]) -> Form:
    def column(name: str, own: Tensor) -> Form:
        limits: dict[str, int] = {"below": NUM_ACTIONS} if name == "actions" else {}
        return tensor(str(own.dtype).removeprefix("torch."), "T", "N", *own.shape[2:], **limits)

    forms = fields({name: column(name, own) for name, own in columns.items()})
    whole_form = fields({"ptr": whole(0, "num_steps"), "finished": flag, "columns": forms})

    def check(value: object, place: str, sizes: Sizes) -> None:
        whole_form(value, place, sizes)
        found = cast(Mapping[str, object], value)
        if found["finished"] or found["ptr"] != sizes["T"]:
            raise FormError(f"{place}.ptr and {place}.columns do not agree")

    return check


_METRICS = fields(
    {
        "updates": whole(),
        "elapsed_seconds": number,
        "at_last_update": _STATISTICS,
        "learning": mapped(measure),
        "recent": mapped(measure),
        "evaluation": mapped(measure),
    }
)
_WATCH = fields(
    {"raised": whole(), "restores": whole(), "streaks": mapped(together(whole(), whole()))}
)
_RECENT = fields(
    {
        "begun": listed(whole(), "S"),
        "ended": listed(together(listed(whole(), "S"), listed(number, "S"))),
    }
)
_OTHER_RANK = fields(
    {"agent": _stream, "seating": maybe(_stream), "recent": maybe(_RECENT)},
)


def _seating(weights: Form) -> Form:
    snapshot = fields({"update": whole(), "weights": weights, "points": number, "games": number})
    pool = fields(
        {
            "snapshots": listed(snapshot, "P"),
            "loaded": listed(whole(-1, "P"), "S"),
            "open": listed(flag, "S"),
            "begun": listed(whole(), "S"),
            "updates_since_entry": whole(),
            "points_since_entry": number,
            "games_since_entry": whole(),
        }
    )
    return fields(
        {
            "generator": _stream,
            "pool": maybe(pool),
            "opponent": tensor("int64", "N", low=-1, below="S"),
            "colour": tensor("int64", "N", low=0, below=2),
            "opening": tensor("int64", "N", low=0, below=2**31),
            "recent": maybe(_RECENT),
        }
    )


def fault_of_games(
    load: Callable[[Mapping[str, Tensor]], tuple[Tensor, Tensor]], own: Mapping[str, Any]
) -> str | None:
    """Let a rank's games be gone on with; what is wrong with them, if anything is.

    Args:
        load: Takes the games of "env" and gives their states uint8 [N, K] and packed legal actions
            uint8 [N, M]; it raises ValueError when they are not as they were saved.
        own: The rank's part of a checkpoint, whose form is right.
    """
    try:
        seen = load(own["env"])
    except ValueError as error:
        return str(error)
    return _fault_of_positions(seen, own["episode"], own["buffer"]["columns"])


def _fault_of_positions(
    seen: tuple[Tensor, Tensor], episode: Mapping[str, Tensor], columns: Mapping[str, Tensor]
) -> str | None:
    """What is wrong with positions and moves beside the games that are gone on with, if anything.

    Args:
        seen: State uint8 [N, K] and packed legal actions uint8 [N, M] of the games.
        episode: What is carried to the next step.
        columns: The rollout so far, [T, N, ...].
    """
    if not (torch.equal(seen[0], episode["state"]) and torch.equal(seen[1], episode["mask_bits"])):
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
