import cshogi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keisei.evaluation.match import MatchRules, play_match
from keisei.games.labels import moves_of
from keisei.players.greedy import PIECE_VALUES, GreedyPlayer
from keisei.players.positions import Positions
from keisei.players.simple import RandomPlayer
from keisei.shogi.constants import DRAGON, GOLD, HORSE, PAWN, PROMOTED
from keisei.shogi.features import MASK_BYTES, STATE_SIZE
from keisei.vec import ShogiVectorEnv

# cshogi numbers pieces as we do, White's from 17 on.
VALUES = {1: 1, 2: 3, 3: 4, 4: 5, 5: 8, 6: 10, 7: 6, 9: 7, 10: 6, 11: 6, 12: 6, 13: 10, 14: 12}
WIN = 1000


def reference(sfen: str) -> set[str]:
    """The moves among which a greedy player chooses, found with cshogi."""
    board = cshogi.Board(sfen)
    values: dict[str, int] = {}
    for move in list(board.legal_moves):
        usi = cshogi.move_to_usi(move)
        square = 9 * (int(usi[2]) - 1) + "abcdefghi".index(usi[3])
        values[usi] = VALUES.get(board.pieces[square] % 16, 0)
        board.push(move)
        if not len(board.legal_moves):
            values[usi] = WIN
        board.pop()
    best = max(values.values())
    return {usi for usi, value in values.items() if value == best}


def choices(sfen: str, times: int, seed: int = 0) -> set[str]:
    """What a greedy player chooses in many copies of a position."""
    env = ShogiVectorEnv(1, obs="compact", initial_sfens=[sfen], declaration="off")
    obs, _ = env.reset(seed=0)
    assert isinstance(obs, dict)
    state = np.repeat(obs["state"], times, axis=0)
    mask_bits = np.repeat(obs["action_mask_bits"], times, axis=0)
    actions = GreedyPlayer(seed).choose(Positions(state, mask_bits))
    return {move.usi() for move in moves_of(state, actions)}


@settings(max_examples=3)
@given(st.integers(0, 2**32 - 1))
def test_the_moves_are_those_of_cshogi_in_random_games(seed: int) -> None:
    env = ShogiVectorEnv(4, obs="compact", declaration="off")
    obs, _ = env.reset(seed=seed)
    player = GreedyPlayer(seed)
    for ply in range(90):
        assert isinstance(obs, dict)
        actions = env.sample_actions()
        if ply % 10 > 5:
            actions = player.choose(Positions(obs["state"], obs["action_mask_bits"]))
            moves = moves_of(obs["state"], actions)
            for game, move in enumerate(moves):
                assert move.usi() in reference(env.board(game).sfen())
        obs, *_ = env.step(actions)


@pytest.mark.parametrize(
    ("sfen", "best"),
    [
        # Only mate; a drop of the pawn in front of the king would be uchifuzume.
        ("4k4/9/4P4/9/9/9/9/9/4K4 b GP 1", {"G*5b"}),
        # The rook is worth more than the bishop, the promoted bishop as much as the rook.
        ("k8/9/9/3r1b3/4G4/9/9/9/4K4 b - 1", {"5e6d"}),
        ("k8/9/9/3r1+b3/4G4/9/9/9/4K4 b - 1", {"5e6d", "5e4d"}),
        # For White; both ways of taking are equal, with promotion or without.
        ("4k4/9/9/9/9/5s3/4P4/9/K8 w - 1", {"4f5g", "4f5g+"}),
    ],
)
def test_known_positions_have_known_moves(sfen: str, best: set[str]) -> None:
    assert reference(sfen) == best
    assert choices(sfen, 200) == best


def test_without_captures_every_legal_move_is_played() -> None:
    sfen = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"
    assert choices(sfen, 2000) == reference(sfen)
    assert len(reference(sfen)) == 30


def test_many_positions_at_once_are_as_good_as_one_after_the_other() -> None:
    env = ShogiVectorEnv(200, obs="compact")
    obs, _ = env.reset(seed=3)
    for _ in range(60):
        obs, *_ = env.step(env.sample_actions())
    assert isinstance(obs, dict)
    together = GreedyPlayer(1).choose(Positions(obs["state"], obs["action_mask_bits"]))
    single = GreedyPlayer(1)
    apart = [
        int(
            single.choose(Positions(obs["state"][i : i + 1], obs["action_mask_bits"][i : i + 1]))[0]
        )
        for i in range(200)
    ]
    assert together.tolist() == apart


def test_values_rank_the_pieces() -> None:
    assert PIECE_VALUES[HORSE] > PIECE_VALUES[GOLD] > PIECE_VALUES[PAWN] > 0
    assert PIECE_VALUES[DRAGON] == max(PIECE_VALUES)
    assert PIECE_VALUES[PAWN + PROMOTED] > PIECE_VALUES[GOLD]


def test_a_game_that_is_over_is_refused() -> None:
    over = Positions(np.zeros((1, STATE_SIZE), np.uint8), np.zeros((1, MASK_BYTES), np.uint8))
    with pytest.raises(ValueError, match="position 0 has no legal action"):
        GreedyPlayer(0).choose(over)


def test_it_beats_the_random_player_from_both_sides() -> None:
    result = play_match(GreedyPlayer(1), RandomPlayer(2), 40, rules=MatchRules(), seed=1)
    assert result.score > 0.95
    assert result.as_black.games == result.as_white.games == 20
