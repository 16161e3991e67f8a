"""Mates in one of many games at once."""

import copy
import pickle

import numpy as np
import pytest

from keisei.games.board import Board, action_from_move
from keisei.games.children import Lookahead
from keisei.games.mates_in_one import NO_MATE, MatesInOne
from keisei.shogi.moves import Move
from keisei.vec import ShogiVectorEnv

HEAD_GOLD = "4k4/9/4P4/9/9/9/9/9/4K4 b G 1"
BOTH_SIDES = {
    HEAD_GOLD: "G*5b",
    "4k4/9/9/9/9/9/4p4/9/4K4 w g 1": "G*5h",
    # A promotion; a drop from afar; none.
    "4k4/9/4SG3/9/9/9/9/9/4K4 b - 1": None,
    "k8/9/K8/9/9/9/9/9/8L b R 1": "R*5a",
}
PAWN_DROP = "3nkn3/3p1p3/4G4/9/9/9/9/9/4K4 b P 1"
"""The drop at 5b would mate, which is forbidden; the gold's step mates not."""


@pytest.mark.parametrize("sfen", BOTH_SIDES)
def test_mates_of_both_sides_are_found(sfen: str) -> None:
    env = ShogiVectorEnv(2, obs="compact", initial_sfens=[sfen])
    env.reset(seed=0)
    board = Board(sfen)
    found = env.mates_in_one()
    usi = BOTH_SIDES[sfen]
    if usi is not None:
        assert action_from_move(board, Move.from_usi(usi)) in _all_mates(board)
    expected = min(_all_mates(board), default=NO_MATE)
    assert found.tolist() == [expected, expected]


def _all_mates(board: Board) -> list[int]:
    mates: list[int] = []
    for action in board.legal_actions():
        after = board.copy()
        after.push_action(int(action))
        if after.is_checkmate():
            mates.append(int(action))
    return mates


def test_a_mating_pawn_drop_is_none() -> None:
    env = ShogiVectorEnv(1, obs="compact", initial_sfens=[PAWN_DROP])
    env.reset(seed=0)
    assert env.mates_in_one().tolist() == [min(_all_mates(Board(PAWN_DROP)), default=NO_MATE)]


def test_games_agree_with_a_look_at_every_move() -> None:
    env, lookahead = ShogiVectorEnv(100, obs="compact"), Lookahead()
    obs, _ = env.reset(seed=3)
    seen = 0
    for _ in range(120):
        assert isinstance(obs, dict)
        mates = env.mates_in_one()
        has_mate = lookahead.has_mate(obs["state"], obs["action_mask_bits"])
        assert np.array_equal(mates != NO_MATE, has_mate)
        drawn = env.sample_actions()
        obs, rewards, terminated, _, infos = env.step(np.where(has_mate, mates, drawn))
        assert terminated[has_mate].all()
        assert (rewards[has_mate] == 1.0).all()
        if has_mate.any():
            assert (infos["final_info"]["termination"][has_mate] == 1).all()
        seen += int(has_mate.sum())
    assert seen > 20


def test_games_that_are_over_have_none_and_copies_look_for_themselves() -> None:
    env = ShogiVectorEnv(
        1, obs="compact", initial_sfens=[HEAD_GOLD], autoreset_mode="Disabled", max_plies=1
    )
    env.reset(seed=0)
    for other in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert np.array_equal(other.mates_in_one(), env.mates_in_one())
    env.step(env.sample_actions())
    assert env.mates_in_one().tolist() == [NO_MATE]


def test_threads_find_the_same() -> None:
    found: list[list[int]] = []
    for threads in (1, 3):
        env = ShogiVectorEnv(3100, obs="compact", num_threads=threads)
        env.reset(seed=1)
        for _ in range(60):
            env.step(env.sample_actions(), observe=False)
        found.append(env.mates_in_one().tolist())
        env.close()
    assert found[0] == found[1]
    assert max(found[0]) != NO_MATE


@pytest.mark.parametrize(("first", "past"), [(0, 1), (3, 40), (16, 32), (37, 38), (5, 60)])
def test_some_slots_are_looked_at_alone(first: int, past: int) -> None:
    env = ShogiVectorEnv(60, obs="compact", initial_sfens=list(BOTH_SIDES))
    env.reset(seed=0)
    slots, every = env.standing().slots, env.mates_in_one()
    assert (every != NO_MATE).any()
    assert MatesInOne().among(slots, first, past).tolist() == every[first:past].tolist()
