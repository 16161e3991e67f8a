"""Two halves of the games that take turns: everything that is stored belongs together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typing_extensions import override

from keisei.config_schema import ConfigError
from keisei.shogi import Board, move_from_action
from keisei.shogi.features import REPETITION, STATE_SIZE, TO_MOVE
from keisei.training.callbacks import Callback, RunView
from keisei.training.checkpoint import read_checkpoint
from keisei.training.env_manager import divide_games
from keisei.training.trainer import Trainer
from tests.training.runs import EMBEDDING, assert_same, rows_without_time, small_config, train

GAMES, STEPS = 96, 6
OVERLAP: dict[str, Any] = {
    "env.num_envs": GAMES,
    "env.max_plies": 9,
    "training.overlap": "on",
    "training.num_steps": STEPS,
    "training.total_timesteps": 4 * GAMES * STEPS,
    "evaluation.every_updates": 0,
}
OTHERS: dict[str, Any] = {
    "opponents.share": 0.5,
    "opponents.enter_updates": 1,
    "env.random_opening_share": 0.3,
    "env.random_opening_plies": 3,
}


@pytest.mark.parametrize(
    ("num_envs", "overlap", "device", "sizes"),
    [
        (4096, "auto", "cuda", [2048, 2048]),
        (4096, "auto", "cpu", [4096]),
        (4096, "off", "cuda", [4096]),
        (256, "auto", "cuda", [256]),
        (256, "on", "cpu", [128, 128]),
        (96, "on", "cpu", [64, 32]),
        (100, "on", "cuda", [64, 36]),
    ],
)
def test_halves_are_whole_blocks(
    num_envs: int, overlap: Any, device: str, sizes: list[int]
) -> None:
    assert divide_games(num_envs, overlap, device) == sizes


def test_too_few_games_are_not_divided() -> None:
    with pytest.raises(ConfigError, match=r"env\.num_envs of at least 64, not 63"):
        divide_games(63, "on", "cpu")


def newest_checkpoint(run_dir: Path) -> dict[str, Any]:
    return read_checkpoint(max((run_dir / "checkpoints").glob("checkpoint-*.pt")))


class StopAt(Callback):
    def __init__(self, stop_at: int) -> None:
        self.stop_at = stop_at

    @override
    def on_step_end(self, run: RunView) -> None:
        if run.global_timestep == self.stop_at:
            run.request_stop("enough")


def test_every_transition_belongs_together(tmp_path: Path) -> None:
    trainer = Trainer(small_config(tmp_path, 4, **OVERLAP, **EMBEDDING))
    buffer, agent = trainer.experience_buffer, trainer.agent
    boards = [Board() for _ in range(GAMES)]
    while not buffer.full:
        trainer.step_manager.step()
    for t in range(STEPS):
        row = {
            name: buffer.column(name)[t]
            for name in ("state", "mask_bits", "actions", "log_probs", "values", "rewards")
        }
        log_probs, _, values = agent.network(row["state"], row["mask_bits"], row["actions"])
        # A half at a time or all at once: the same numbers up to rounding.
        torch.testing.assert_close(row["log_probs"], log_probs, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(row["values"], values, atol=1e-5, rtol=1e-5)
        legal = np.unpackbits(row["mask_bits"].numpy(), axis=1, bitorder="little").sum(axis=1)
        for game, board in enumerate(boards):
            state = row["state"][game]
            assert state[TO_MOVE] == int(board.turn)
            assert state[REPETITION] == board.repetition_count() - 1
            assert legal[game] == len(board.legal_moves)
            board.push(move_from_action(board, int(row["actions"][game])))
            over = board.is_checkmate()
            assert bool(buffer.column("terminated")[t, game]) == over
            assert float(row["rewards"][game]) == float(over)
            if over:
                boards[game] = Board()
    assert trainer.step_manager.episode.state.shape == (GAMES, STATE_SIZE)
    trainer.close()


def test_games_are_the_same_in_halves_as_in_one(tmp_path: Path) -> None:
    def states(overlap: str) -> torch.Tensor:
        settings = OVERLAP | {"training.overlap": overlap, "env.random_opening_share": 1.0}
        settings |= {"env.random_opening_plies": 5}
        trainer = Trainer(small_config(tmp_path / overlap, 4, **settings))
        for _ in range(2):
            trainer.step_manager.step()
        trainer.close()
        return trainer.experience_buffer.column("state")[:2].clone()

    # Random openings come from the games' own streams, so that halves do not change them.
    first, second = states("on"), states("off")
    assert torch.equal(first, second)


def slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("steps", "others"),
    [
        (STEPS * 2, OTHERS),
        (STEPS * 2 + 2, {}),
        slow(STEPS * 2, EMBEDDING),
        slow(STEPS * 2, EMBEDDING | OTHERS),
        slow(STEPS * 2 + 2, EMBEDDING),
        (STEPS * 2 + 2, EMBEDDING | OTHERS),
    ],
)
def test_a_resumed_run_ends_with_the_same_bits(
    tmp_path: Path, steps: int, others: dict[str, Any]
) -> None:
    settings = OVERLAP | others
    train(small_config(tmp_path / "straight", 4, **settings))
    config = small_config(tmp_path / "broken", 4, **settings)
    train(config, callbacks=(StopAt(steps * GAMES),))
    train(config, resume="latest")
    one, other = (newest_checkpoint(tmp_path / folder) for folder in ("straight", "broken"))
    assert one["global_timestep"] == 4 * STEPS * GAMES
    assert_same(one, other)
    assert rows_without_time(tmp_path / "straight") == rows_without_time(tmp_path / "broken")


def test_a_run_goes_on_with_the_games_divided_in_another_way(tmp_path: Path) -> None:
    config = small_config(tmp_path, 4, **OVERLAP, **OTHERS)
    train(config, callbacks=(StopAt(2 * GAMES),))
    before = newest_checkpoint(tmp_path)
    whole = small_config(tmp_path, 4, **(OVERLAP | OTHERS | {"training.overlap": "off"}))
    trainer = Trainer(whole, resume="latest")
    assert_same(before["env"], trainer.env_manager.state_dict())
    assert_same(before["episode"], trainer.step_manager.state_dict())
    assert "actions" in before["episode"]
    trainer.step_manager.step()
    assert torch.equal(trainer.experience_buffer.column("actions")[2], before["episode"]["actions"])
    trainer.close()
