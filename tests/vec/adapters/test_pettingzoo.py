"""The PettingZoo environment: its own library's checks, and whose view, turn and reward it is."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

import numpy as np
import pytest

from keisei.shogi import Termination
from keisei.vec import IllegalActionError
from tests.vec.games import BARE_KINGS, MATE_IN_ONE, label

pytest.importorskip("pettingzoo")

from pettingzoo.test import api_test, seed_test

from keisei.vec.adapters.pettingzoo import ShogiAEC

WHITE_TO_MOVE = BARE_KINGS.replace(" b ", " w ")
COLOUR_PLANE = 44


# The check warns of observations with a mask beside the planes, save in PettingZoo's own games.
@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")
@pytest.mark.filterwarnings("ignore:Observation space for each agent probably should be")
def test_the_library_accepts_it() -> None:
    api_test(ShogiAEC(max_plies=40), num_cycles=200)


def test_games_of_a_seed_are_the_same() -> None:
    seed_test(lambda: ShogiAEC(max_plies=40), num_cycles=100)


def test_mate_rewards_each_player_once() -> None:
    env = ShogiAEC(initial_sfens=[MATE_IN_ONE])
    env.reset(seed=1)
    env.step(label("G*5b", white=False))
    seen: dict[str, tuple[float, bool, bool]] = {}
    for agent in env.agent_iter():
        _, reward, terminated, truncated, info = env.last()
        seen[agent] = (reward, terminated, truncated)
        assert info["termination"] == Termination.CHECKMATE
        env.step(None)
    assert seen == {"player_1": (-1.0, True, False), "player_0": (1.0, True, False)}
    assert env.agents == []


def test_the_ply_cap_truncates_both_players() -> None:
    env = ShogiAEC(initial_sfens=[BARE_KINGS], max_plies=1)
    env.reset(seed=1)
    env.step(label("5i5h", white=False))
    assert env.truncations == {"player_0": True, "player_1": True}
    assert env.terminations == {"player_0": False, "player_1": False}
    assert env.rewards == {"player_0": 0.0, "player_1": 0.0}


def test_a_game_begins_anew_after_its_end() -> None:
    env = ShogiAEC(initial_sfens=[BARE_KINGS], max_plies=1)
    for _ in range(2):
        env.reset(seed=1)
        assert env.agent_selection == "player_0"
        assert not any(env.truncations.values())
        env.step(label("5i5h", white=False))
        for _ in env.agent_iter():
            env.step(None)


def test_who_moves_first_is_the_position_s() -> None:
    env = ShogiAEC(initial_sfens=[WHITE_TO_MOVE])
    env.reset(seed=1)
    assert env.agent_selection == "player_1"
    env.step(label("5a5b", white=True))
    assert env.agent_selection == "player_0"


def test_each_player_sees_the_board_from_its_own_side() -> None:
    env = ShogiAEC(initial_sfens=[MATE_IN_ONE])
    env.reset(seed=1)
    mover, waiting = env.observe("player_0"), env.observe("player_1")
    own_pawn, enemy_pawn = 0, 14
    # Black's pawn on 5c is two squares ahead of White's king, on 5g in White's view.
    assert np.argwhere(mover["observation"][own_pawn]).tolist() == [[4, 2]]
    assert np.argwhere(waiting["observation"][enemy_pawn]).tolist() == [[4, 6]]
    assert not waiting["observation"][own_pawn].any()
    assert mover["observation"][COLOUR_PLANE, 0, 0] == 0
    assert waiting["observation"][COLOUR_PLANE, 0, 0] == 1
    assert mover["action_mask"].any()
    assert not waiting["action_mask"].any()


def test_an_illegal_action_leaves_the_game_alone() -> None:
    env = ShogiAEC()
    env.reset(seed=1)
    with pytest.raises(IllegalActionError):
        env.step(0)
    assert env.agent_selection == "player_0"
    env.step(label("7g7f", white=False))
    assert env.agent_selection == "player_1"
