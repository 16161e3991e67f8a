"""PPO updates: reproducible, resumable, and safe when the numbers are not."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (torch leaves parts of its signatures open.)

import io
import math
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tic_tac_toe import SETTINGS, SelfPlay, new_agent
from torch._dynamo.utils import counters

from keisei.rl.diagnostics import judge_values
from keisei.rl.ppo_agent import PPOAgent
from keisei.rl.schedules import scheduled_learning_rate

METRICS = {
    "loss",
    "policy_loss",
    "mate_loss",
    "value_loss",
    "entropy",
    "entropy_normalised",
    "approx_kl",
    "clip_fraction",
    "explained_variance",
    "grad_norm",
    "learning_rate",
    "epochs",
    "optimizer_steps",
    "updates",
}


def _weights(agent: PPOAgent) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in agent.network.state_dict().items()}


def _same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def test_the_same_seed_gives_the_same_metrics_and_weights() -> None:
    runs: list[tuple[list[dict[str, float]], dict[str, torch.Tensor]]] = []
    for _ in range(2):
        play = SelfPlay(new_agent(4), num_envs=32)
        runs.append(([play.update() for _ in range(3)], _weights(play.agent)))
    assert runs[0][0] == runs[1][0]
    assert _same(runs[0][1], runs[1][1])
    other = SelfPlay(new_agent(5), num_envs=32)
    for _ in range(3):
        other.update()
    assert not _same(runs[0][1], _weights(other.agent))


def test_a_saved_agent_goes_on_bit_for_bit() -> None:
    play = SelfPlay(new_agent(1), num_envs=32)
    play.update()
    file = io.BytesIO()
    torch.save(play.agent.state_dict(), file)
    boards = play.env.boards.copy()
    expected = [play.update() for _ in range(2)]

    file.seek(0)
    resumed = SelfPlay(new_agent(99), num_envs=32)
    stored: dict[str, Any] = torch.load(file, weights_only=True)
    resumed.agent.load_state_dict(stored)
    resumed.env.boards[:] = boards
    assert [resumed.update() for _ in range(2)] == expected
    assert _same(_weights(play.agent), _weights(resumed.agent))


def test_metrics_are_complete_and_plausible() -> None:
    play = SelfPlay(new_agent(2), num_envs=64)
    first, second = play.update(), play.update()
    assert set(first) == METRICS
    assert (first["updates"], second["updates"]) == (1.0, 2.0)
    assert first["optimizer_steps"] == SETTINGS.update_epochs * SETTINGS.num_minibatches
    assert 0.9 < first["entropy_normalised"] <= 1.0
    assert 0.0 <= first["approx_kl"] < 0.1
    assert first["learning_rate"] == SETTINGS.learning_rate


def test_zero_learning_rate_leaves_the_policy_and_its_ratio_alone() -> None:
    settings = SETTINGS.model_copy(update={"lr_schedule": "linear", "lr_final_fraction": 0.0})
    play = SelfPlay(new_agent(2, settings), num_envs=64)
    before = _weights(play.agent)
    play.update()
    assert not _same(before, _weights(play.agent))
    after_first = _weights(play.agent)
    play.fill()
    metrics = play.agent.learn(play.buffer, progress=1.0)
    assert _same(after_first, _weights(play.agent))
    assert metrics["learning_rate"] == 0.0
    assert metrics["approx_kl"] == pytest.approx(0.0, abs=1e-6)
    assert metrics["clip_fraction"] == 0.0


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [("constant", (1.0, 1.0, 1.0)), ("linear", (1.0, 0.6, 0.2)), ("cosine", (1.0, 0.6, 0.2))],
)
def test_learning_rate_schedules(schedule: str, rates: tuple[float, float, float]) -> None:
    settings = SETTINGS.model_copy(
        update={"lr_schedule": schedule, "lr_final_fraction": 0.2, "learning_rate": 2.0}
    )
    scheduled = [scheduled_learning_rate(settings, progress) / 2 for progress in (0.0, 0.5, 1.0)]
    assert scheduled == pytest.approx(rates)
    late = {"constant": 1.0, "linear": 0.4, "cosine": 0.2 + 0.4 * (1 - 0.5**0.5)}[schedule]
    assert scheduled_learning_rate(settings, 0.75) / 2 == pytest.approx(late)


def test_target_kl_ends_the_update_after_an_epoch() -> None:
    settings = SETTINGS.model_copy(update={"target_kl": 1e-9, "update_epochs": 5})
    metrics = SelfPlay(new_agent(0, settings), num_envs=32).update()
    assert metrics["epochs"] == 1.0
    generous = SETTINGS.model_copy(update={"target_kl": 1e9, "update_epochs": 5})
    assert SelfPlay(new_agent(0, generous), num_envs=32).update()["epochs"] == 5.0


def test_minibatch_size_overrides_their_number() -> None:
    settings = SETTINGS.model_copy(update={"minibatch_size": 64, "update_epochs": 1})
    metrics = SelfPlay(new_agent(0, settings), num_envs=32).update()
    assert metrics["optimizer_steps"] == settings.num_steps * 32 / 64


def test_a_loss_that_is_not_finite_is_raised_and_undone() -> None:
    play = SelfPlay(new_agent(0), num_envs=32)
    play.update()
    before = _weights(play.agent)
    play.fill()
    play.buffer.column("returns")[3, 5] = float("nan")
    with pytest.raises(FloatingPointError, match="update 2 is not finite"):
        play.agent.learn(play.buffer, progress=0.0)
    assert _same(before, _weights(play.agent))
    play.buffer.clear()
    assert play.update()["updates"] == 2.0
    assert all(weight.isfinite().all() for weight in _weights(play.agent).values())


def test_acting_refuses_a_finished_position_and_is_greedy_on_request() -> None:
    agent = new_agent(0)
    state = torch.zeros((2, 9), dtype=torch.uint8)
    mask_bits = torch.tensor([[255, 1], [0, 0]], dtype=torch.uint8)
    with pytest.raises(ValueError, match="row 1 of 2 has no legal action"):
        agent.act(state, mask_bits)
    open_masks = mask_bits[:1].expand(200, -1)
    boards = state[:1].expand(200, -1)
    greedy, log_probs, _ = agent.act(boards, open_masks, deterministic=True)
    assert greedy.unique().numel() == 1
    sampled, sampled_log_probs, _ = agent.act(boards, open_masks)
    assert sampled.unique().numel() == 9
    assert (sampled_log_probs <= log_probs).all()


def test_bfloat16_learns_with_float32_weights() -> None:
    settings = SETTINGS.model_copy(update={"precision": "bfloat16"})
    play = SelfPlay(new_agent(0, settings), num_envs=32)
    before = _weights(play.agent)
    metrics = play.update()
    assert metrics["approx_kl"] < 0.1
    after = _weights(play.agent)
    assert not _same(before, after)
    assert all(weight.dtype == torch.float32 for weight in after.values())


def _mark(play: SelfPlay, learned: torch.Tensor) -> None:
    """Have it forget whose moves they are: a filled rollout, stored again with this mask."""
    stored = play.buffer.state_dict()
    stored["columns"]["learned"] = learned
    play.buffer.load_state_dict(stored)


def test_a_mask_of_all_plies_changes_no_bit() -> None:
    plain, masked = SelfPlay(new_agent(4), num_envs=32), SelfPlay(new_agent(4), num_envs=32)
    masked.fill()
    _mark(masked, torch.ones((SETTINGS.num_steps, 32), dtype=torch.bool))
    assert masked.agent.learn(masked.buffer, progress=0.0) == plain.update()
    assert _same(_weights(plain.agent), _weights(masked.agent))


def test_plies_of_others_have_no_part_in_an_update() -> None:
    """Whatever stands in their rows, weights and metrics come out the same."""
    outcomes: list[tuple[dict[str, float], dict[str, torch.Tensor]]] = []
    for spoilt in (False, True):
        play = SelfPlay(new_agent(4), num_envs=32)
        play.fill()
        learned = torch.rand((SETTINGS.num_steps, 32), generator=torch.Generator().manual_seed(0))
        _mark(play, learned < 0.7)
        if spoilt:
            others = ~play.buffer.column("loss_mask")
            for name in ("log_probs", "values", "advantages", "returns"):
                play.buffer.column(name)[others] = 99.0
            play.buffer.column("actions")[others] = 0
        outcomes.append((play.agent.learn(play.buffer, progress=0.0), _weights(play.agent)))
    assert outcomes[0][0] == outcomes[1][0]
    assert _same(outcomes[0][1], outcomes[1][1])
    steps = SETTINGS.update_epochs * SETTINGS.num_minibatches
    assert outcomes[0][0]["optimizer_steps"] == steps


def test_a_minibatch_size_that_does_not_divide_the_learned_plies_gives_even_ones() -> None:
    settings = SETTINGS.model_copy(update={"minibatch_size": 64, "update_epochs": 1})
    play = SelfPlay(new_agent(0, settings), num_envs=32)
    play.fill()
    learned = torch.zeros(SETTINGS.num_steps * 32, dtype=torch.bool)
    learned[:130] = True
    _mark(play, learned.view(SETTINGS.num_steps, 32))
    assert play.agent.learn(play.buffer, progress=0.0)["optimizer_steps"] == 3
    sizes = [len(each) for each in play.buffer.minibatches(44, torch.Generator())]
    assert sizes == [44, 44, 42]


def test_filled_up_minibatches_learn_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled sees one size, however many plies are learned from."""
    sizes: set[int] = set()

    def compile_nothing(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        def noting(state: torch.Tensor, *others: Any, **settings: Any) -> Any:
            sizes.add(len(state))
            return function(state, *others, **settings)

        return noting

    monkeypatch.setattr(torch, "compile", compile_nothing)
    generator = torch.Generator().manual_seed(0)
    filled = SelfPlay(new_agent(4, SETTINGS.model_copy(update={"compile": True})), num_envs=32)
    plain = SelfPlay(new_agent(4), num_envs=32)
    for share in (0.7, 0.9, 0.01, 1.0):
        learned = torch.rand((SETTINGS.num_steps, 32), generator=generator) < share
        rows: list[dict[str, float]] = []
        for play in (filled, plain):
            play.fill()
            _mark(play, learned)
            sizes.discard(32)  # of acting
            rows.append(play.agent.learn(play.buffer, progress=0.0))
            play.buffer.clear()
        assert rows[0] == pytest.approx(rows[1], rel=1e-4, abs=1e-6)
    assert sizes == {SETTINGS.num_steps * 32 // SETTINGS.num_minibatches}
    weights = _weights(plain.agent)
    for name, weight in _weights(filled.agent).items():
        torch.testing.assert_close(weight, weights[name], rtol=1e-3, atol=1e-5)


def test_one_learned_ply_is_enough() -> None:
    play = SelfPlay(new_agent(4), num_envs=32)
    play.fill()
    learned = torch.zeros((SETTINGS.num_steps, 32), dtype=torch.bool)
    learned[3, 5] = True
    _mark(play, learned)
    metrics = play.agent.learn(play.buffer, progress=0.0)
    assert all(math.isfinite(value) for value in metrics.values())
    assert all(math.isfinite(value) for value in judge_values(play.buffer, 0.99).values())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from torch's own modules
def test_compiled_networks_learn_the_same() -> None:
    compiled = SelfPlay(new_agent(3, SETTINGS.model_copy(update={"compile": True})), num_envs=32)
    plain = SelfPlay(new_agent(3), num_envs=32)
    generator = torch.Generator().manual_seed(0)
    graphs: list[int] = []
    for _ in range(3):
        learned = torch.rand((SETTINGS.num_steps, 32), generator=generator) < 0.8
        rows: list[dict[str, float]] = []
        for play in (compiled, plain):
            play.fill()
            _mark(play, learned)
            rows.append(play.agent.learn(play.buffer, progress=0.0))
            play.buffer.clear()
        for name in ("policy_loss", "value_loss", "entropy", "approx_kl", "grad_norm"):
            assert rows[0][name] == pytest.approx(rows[1][name], rel=1e-3, abs=1e-5)
        graphs.append(counters["stats"]["unique_graphs"])
    assert graphs == graphs[:1] * 3  # the number of learned plies compiles nothing anew


def test_mates_are_learned_by_cross_entropy_in_the_place_of_ppo() -> None:
    settings = SETTINGS.model_copy(
        update={"mate_coef": 2.0, "update_epochs": 1, "num_minibatches": 1, "ent_coef": 0.0}
    )
    play = SelfPlay(new_agent(0, settings), num_envs=32)
    play.fill()
    mates = play.buffer.column("mates")
    mates[::3] = True
    log_probs = play.buffer.column("log_probs").clone()
    # Of what a mate was played with nothing is read.
    play.buffer.column("log_probs")[mates] = -77.0
    before = _weights(play.agent)
    found = play.agent.learn(play.buffer, progress=0.0)
    # Before the first step all ratios are 1, and what PPO says is the mean advantage.
    advantages = play.buffer.column("advantages")
    advantages = (advantages - advantages.mean()) / advantages.std(correction=0)
    share = 1 / advantages.numel()
    assert found["mate_loss"] == pytest.approx(float(-log_probs[mates].sum() * share), rel=1e-4)
    expected = float(-advantages[~mates].sum() * share)
    assert found["policy_loss"] == pytest.approx(expected, abs=1e-5)
    assert found["approx_kl"] == pytest.approx(0.0, abs=1e-6)
    loss = found["policy_loss"] + 2 * found["mate_loss"] + 0.5 * found["value_loss"]
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    assert not torch.equal(before["policy.bias"], _weights(play.agent)["policy.bias"])
