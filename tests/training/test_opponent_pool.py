"""The pool of snapshots: who enters, who is drawn, how scores are kept, who leaves."""

import contextlib
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from keisei.config_schema import OpponentsConfig
from keisei.rl.network_base import PolicyValueNet
from keisei.rl.ppo_agent import PPOAgent
from keisei.training.checkpoint import read_checkpoint, write_checkpoint
from keisei.training.opponent_pool import OpponentPool, Snapshot, draw_weights


class OneMoveNet(PolicyValueNet):
    """Always plays the move that its only weight names."""

    def __init__(self) -> None:
        super().__init__(1, 8)
        self.move = nn.Parameter(torch.zeros(()))

    @override
    def act(
        self, state: Tensor, mask_bits: Tensor, uniforms: Tensor, *, deterministic: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        assert not deterministic
        assert ((uniforms >= 0) & (uniforms < 1)).all()
        moves = self.move.long().expand(len(state))
        return moves, torch.zeros(len(state)), torch.zeros(len(state))


class FakeAgent:
    """A learner whose weight the test sets."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.network = OneMoveNet()

    def become(self, move: int) -> None:
        with torch.no_grad():
            self.network.move.fill_(move)

    def autocast(self) -> Any:
        return contextlib.nullcontext()


def build(**settings: Any) -> tuple[OpponentPool, FakeAgent, torch.Generator]:
    agent, generator = FakeAgent(), torch.Generator().manual_seed(0)
    config = OpponentsConfig(share=0.5, **{"active": 1, "pool_size": 2, **settings})
    return OpponentPool(config, cast(PPOAgent, agent), generator), agent, generator


def moves_of(pool: OpponentPool, slot: int, count: int = 2) -> list[int]:
    states = torch.zeros((count, 1), dtype=torch.uint8)
    return [int(move) for move in pool.players[slot].act(states, states + 255)]


def play(pool: OpponentPool, points: list[float]) -> None:
    """Begin and end games with the learner's points, and forget in which slots."""
    pool.end_games(pool.begin_games(len(points)), np.array(points))


def test_nobody_plays_until_the_first_snapshot_enters() -> None:
    pool, agent, _ = build(enter_updates=2)
    agent.become(3)
    assert pool.after_update(1) == {"pool_size": 0.0, "games": 0.0}
    assert pool.begin_games(2).tolist() == [-1, -1]
    assert pool.after_update(2) == {"pool_size": 1.0, "games": 0.0, "lowest_score": 0.5}
    assert pool.begin_games(2).tolist() == [0, 0]
    # The learner goes on; its snapshot stays as it was.
    agent.become(5)
    assert moves_of(pool, 0) == [3, 3]
    assert [(each.update, float(each.weights["move"])) for each in pool.snapshots] == [(2, 3.0)]


def test_a_snapshot_enters_when_the_learner_beats_the_pool_over_enough_games() -> None:
    pool, _, _ = build(enter_updates=100, enter_games=4, enter_score=0.75, pool_size=9)
    for update in range(1, 101):
        pool.after_update(update)
    assert len(pool.snapshots) == 1
    play(pool, [1.0, 1.0, 1.0])
    pool.after_update(101)  # all won, but too few
    play(pool, [0.0, 0.0])
    pool.after_update(102)  # 3 of 5
    assert len(pool.snapshots) == 1
    play(pool, [1.0, 1.0, 1.0])
    row = pool.after_update(103)  # 6 of 8
    assert [each.update for each in pool.snapshots] == [100, 103]
    assert (row["pool_size"], row["games"], row["score"]) == (2.0, 3.0, 1.0)
    pool.after_update(104)  # the count begins anew
    assert len(pool.snapshots) == 2


def test_scores_start_in_the_middle_and_forget_old_games() -> None:
    snapshot = Snapshot(0, {})
    assert snapshot.score == 0.5
    snapshot.record(10.0, 10)
    assert snapshot.score == pytest.approx(15 / 20)
    snapshot.record(190.0, 190)
    assert snapshot.score == pytest.approx(205 / 210)
    snapshot.record(0.0, 200)
    # The 200 won games have faded to 100 of the 200 that are remembered.
    assert snapshot.score == pytest.approx(105 / 210)


def test_harder_snapshots_weigh_more() -> None:
    assert draw_weights([0.0, 0.5, 1.0], 2.0) == pytest.approx([1.02, 0.27, 0.02])
    assert draw_weights([0.0, 0.5, 1.0], 0.0) == pytest.approx([1.02, 1.02, 1.02])


def test_the_hard_one_is_drawn_more_often() -> None:
    pool, agent, _ = build(enter_updates=1, pool_size=3, games_per_draw=1)
    for update in (1, 2):
        agent.become(update)
        pool.after_update(update)
    hard, easy = pool.snapshots
    counts = {1: 0, 2: 0}
    for _ in range(400):
        hard.points, hard.games, easy.points, easy.games = 50.0, 190.0, 190.0, 190.0
        play(pool, [0.5])
        pool.snapshots = [hard, easy]  # of those that enter meanwhile none is kept
        pool.after_update(9)
        pool.snapshots = [hard, easy]
        counts[min(moves_of(pool, 0, 1)[0], 2)] += 1
    # (1 - .275)^2 + .02 against (1 - .975)^2 + .02 and the newcomer's .27, some 65 to 35.
    assert 220 < counts[1] < 310


def test_the_easiest_leaves_but_none_that_plays() -> None:
    pool, agent, _ = build(enter_updates=1, pool_size=3, games_per_draw=10**6)
    for update in (1, 2, 3):
        agent.become(update)
        pool.after_update(update)
    first, second, third = pool.snapshots
    assert moves_of(pool, 0) == [1, 1]
    for snapshot, points in ((first, 100.0), (second, 40.0), (third, 90.0)):
        snapshot.points, snapshot.games = points, 100.0
    pool.after_update(4)
    assert [each.update for each in pool.snapshots] == [1, 2, 4]


def test_of_equally_easy_ones_the_oldest_leaves() -> None:
    pool, _, _ = build(enter_updates=1, pool_size=3, games_per_draw=10**6)
    for update in range(1, 6):
        pool.after_update(update)
    assert [each.update for each in pool.snapshots] == [1, 4, 5]


def test_a_slot_is_drawn_anew_only_when_its_games_are_over() -> None:
    pool, agent, _ = build(enter_updates=1, pool_size=3, games_per_draw=2)
    agent.become(1)
    pool.after_update(1)
    running = pool.begin_games(2)
    agent.become(2)
    pool.after_update(2)
    assert pool.begin_games(3).tolist() == [-1, -1, -1]
    assert moves_of(pool, 0) == [1, 1]
    pool.end_games(running[:1], np.array([1.0]))
    pool.after_update(3)
    assert pool.begin_games(1).tolist() == [-1]
    pool.end_games(running[1:], np.array([0.0]))
    pool.after_update(4)
    assert pool.begin_games(1).tolist() == [0]
    # Both results went to the one that was played, 1 of 2 points besides the 5 of 10 thought up.
    assert pool.snapshots[0].games == 2.0
    assert pool.snapshots[0].points == 1.0


def test_slots_hold_different_snapshots_and_close_one_at_a_time() -> None:
    pool, agent, _ = build(enter_updates=1, active=2, pool_size=4, games_per_draw=1)
    for update in (1, 2):
        agent.become(update)
        pool.after_update(update)
    assert sorted(moves_of(pool, 0, 1) + moves_of(pool, 1, 1)) == [1, 2]
    assert set(pool.begin_games(40).tolist()) == {0, 1}
    pool.after_update(3)
    assert len(set(pool.begin_games(40).tolist())) == 1


def test_a_pool_goes_on_from_its_state_in_a_file(tmp_path: Any) -> None:
    def until_saved() -> tuple[OpponentPool, FakeAgent, torch.Generator]:
        pool, agent, generator = build(enter_updates=1, active=2, pool_size=3, games_per_draw=5)
        for update in range(1, 5):
            agent.become(update)
            pool.after_update(update)
            play(pool, [1.0, 0.5, 0.0])
        return pool, agent, generator

    def go_on(pool: OpponentPool, agent: FakeAgent) -> list[Any]:
        told: list[Any] = []
        for update in range(5, 9):
            agent.become(update)
            slots = pool.begin_games(5)
            pool.end_games(slots, np.linspace(0, 1, 5))
            told += [slots.tolist(), pool.after_update(update), moves_of(pool, 0)]
        return told

    straight, straight_agent, _ = until_saved()
    straight.begin_games(4)
    saved, _, generator = until_saved()
    running = saved.begin_games(4)
    contents = {"pool": saved.state_dict(), "recent": saved.recent()}
    write_checkpoint(tmp_path / "pool.pt", contents)
    resumed, agent, resumed_generator = build(
        enter_updates=1, active=2, pool_size=3, games_per_draw=5
    )
    read = read_checkpoint(tmp_path / "pool.pt")
    assert resumed.load_state_dict(read["pool"])
    resumed.go_on(running, read["recent"])
    resumed_generator.set_state(generator.get_state())
    assert go_on(resumed, agent) == go_on(straight, straight_agent)


def test_another_number_of_slots_keeps_the_snapshots_and_ends_the_games() -> None:
    pool, agent, _ = build(enter_updates=1, pool_size=4)
    for update in (1, 2):
        agent.become(update)
        pool.after_update(update)
    pool.begin_games(3)
    wider, _, _ = build(enter_updates=100, active=2, pool_size=4)
    assert not wider.load_state_dict(pool.state_dict())
    assert wider.begin_games(1).tolist() == [-1]
    wider.after_update(3)
    assert sorted(moves_of(wider, 0, 1) + moves_of(wider, 1, 1)) == [1, 2]


def test_a_pool_without_room_beside_the_active_ones_is_refused() -> None:
    with pytest.raises(ValueError, match="pool_size = 3 must be larger than active = 3"):
        OpponentsConfig(active=3, pool_size=3)
