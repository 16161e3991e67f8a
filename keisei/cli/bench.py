"""``keisei-vec bench``: rates of this machine."""

import json
import os
import platform
from typing import TYPE_CHECKING, Annotated

import typer

from keisei.cli.errors import mistakes, training_extra
from keisei.cli.settings import (
    ConfigOption,
    DeviceOption,
    NumEnvsOption,
    SetOption,
    read_settings,
)

if TYPE_CHECKING:
    from keisei.cli.rates import Rates
    from keisei.config_schema import AppConfig


def bench(
    *,
    file: ConfigOption = None,
    assignments: SetOption = None,
    num_envs: NumEnvsOption = None,
    device: DeviceOption = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.0, metavar="S", help="Time of each measurement.")
    ] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rates as JSON.")] = False,
) -> None:
    """Measure the rates of this machine.

    Plies a second of the environment, of choosing actions and of learning, each by itself;
    compiling does not count.
    """
    config = read_settings(
        file,
        assignments,
        {"env.num_envs": num_envs, "session.device": device.value if device else None},
    )
    with training_extra():
        from keisei.cli.rates import measure  # noqa: PLC0415
        from keisei.config_schema import ConfigError  # noqa: PLC0415

    with mistakes(ConfigError):
        rates = measure(config, seconds)
    typer.echo(_json(config, rates) if as_json else _table(config, rates))


def _json(config: "AppConfig", rates: "Rates") -> str:
    return json.dumps(
        {
            "num_envs": config.env.num_envs,
            "network": config.model.network,
            "device": config.session.device,
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "plies_per_second": {**vars(rates), "training": rates.training},
        },
        indent=2,
    )


def _table(config: "AppConfig", rates: "Rates") -> str:
    training = config.training
    rows = [
        ("env, compact observation", rates.env_compact),
        ("env, planes and dense mask", rates.env_dict),
        (f"act, network {config.model.network}", rates.act),
        (f"update, {training.update_epochs} epochs of {training.steps_per_epoch}", rates.update),
        ("training, the parts together", rates.training),
    ]
    width = max(len(label) for label, _ in rows)
    head = f"{config.env.num_envs} games, device {config.session.device}, {os.cpu_count()} CPUs"
    lines = [head, f"{'':<{width}} {'plies a second':>15}"]
    lines += [f"{label:<{width}} {rate:>15,.0f}" for label, rate in rows]
    return "\n".join(lines)
