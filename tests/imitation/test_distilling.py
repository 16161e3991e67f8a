"""Whole runs in which a policy learns from its own searches, small."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from keisei.config_file import load_config
from keisei.config_schema import ConfigError
from keisei.imitation.distilling import Distillation, DistillationPlan
from keisei.imitation.searched import Searched, SearchedGames, Teacher
from keisei.players.descriptions import SHIPPED_POLICY
from keisei.rl.embedding.network import EmbeddingNet
from keisei.training.checkpoint import CheckpointError
from keisei.training.model_manager import find_policy, load_policy
from keisei.web.run_folder import RunFolder
from tests.stand_in_device import stand_in
from tests.training.runs import assert_same, rows_without_time

PAGE = Path(__file__).parents[2] / "docs" / "distillation.md"
TEACHER = Teacher(nodes=4, c_scale=0.45, root_share=0.5)


def distillation(folder: Path, **others: Any) -> Distillation:
    rounds, passes = others.pop("rounds", 2), others.pop("passes", 2)
    positions, held_out = others.pop("positions", 300), others.pop("held_out", 0.3)
    plan = DistillationPlan(rounds, positions, passes, 64, held_out)
    show = others.pop("show", None)
    settings = {
        "session.run_dir": folder,
        "session.device": "cpu",
        "session.seed": 3,
        "env.num_envs": 8,
        "env.max_plies": 24,
        "model.options.width": 64,
        **others,
    }
    return Distillation(load_config(overrides=settings), plan, TEACHER, show)


def test_a_run_learns_and_leaves_a_folder_like_others(tmp_path: Path) -> None:
    lines: list[str] = []
    # A network that has learned nothing says nothing to search with.
    begun = {"model.init": SHIPPED_POLICY, "model.options.width": 256}
    run = distillation(tmp_path / "a", rounds=1, passes=10, show=lines.append, **begun)
    assert run.run() is None
    rows = rows_without_time(tmp_path / "a")
    assert len(rows) == 10
    assert rows[-1]["eval/held_out_policy_loss"] < 0.9 * rows[0]["eval/held_out_policy_loss"]
    assert rows[-1]["learn/value_loss"] < rows[0]["learn/value_loss"]
    summary = RunFolder(tmp_path / "a").summary()
    assert summary["state"] == "ended"
    assert summary["problems"] == []
    said = [line for line in lines if line.startswith(("Games", "Learning begins"))]
    assert said == [
        "Games: 8, 4 nodes a move, c_scale 0.45, root_share 0.5; rounds: 1 of 300 positions, 0.3 "
        f"held out, passes: 10, batches of 64, threads: {torch.get_num_threads()} for torch",
        "Learning begins: 300 positions in each of 1 rounds",
    ]
    saved = load_policy(find_policy(tmp_path / "a")).state_dict()
    own = run.models.network.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in saved.items())


def test_the_page_explains_exactly_what_is_logged(tmp_path: Path) -> None:
    distillation(tmp_path / "a", rounds=1, passes=1).run()
    logged = set(json.loads((tmp_path / "a/metrics.jsonl").read_text()))
    table = PAGE.read_text().partition("## Metrics")[2]
    own = set(re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE))
    common = PAGE.with_name("imitation.md").read_text().partition("## Metrics")[2]
    shared = set(re.findall(r"^\| `([^`]+)` \|", common, flags=re.MULTILINE))
    assert own | shared == logged
    assert not own & shared


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    one, two = (distillation(tmp_path / name) for name in "ab")
    one.run()
    two.run()
    other = two.models.network.state_dict()
    for name, value in one.models.network.state_dict().items():
        assert torch.equal(value, other[name])
    assert rows_without_time(tmp_path / "a") == rows_without_time(tmp_path / "b")


def test_each_round_plays_with_what_the_one_before_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[torch.Tensor, float | None]] = []
    play = SearchedGames.play

    def watched(self: SearchedGames, network: EmbeddingNet, *others: Any) -> Searched:
        seen.append((network.input_bias.detach().clone(), network.search_temperature))
        return play(self, network, *others)

    monkeypatch.setattr(SearchedGames, "play", watched)
    distillation(tmp_path / "a", rounds=3, passes=1, held_out=0.0).run()
    rows = rows_without_time(tmp_path / "a")
    assert [row["step"] for row in rows] == [300, 600, 900]
    assert all(0.0 < row["search/agreement"] < 1.0 for row in rows)
    assert "eval/held_out_accuracy" not in rows[-1]
    assert [temperature for _, temperature in seen] == [None, 1.0, 1.0]
    assert not torch.equal(seen[0][0], seen[1][0])
    assert not torch.equal(seen[1][0], seen[2][0])
    # The rate is at its end when the run is.
    assert rows[-1]["learn/learning_rate"] < 0.2 * rows[0]["learn/learning_rate"]


def test_it_begins_with_a_policy_of_the_same_kind(tmp_path: Path) -> None:
    distillation(tmp_path / "a").run()
    second = distillation(tmp_path / "b", **{"model.init": tmp_path / "a"})
    learned = load_policy(find_policy(tmp_path / "a")).state_dict()
    begun = second.models.network.state_dict()
    assert all(torch.equal(value, begun[name]) for name, value in learned.items())
    # What was learned from searches is searched with another temperature than what PPO learned.
    assert load_policy(find_policy(tmp_path / "a")).search_temperature == 1.0
    assert second.models.network.search_temperature == 1.0
    with pytest.raises(CheckpointError, match=r"model\.network=embedding"):
        distillation(
            tmp_path / "c",
            **{"model.init": tmp_path / "a", "model.network": "resnet", "model.options": {}},
        )


def test_every_network_can_be_the_apprentice(tmp_path: Path) -> None:
    options = {"model.network": "resnet", "model.options": {"blocks": 1, "channels": 8}}
    distillation(tmp_path / "a", rounds=1, passes=1, **options).run()
    assert find_policy(tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("word", "temperature"),
    [("Learning begins", None), ("Round 1 of 1000: 0", None), ("Pass 1 ", 1.0)],
)
def test_a_signal_ends_the_run_in_order(
    word: str, temperature: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keisei.imitation.distilling._SECONDS_A_LINE", 0.0)
    lines: list[str] = []

    def show(line: str) -> None:
        lines.append(line)
        if line.startswith(word):
            os.kill(os.getpid(), signal.SIGINT)

    run = distillation(tmp_path / "a", rounds=1000, show=show)
    assert run.run() == "SIGINT"
    assert lines[-1].endswith("(SIGINT)")
    assert RunFolder(tmp_path / "a").summary()["why"] == "SIGINT"
    # Who has not been through a pass is searched as before.
    assert load_policy(find_policy(tmp_path / "a")).search_temperature == temperature
    assert "which are not learned from" in lines[-2] or word != "Round 1 of 1000: 0"


def test_it_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keisei.imitation.distilling._SECONDS_A_LINE", 0.0)
    lines: list[str] = []
    distillation(tmp_path / "a", rounds=1, show=lines.append).run()
    said = [line for line in lines if re.fullmatch(r"Round 1 of 1: \d+ of 429 .*a second", line)]
    assert len(said) > 10


def test_nothing_changes_where_nothing_is_learned(tmp_path: Path) -> None:
    # The only game that a round needs is held out with every second seed.
    for seed in range(20):
        lines: list[str] = []
        folder = tmp_path / str(seed)
        others = {"env.num_envs": 1, "session.seed": seed, "positions": 1, "held_out": 0.5}
        distillation(folder, rounds=1, show=lines.append, **others).run()
        if any(line.endswith(" 0 of them to learn from") for line in lines):
            assert load_policy(find_policy(folder)).search_temperature is None
            return
    pytest.fail("no game was held out with twenty seeds")


def test_settings_that_it_cannot_follow_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"session\.processes = 2"):
        distillation(tmp_path / "a", **{"session.processes": 2})
    with pytest.raises(ConfigError, match=r"opponents\.share = 0\.5"):
        distillation(tmp_path / "a", **{"opponents.share": 0.5})


@pytest.mark.parametrize(
    ("network", "options"),
    [("embedding", {"width": 64, "fused": False}), ("resnet", {"blocks": 1, "channels": 8})],
)
def test_a_run_on_a_device_is_the_run_on_the_cpu(
    network: str, options: dict[str, Any], tmp_path: Path
) -> None:
    def run(device: str) -> dict[str, torch.Tensor]:
        def resolve(_: str) -> torch.device:
            return torch.device(device)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("keisei.imitation.run.resolve_device", resolve)
            others = {"model.network": network, "model.options": options, "rounds": 1, "passes": 1}
            distilled = distillation(tmp_path / device, **others)
        distilled.run()
        weights = distilled.models.network.state_dict()
        return {name: tensor.cpu() for name, tensor in weights.items()}

    with stand_in():
        on_device = run("meta:0")
        on_device = {name: tensor.clone() for name, tensor in on_device.items()}
    assert_same(on_device, run("cpu"))
    assert rows_without_time(tmp_path / "meta:0") == rows_without_time(tmp_path / "cpu")
