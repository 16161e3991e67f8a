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
    from keisei.config_schema import AppConfig
    from keisei.rates.loop import LoopRates
    from keisei.rates.parts import Rates


_LOOP_NUMBERS = (
    *("plies", "plies_per_second", "seconds", "efficiency"),
    *("flops_per_ply", "flop_utilisation", "gpu_utilisation"),
)


def bench(  # noqa: PLR0913 - one parameter an option
    *,
    file: ConfigOption = None,
    assignments: SetOption = None,
    num_envs: NumEnvsOption = None,
    device: DeviceOption = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.0, metavar="S", help="Time of each measurement.")
    ] = 3.0,
    train: Annotated[
        bool, typer.Option("--train", help="Measure a real training loop and where its time goes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rates as JSON.")] = False,
    signature: Annotated[
        bool,
        typer.Option("--signature", help="Measure nothing: print the signature of the behaviour."),
    ] = False,
) -> None:
    """Measure the rates of this machine.

    Plies a second of the environment, of choosing actions and of learning, each by itself;
    compiling does not count. With --train, of a real training loop, whose efficiency is the share
    of its time that the network's own work takes.

    With --signature, one number that stands for the behaviour of rules, environment and features:
    two versions differ in it where they play or see differently, and nowhere else.
    """
    if signature:
        with training_extra():
            from keisei.cli.signature import behaviour_signature  # noqa: PLC0415

        typer.echo(behaviour_signature())
        return
    config = read_settings(
        file,
        assignments,
        {"env.num_envs": num_envs, "session.device": device.value if device else None},
    )
    with training_extra():
        from keisei.config_schema import ConfigError  # noqa: PLC0415
        from keisei.rates.loop import measure_loop  # noqa: PLC0415
        from keisei.rates.parts import measure  # noqa: PLC0415

    if train:
        with mistakes(ConfigError):
            loop = measure_loop(config, seconds)
        typer.echo(_loop_json(config, loop) if as_json else _loop_table(config, loop))
        return
    with mistakes(ConfigError):
        rates = measure(config, seconds)
    typer.echo(_json(config, rates) if as_json else _table(config, rates))


def _conditions(config: "AppConfig") -> dict[str, object]:
    return {
        "num_envs": config.env.num_envs,
        "network": config.model.network,
        "device": config.session.device,
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
    }


def _json(config: "AppConfig", rates: "Rates") -> str:
    found = {"plies_per_second": {**vars(rates), "training": rates.training}}
    return json.dumps(_conditions(config) | found, indent=2)


def _loop_json(config: "AppConfig", loop: "LoopRates") -> str:
    found = {name: getattr(loop, name) for name in _LOOP_NUMBERS}
    return json.dumps(_conditions(config) | found, indent=2)


def _head(config: "AppConfig") -> str:
    return f"{config.env.num_envs} games, device {config.session.device}, {os.cpu_count()} CPUs"


def _loop_table(config: "AppConfig", loop: "LoopRates") -> str:
    total = sum(loop.seconds.values())
    lines = [
        f"{_head(config)}, network {config.model.network}: "
        f"{loop.plies:,} plies in {total:.1f} s, {loop.plies_per_second:,.0f} a second"
    ]
    lines += [f"  {name:<6}{value / total:>7.1%}" for name, value in loop.seconds.items()]
    lines.append(f"efficiency (against act and learn alone) {loop.efficiency:.1%}")
    lines.append(f"operations a ply {loop.flops_per_ply / 1e6:,.1f} million")
    if loop.flop_utilisation is not None:
        lines.append(f"model FLOP utilisation {loop.flop_utilisation:.1%}")
    if loop.gpu_utilisation is not None:
        lines.append(f"GPU utilisation {loop.gpu_utilisation:.0%}")
    return "\n".join(lines)


def _table(config: "AppConfig", rates: "Rates") -> str:
    training = config.training
    rows = [
        ("env, compact observation", rates.env_compact),
        ("env, planes and dense mask", rates.env_dict),
        (f"act, network {config.model.network}", rates.act),
        (f"update, {training.update_epochs} epochs of {config.steps_per_epoch}", rates.update),
        ("training, the parts together", rates.training),
    ]
    width = max(len(label) for label, _ in rows)
    lines = [_head(config), f"{'':<{width}} {'plies a second':>15}"]
    lines += [f"{label:<{width}} {rate:>15,.0f}" for label, rate in rows]
    return "\n".join(lines)
