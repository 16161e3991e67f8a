import cshogi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keisei.evaluation.match import play_match
from keisei.evaluation.mate_watch import MateWatch
from keisei.games.children import Lookahead
from keisei.players.greedy import GreedyPlayer
from keisei.players.positions import Positions
from keisei.players.simple import RandomPlayer
from keisei.shogi import Board, Termination
from keisei.vec import ShogiVectorEnv


def has_mate(sfen: str) -> bool:
    env = ShogiVectorEnv(1, obs="compact", initial_sfens=[sfen], declaration="off")
    obs, _ = env.reset(seed=0)
    assert isinstance(obs, dict)
    return bool(Lookahead().has_mate(obs["state"], obs["action_mask_bits"])[0])


@pytest.mark.parametrize(
    "sfen",
    [
        "4k4/9/4P4/9/9/9/9/9/4K4 b G 1",  # G*5b
        "4k4/9/3PPP3/9/9/9/9/9/K8 b G 1",  # G*5b, three ways to protect it
        # The bishop moves away, and the lance behind it mates.
        "3lkl3/3p1p3/4B4/9/9/9/9/4L4/K8 b - 1",
        # White mates on its last rank.
        "4k4/9/9/9/9/9/4p4/9/4K4 w g 1",  # G*5h
        # Two drops and a move mate.
        "k8/9/1G7/9/9/9/9/9/1R2K4 b G 1",
    ],
)
def test_positions_with_a_mate(sfen: str) -> None:
    assert mates_of_cshogi(sfen)
    assert has_mate(sfen)


@pytest.mark.parametrize(
    "sfen",
    [
        "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
        # A pawn dropped in front of the king would mate, which is forbidden.
        "3lkl3/3p1p3/4K4/9/9/9/9/9/9 b P 1",
        # The gold's check can be answered by taking it, for nothing holds it.
        "4k4/9/9/9/9/9/9/9/4K4 b G 1",
        # A rook's drop would give check from afar, but the king steps aside.
        "4k4/9/9/9/9/9/9/9/4K4 b R 1",
        # The corner king can be left without a move, which wins, but is no mate.
        "k8/9/9/G8/9/9/9/9/1R2K4 b - 1",
    ],
)
def test_positions_without_a_mate(sfen: str) -> None:
    assert not mates_of_cshogi(sfen)
    assert not has_mate(sfen)


def mates_of_cshogi(sfen: str) -> set[str]:
    board = cshogi.Board(sfen)
    mates: set[str] = set()
    for move in list(board.legal_moves):
        board.push(move)
        if board.is_check() and not len(board.legal_moves):
            mates.add(cshogi.move_to_usi(move))
        board.pop()
    return mates


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_they_are_those_of_cshogi_in_games_with_captures(seed: int) -> None:
    env = ShogiVectorEnv(16, obs="compact", declaration="off")
    obs, _ = env.reset(seed=seed)
    player, rng, finder = GreedyPlayer(seed), np.random.default_rng(seed), Lookahead()
    for ply in range(120):
        assert isinstance(obs, dict)
        if ply % 6 == 5:
            found = finder.has_mate(obs["state"], obs["action_mask_bits"])
            for game in range(16):
                assert found[game] == bool(mates_of_cshogi(env.board(game).sfen()))
        actions = env.sample_actions()
        if ply % 2:
            chosen = player.choose(Positions(obs["state"], obs["action_mask_bits"]))
            actions = np.where(rng.random(16) < 0.6, chosen, actions)
        obs, *_ = env.step(actions)


def test_many_positions_at_once_are_judged_as_one_by_one() -> None:
    env = ShogiVectorEnv(300, obs="compact", initial_sfens=["4k4/9/4P4/9/9/9/9/9/4K4 b 2G2S2N 1"])
    obs, _ = env.reset(seed=3)
    obs, *_ = env.step(env.sample_actions())
    obs, *_ = env.step(env.sample_actions())
    assert isinstance(obs, dict)
    state, mask_bits = obs["state"], obs["action_mask_bits"]
    finder = Lookahead()
    together = finder.has_mate(state, mask_bits)
    apart = [finder.has_mate(state[i : i + 1], mask_bits[i : i + 1])[0] for i in range(300)]
    assert together.tolist() == apart
    assert 0 < together.sum() < 300


def test_a_match_notes_every_chance_and_nothing_in_openings() -> None:
    result = play_match(MateWatch(RandomPlayer(1)), MateWatch(GreedyPlayer(2)), 12, seed=5)
    for game in result.games:
        board = Board()
        chances: list[int] = []
        for ply, move in enumerate(game.moves):
            if ply >= 4 and mates_of_cshogi(board.sfen()):
                chances.append(ply)
            board.push(move)
        assert game.mate_chances == chances
    greedy = result.mates_of_b
    assert greedy.chances == greedy.taken > 0
    assert greedy.taken >= result.ends[Termination.CHECKMATE.name.lower()] - result.total.wins
