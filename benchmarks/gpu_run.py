"""Measures and trains on a machine with a GPU, in one go; once more, and the training goes on.

    python benchmarks/gpu_run.py OUT --minutes 10

writes report.md, report.json, the run with its checkpoints, and policy.safetensors into the folder
OUT. In order: the numbers of the GPU against those of the CPU, and whether all moves that it draws
are legal; rate, efficiency and utilisation of
the training loop for three networks and two numbers of games; a training run of some minutes, which
is resumed where an earlier call left it; and the place of its policy on the ladder, when
fairy-stockfish is installed. Where the time of a command is limited, --parts does some of that, and
the report keeps what earlier calls found. With --dry-run everything is tiny and runs on the CPU.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from typing_extensions import override

from keisei.config_file import load_config
from keisei.rates.loop import measure_loop
from keisei.rl.masking import unpack_mask
from keisei.rl.networks import build_network
from keisei.shogi.constants import NUM_ACTIONS
from keisei.training.callbacks import Callback, RunView
from keisei.training.model_manager import resolve_device
from keisei.training.trainer import Trainer
from keisei.vec import ShogiVectorEnv

CONFIG = Path(__file__).parents[1] / "configs" / "single_gpu.toml"
PARTS = ("differences", "rates", "training", "ladder")
Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """Sizes of everything."""

    device: str
    networks: Mapping[str, tuple[str, dict[str, int]]]
    """Network and its options by the name in the tables."""
    num_envs: tuple[int, ...]
    positions: int
    draws: int
    """From each position."""
    seconds: float
    """Of each measurement of the loop."""
    settings: Mapping[str, Any]
    """Over the config file, for measuring and training."""
    training_seconds: float
    rungs: tuple[str, ...]
    games: int
    """Of each match on the ladder."""


def plan_for(minutes: float, games: int, *, is_dry: bool) -> Plan:
    """The real thing, or a tiny one for the CPU."""
    if is_dry:
        return Plan(
            device="cpu",
            networks={
                "embedding": ("embedding", {"width": 64}),
                "resnet 1x8": ("resnet", {"blocks": 1, "channels": 8}),
            },
            num_envs=(4, 64),
            positions=16,
            draws=2,
            seconds=0.1,
            settings={
                "training.num_steps": 4,
                "training.num_minibatches": 2,
                "training.compile": False,
                "env.max_plies": 40,
                "env.random_opening_plies": 2,
                "env.num_threads": 1,
                "evaluation.num_games": 2,
                "model.options": {"blocks": 1, "channels": 8},
            },
            training_seconds=minutes * 60,
            rungs=("random",),
            games=2,
        )
    return Plan(
        device="cuda",
        networks={
            "embedding": ("embedding", {}),
            "resnet 6x96": ("resnet", {"blocks": 6, "channels": 96}),
            "resnet 10x128": ("resnet", {"blocks": 10, "channels": 128}),
        },
        num_envs=(256, 4096),
        positions=4096,
        draws=250,
        seconds=5.0,
        settings={},
        training_seconds=minutes * 60,
        rungs=("random", "greedy", "nodes 1", "nodes 100", "depth 1", "nodes 300", "nodes 1000"),
        games=games,
    )


def random_positions(plan: Plan) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """States, packed masks and legal actions of positions of random games, on the CPU."""
    env = ShogiVectorEnv(plan.positions, obs="compact", num_threads=1)
    env.reset(seed=0)
    for _ in range(60):
        env.step(env.sample_actions())
    obs = env.observe()
    assert isinstance(obs, dict)
    state, mask_bits = (torch.tensor(obs[name]) for name in ("state", "action_mask_bits"))
    return state, mask_bits, torch.as_tensor(env.sample_actions())


def compare_devices(plan: Plan) -> list[Row]:
    """Largest differences to the CPU's float32, over positions of random games."""
    state, mask_bits, actions = random_positions(plan)
    rows: list[Row] = []
    for label, (name, options) in plan.networks.items():
        network = build_network(name, **options)
        with torch.no_grad():
            expected = network(state, mask_bits, actions)
        moved = network.to(plan.device)
        arguments = [each.to(plan.device) for each in (state, mask_bits, actions)]
        for precision in ("float32", "bfloat16"):
            autocast = torch.autocast(
                plan.device, dtype=torch.bfloat16, enabled=precision == "bfloat16"
            )
            with torch.no_grad(), autocast:
                found = moved(*arguments)
            differences = [
                float((each.cpu().float() - own).abs().max())
                for each, own in zip(found, expected, strict=True)
            ]
            quantities = ("log-probability", "entropy", "value")
            rows.append(
                {"network": label, "precision": precision}
                | dict(zip(quantities, differences, strict=True))
            )
    return rows


def count_illegal_draws(plan: Plan) -> list[Row]:
    """Illegal actions among many draws, compiled as in training; there must be none."""
    state, mask_bits, _ = (each.to(plan.device) for each in random_positions(plan))
    mask = unpack_mask(mask_bits, NUM_ACTIONS)
    rows: list[Row] = []
    for label, (name, options) in plan.networks.items():
        network = build_network(name, **options).to(plan.device)
        compiled = cast(Any, torch).compile(network.act)
        act = compiled if plan.device == "cuda" else network.act
        illegal = 0
        for _ in range(plan.draws):
            uniforms = torch.rand(len(state), device=plan.device)
            with torch.no_grad():
                actions, _, _ = act(state, mask_bits, uniforms, deterministic=False)
            illegal += int((~mask.gather(1, actions.unsqueeze(1))).sum())
        rows.append({"network": label, "draws": plan.draws * len(state), "illegal": illegal})
    return rows


def measure_loops(plan: Plan) -> list[Row]:
    """Rate, efficiency and utilisation of the training loop."""
    rows: list[Row] = []
    for label, (name, options) in plan.networks.items():
        for num_envs in plan.num_envs:
            settings = {
                **plan.settings,
                "env.num_envs": num_envs,
                "session.device": plan.device,
                "model.network": name,
                "model.options": options,
            }
            if num_envs < 1024:
                settings["training.num_minibatches"] = 2
            loop = measure_loop(load_config(CONFIG, settings), plan.seconds)
            rows.append(
                {
                    "network": label,
                    "games": num_envs,
                    "plies a second": loop.plies_per_second,
                    "efficiency": loop.efficiency,
                    "FLOP utilisation": loop.flop_utilisation,
                    "GPU utilisation": loop.gpu_utilisation,
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


class _StopAfter(Callback):
    """Ends a run in order when its time is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = 0.0

    @override
    def on_training_start(self, run: RunView) -> None:
        """Start the clock."""
        self._end = time.monotonic() + self._seconds

    @override
    def on_step_end(self, run: RunView) -> None:
        """Look at the clock."""
        if time.monotonic() >= self._end:
            run.request_stop("the time is over")


def train(plan: Plan, run_dir: Path) -> Row:
    """Train for some time, or go on from the run's last checkpoint; its newest row of metrics."""
    settings = {
        "session.device": plan.device,
        "session.run_dir": run_dir,
        "session.keep_checkpoints": 1,
        **plan.settings,
    }
    if plan.device == "cpu":
        settings |= {"env.num_envs": min(plan.num_envs), "evaluation.every_updates": 50}
    resume = "latest" if (run_dir / "checkpoints").exists() else None
    clock = _StopAfter(plan.training_seconds)
    Trainer(load_config(CONFIG, settings), resume=resume, callbacks=(clock,)).run()
    last = json.loads((run_dir / "metrics.jsonl").read_text("utf-8").splitlines()[-1])
    names = ("step", "time/elapsed", "time/sps_overall", "learn/entropy", "games/mean_plies")
    return {name: last.get(name) for name in names}


def climb(plan: Plan, run_dir: Path, out: Path) -> str:
    """The ladder of the run's policy as a table, or why there is none."""
    is_with_engine = any("nodes" in rung or "depth" in rung for rung in plan.rungs)
    if is_with_engine and shutil.which("fairy-stockfish") is None:
        return "No ladder: fairy-stockfish is not installed."
    # That of an earlier call, whose policy was younger; a ladder is not overwritten by itself.
    for old in out.glob("ladder.*"):
        old.unlink()
    words = [
        sys.executable,
        "-m",
        "keisei",
        "eval",
        str(run_dir),
        "--ladder",
        "--rungs",
        ",".join(plan.rungs),
    ]
    subprocess.run([*words, "--games", str(plan.games), "--out", str(out)], check=True)
    return (out / "ladder.txt").read_text("utf-8")


def table(rows: Iterable[Row]) -> str:
    """Rows of equal keys as a table in Markdown."""
    cells = list(rows)
    head = list(cells[0])
    lines = [head, ["---"] * len(head), *([_cell(row[name]) for name in head] for row in cells)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"
    return str(value)


def conditions(plan: Plan) -> Row:
    """What was measured where."""
    is_gpu = plan.device == "cuda"
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "device": torch.cuda.get_device_name() if is_gpu else "cpu",
        "torch": torch.__version__,
        "commit": commit or "unknown",
        "command": " ".join(["python", *sys.argv]),
    }


def main() -> None:
    """Do it all, and write the report even of what was finished when something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for everything that is written")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training in this call")
    parser.add_argument("--games", type=int, default=200, help="of each match on the ladder")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to do")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="measure only these")
    parser.add_argument("--dry-run", action="store_true", help="everything tiny, on the CPU")
    options = parser.parse_args()
    plan = plan_for(options.minutes, options.games, is_dry=options.dry_run)
    if plan.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device; try --dry-run")
    if options.networks is not None:
        plan = replace(plan, networks={name: plan.networks[name] for name in options.networks})
    options.out.mkdir(parents=True, exist_ok=True)
    run_dir = options.out / "run"
    report = options.out / "report.json"
    found: dict[str, Any] = json.loads(report.read_text("utf-8")) if report.exists() else {}
    found["conditions"] = conditions(plan)
    try:
        if "differences" in options.parts:
            resolve_device(plan.device)
            found["differences to the CPU"] = compare_devices(plan)
            found["draws"] = count_illegal_draws(plan)
        if "rates" in options.parts:
            others = [
                row for row in found.get("training loop", ()) if row["network"] not in plan.networks
            ]
            found["training loop"] = [*others, *measure_loops(plan)]
        if "training" in options.parts:
            found["training"] = train(plan, run_dir)
            policy = run_dir / "checkpoints" / "policy.safetensors"
            shutil.copy(policy, options.out / policy.name)
        if "ladder" in options.parts:
            found["ladder"] = climb(plan, run_dir, options.out / "ladder")
    finally:
        write_report(found, options.out)


def write_report(found: Mapping[str, Any], out: Path) -> None:
    """Keep the findings as data and as Markdown."""
    (out / "report.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    parts = ["# On one GPU"]
    for title, content in found.items():
        if isinstance(content, str):
            text = f"```\n{content.rstrip()}\n```"
        else:
            text = table([content] if title in ("conditions", "training") else content)
        parts.append(f"## {title[0].upper()}{title[1:]}\n\n{text}")
    (out / "report.md").write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
