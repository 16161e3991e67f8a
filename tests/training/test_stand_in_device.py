"""Training on a device other than the CPU, for which a stand-in is at hand everywhere."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.ranks import Ranks
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.training import shares
from keisei.training.checkpoint import read_checkpoint
from keisei.training.trainer import Trainer
from keisei.vec import ShogiVectorEnv
from tests.stand_in_device import stand_in
from tests.training.runs import ROLLOUT, assert_same, rows_without_time, small_config

UPDATES = 2
NETWORKS: dict[str, dict[str, Any]] = {
    # Without the kernels, which a device knows nothing of.
    "embedding": {"width": 64, "fused": False},
    "resnet": {"blocks": 1, "channels": 8},
    "small": {},
}
OTHERS: dict[str, Any] = {
    "env.random_opening_share": 0.5,
    "env.random_opening_plies": 3,
    "opponents.share": 0.5,
    "opponents.enter_updates": 1,
}
HALVES: dict[str, Any] = {
    "env.num_envs": 64,
    "training.overlap": "on",
    "evaluation.every_updates": 0,
}

RESTORES: dict[str, Any] = {
    "watch.action": "restore",
    "watch.patience": 1,
    "watch.min_entropy": 1.0,
}


def open_trainer(
    run_dir: Path, device: str, *, resume: str | None = None, network: str = "small", **others: Any
) -> Trainer:
    """A trainer on a device that no setting names."""
    overrides = {"model.network": network, "model.options": NETWORKS[network], **others}

    def resolve(_: str, __: Ranks) -> torch.device:
        return torch.device(device)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keisei.training.trainer.resolve_device", resolve)
        return Trainer(small_config(run_dir, UPDATES, **overrides), resume=resume)


@contextmanager
def opened(trainer: Trainer) -> Generator[Trainer]:
    """Close it in any case, whether it ran or not."""
    try:
        yield trainer
    finally:
        trainer.close()


def last_checkpoint(run_dir: Path) -> dict[str, Any]:
    name = max(each.name for each in (run_dir / "checkpoints").glob("checkpoint-*.pt"))
    return read_checkpoint(run_dir / "checkpoints" / name)


@pytest.mark.parametrize(
    ("network", "others"),
    [
        ("resnet", {}),
        pytest.param("embedding", {}, marks=pytest.mark.slow),
        ("small", OTHERS),
        ("resnet", HALVES | OTHERS),
        ("small", RESTORES | {"training.target_kl": 1.0}),
    ],
    ids=["alone", "embedding", "others", "halves", "restores"],
)
def test_a_run_on_a_device_is_the_run_on_the_cpu(
    tmp_path: Path, network: str, others: dict[str, Any]
) -> None:
    with stand_in():
        open_trainer(tmp_path / "device", "meta:0", network=network, **others).run()
    open_trainer(tmp_path / "cpu", "cpu", network=network, **others).run()
    assert rows_without_time(tmp_path / "device") == rows_without_time(tmp_path / "cpu")
    ends = [last_checkpoint(tmp_path / name) for name in ("device", "cpu")]
    assert_same(ends[0], ends[1])


@pytest.mark.parametrize(("first", "then"), [("meta:0", "cpu"), ("cpu", "meta:1")])
def test_a_run_goes_on_on_another_device(tmp_path: Path, first: str, then: str) -> None:
    with stand_in():
        with opened(open_trainer(tmp_path / "moved", first, **OTHERS)) as trainer:
            for _ in range(3):
                trainer.step_manager.step()
            trainer.save_checkpoint(ROLLOUT // 2)
        open_trainer(tmp_path / "moved", then, resume="latest", **OTHERS).run()
    open_trainer(tmp_path / "straight", "cpu", **OTHERS).run()
    ends = [last_checkpoint(tmp_path / name)["agent"] for name in ("moved", "straight")]
    assert_same(ends[0], ends[1])


@pytest.mark.parametrize(
    ("network", "others"),
    [("embedding", OTHERS), ("resnet", HALVES | OTHERS)],
    ids=["whole", "halves"],
)
def test_the_host_does_not_wait_while_it_plays(
    tmp_path: Path, network: str, others: dict[str, Any]
) -> None:
    with (
        stand_in() as device,
        opened(open_trainer(tmp_path, "meta:0", network=network, **others)) as trainer,
    ):
        while not trainer.experience_buffer.full:
            device.waits.clear()
            trainer.step_manager.step()
            # Where games are cut off, their last positions are stacked on the host; no wait.
            assert device.waits == []


def test_the_host_waits_as_often_for_few_optimiser_steps_as_for_many(tmp_path: Path) -> None:
    waits: list[list[str]] = []
    with stand_in() as device:
        for minibatches in (1, 6):
            settings: dict[str, Any] = OTHERS | {
                "training.num_minibatches": minibatches,
                "opponents.share": 0.0,
            }
            folder = tmp_path / str(minibatches)
            with opened(open_trainer(folder, "meta:0", network="resnet", **settings)) as trainer:
                while not trainer.experience_buffer.full:
                    trainer.step_manager.step()
                device.waits.clear()
                trainer.perform_ppo_update(ROLLOUT)
                waits.append(list(device.waits))
    assert waits[0] == waits[1]
    # Which plies are learned from is looked up, for three columns and in each of two epochs; then
    # the row of the update is read.
    assert waits[0].count("boolean index") <= 4
    assert waits[0].count("nonzero") == 2
    assert waits[0].count("download") + waits[0].count("item") == 3
    assert "upload" not in waits[0]


def test_what_ranks_on_two_devices_tell_is_joined_on_the_host() -> None:
    with stand_in():
        joined = shares.join([part_of_a_rank(f"meta:{rank}") for rank in (0, 1)])
    columns: dict[str, torch.Tensor] = joined["buffer"]["columns"]
    assert {each.device.type for each in columns.values()} == {"cpu"}
    assert columns["values"].tolist() == [[0.0, 0.25, 0.5, 0.75] * 2]


def test_a_generator_draws_on_its_own_kind_of_device() -> None:
    with stand_in():
        for owner, place in (("cpu", "meta:0"), ("meta:0", "cpu")):
            with pytest.raises(RuntimeError, match="cannot draw on"):
                torch.rand(3, generator=torch.Generator(owner).manual_seed(0), device=place)


def part_of_a_rank(device: str) -> dict[str, Any]:
    """What a rank with four games gives to a checkpoint after its first step."""
    env = ShogiVectorEnv(4, obs="compact", max_plies=10)
    obs, _ = env.reset(seed=0)
    state, mask_bits = (torch.tensor(obs[name]) for name in ("state", "action_mask_bits"))
    buffer = ExperienceBuffer(2, 4, STATE_SIZE, MASK_BYTES, device)
    numbers, never = torch.arange(4) / 4, torch.zeros(4, dtype=torch.bool)
    actions = torch.from_numpy(env.sample_actions())
    row = (state, mask_bits, actions, *[numbers] * 3, never, never, numbers)
    buffer.add(*(each.to(device) for each in row))
    return {
        "agent": {"generator": torch.Generator().get_state()},
        "env": {name: torch.from_numpy(array) for name, array in env.get_state().items()},
        "episode": {"state": state, "mask_bits": mask_bits},
        "buffer": buffer.state_dict(),
    }


@pytest.mark.parametrize("size", [16, 5056 + 8])
def test_a_random_stream_of_another_kind_of_device_is_begun_anew(tmp_path: Path, size: int) -> None:
    """The state of CUDA's generator has 16 bytes, that of the CPU 5056."""
    open_trainer(tmp_path, "cpu").run()
    path = max((tmp_path / "checkpoints").glob("checkpoint-*.pt"))
    archive = torch.load(path, weights_only=True)
    archive["contents"]["agent"]["generator"] = torch.zeros(size, dtype=torch.uint8)
    torch.save(archive, path)
    longer: dict[str, Any] = {"training.total_timesteps": 3 * ROLLOUT}
    open_trainer(tmp_path, "cpu", resume="latest", **longer).run()
    assert "belongs to another kind of device" in (tmp_path / "train.log").read_text()
    assert rows_without_time(tmp_path)[-1]["step"] == 3 * ROLLOUT
