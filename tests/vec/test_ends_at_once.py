"""Seven games whose last ply meets the cap and another end as well, in all modes of autoreset.

Every game has a second reason to end at ply 12 save the one that runs into the cap alone. (A mate
or a declaration never comes with a fourth occurrence: the first one would have ended the game.)
"""

from typing import Any, NamedTuple

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from keisei.shogi import BLACK, WHITE, Board, Termination
from keisei.vec import ShogiVectorEnv
from tests.vec.games import BARE_KINGS, action, compact_state, legal_mask

MODES = ["SameStep", "NextStep", "Disabled"]
PLIES = 12
NOBODY = -1


class Game(NamedTuple):
    """A start, twelve moves, and how they end: reward of the player who made the last one."""

    start: str
    moves: list[str]
    termination: Termination
    winner: int
    reward: float


def _in_turn(first: str, second: str) -> list[str]:
    """Moves of two players, each in one string, in turn."""
    pairs = zip(first.split(), second.split(), strict=True)
    return [usi for pair in pairs for usi in pair]


BLACK_WALKS = "5i5h 5h5g 5g5f 5f5e 5e5d"
GAMES = [
    Game(BARE_KINGS, ["5i5h", "5a5b", "5h5i", "5b5a"] * 3, Termination.SENNICHITE, NOBODY, 0.0),
    Game(
        "8k/9/9/9/9/9/9/7R1/4K4 b - 1",
        ["2h1h", "1a2a", "1h2h", "2a1a"] * 3,
        Termination.PERPETUAL_CHECK,
        WHITE,
        1.0,
    ),
    Game(
        "8k/9/9/9/9/9/9/8R/4K4 w - 1",
        ["1a2a", "1h2h", "2a1a", "2h1h"] * 3,
        Termination.PERPETUAL_CHECK,
        WHITE,
        -1.0,
    ),
    Game(
        "4k4/9/4P4/9/9/9/9/9/4K4 w G 1",
        _in_turn("5a4a 4a5a 5a4a 4a5a 5a4a 4a5a", BLACK_WALKS + " G*5b"),
        Termination.CHECKMATE,
        BLACK,
        1.0,
    ),
    Game(
        BARE_KINGS,
        _in_turn("5i4i 4i3i 3i2i 2i1i 1i1h 1h1g", "5a6a 6a7a 7a8a 8a9a 9a9b 9b9c"),
        Termination.MAX_PLIES,
        NOBODY,
        0.0,
    ),
    Game(
        "9/1+P+P+P+P+P3/1+P+P+P+P+P3/9/9/9/9/9/K7k b 2R2B 1",
        _in_turn("9i9h 9h9g 9g9f 9f9e 9e9d 9d9c", "1i1h 1h1i 1i1h 1h1i 1i1h 1h1i"),
        Termination.DECLARATION,
        BLACK,
        -1.0,
    ),
    Game(
        "8k/9/6N2/7G1/9/9/9/9/4K4 w - 1",
        _in_turn("1a1b 1b1a 1a1b 1b1a 1a1b 1b1a", BLACK_WALKS + " 2d2c"),
        Termination.STALEMATE,
        BLACK,
        1.0,
    ),
]
NUM_ENVS = len(GAMES)
STARTS = [game.start for game in GAMES]
LOW = np.arange(NUM_ENVS) < 4


def _state(board: Board) -> NDArray[np.uint8]:
    return compact_state(board, PLIES)


def _packed(board: Board) -> NDArray[np.uint8]:
    return np.packbits(legal_mask(board), bitorder="little")


def _states(boards: list[Board]) -> NDArray[np.uint8]:
    return np.stack([_state(board) for board in boards])


def _next_starts() -> NDArray[np.uint8]:
    """States in which the games that follow begin: each slot takes the next start position."""
    return np.roll(_states([Board(start) for start in STARTS]), -1, axis=0)


def _play(mode: str, boards: list[Board]) -> tuple[ShogiVectorEnv, tuple[Any, ...]]:
    """All games up to their ends: the environment and the last step's result.

    At the sixth ply the games move in two halves, one after the other.
    """
    env = ShogiVectorEnv(
        NUM_ENVS, obs="compact", max_plies=PLIES, initial_sfens=STARTS, autoreset_mode=mode
    )
    env.reset(seed=0)
    result: tuple[Any, ...] = ()
    for ply in range(PLIES):
        moves = [game.moves[ply] for game in GAMES]
        chosen = np.array([action(*pair) for pair in zip(boards, moves, strict=True)])
        for active in [LOW, ~LOW] if ply == 5 else [None]:
            result = env.step(chosen, active=active)
            for game in range(NUM_ENVS):
                if active is None or active[game]:
                    boards[game].push_usi(moves[game])
            if ply < PLIES - 1:
                assert result[1].tolist() == [0.0] * NUM_ENVS
                assert not (result[2] | result[3]).any()
                assert result[4] == {}
                np.testing.assert_array_equal(result[0]["state"], _states(boards))
    return env, result


@pytest.mark.parametrize("mode", MODES)
def test_the_last_ply(mode: str) -> None:
    boards = [Board(start) for start in STARTS]
    env, (obs, rewards, terminations, truncations, infos) = _play(mode, boards)
    capped = [game.termination == Termination.MAX_PLIES for game in GAMES]
    assert rewards.tolist() == [game.reward for game in GAMES]
    assert terminations.tolist() == [not each for each in capped]
    assert truncations.tolist() == capped
    final = infos["final_info"]
    assert final["termination"].tolist() == [game.termination for game in GAMES]
    assert final["winner"].tolist() == [game.winner for game in GAMES]
    assert final["plies"].tolist() == [PLIES] * NUM_ENVS
    everywhere = [True] * NUM_ENVS
    for name in ("termination", "winner", "plies"):
        assert final["_" + name].tolist() == everywhere
    assert infos["_final_info"].tolist() == everywhere

    if mode == "SameStep":
        assert infos["_final_obs"].tolist() == everywhere
        finals = {key: np.stack([each[key] for each in infos["final_obs"]]) for key in obs}
        np.testing.assert_array_equal(obs["state"], _next_starts())
    else:
        assert "final_obs" not in infos
        finals = obs
    np.testing.assert_array_equal(finals["state"], _states(boards))
    bits = np.stack([_packed(board) for board in boards])
    np.testing.assert_array_equal(finals["action_mask_bits"], bits)
    assert bits.any(axis=1).tolist() == [
        game.termination not in (Termination.CHECKMATE, Termination.STALEMATE) for game in GAMES
    ]
    if mode == "NextStep":
        obs, rewards, terminations, truncations, infos = env.step(np.full(NUM_ENVS, -1))
        assert rewards.tolist() == [0.0] * NUM_ENVS
        assert not (terminations | truncations).any()
        assert infos == {}
        np.testing.assert_array_equal(obs["state"], _next_starts())


@pytest.mark.parametrize("mode", ["NextStep", "Disabled"])
def test_some_begin_anew_and_the_others_wait(mode: str) -> None:
    boards = [Board(start) for start in STARTS]
    env, (after, *_) = _play(mode, boards)
    # A mate, a declaration and the cap alone.
    mask = np.isin(np.arange(NUM_ENVS), [3, 4, 5])
    obs: Any = env.reset(options={"reset_mask": mask})[0]
    expected = np.where(mask[:, None], _next_starts(), after["state"])
    np.testing.assert_array_equal(obs["state"], expected)

    next_boards = [Board(GAMES[(slot + 1) % NUM_ENVS].start) for slot in range(NUM_ENVS)]
    moves = [GAMES[(slot + 1) % NUM_ENVS].moves[0] for slot in range(NUM_ENVS)]
    chosen = np.array([action(*pair) for pair in zip(next_boards, moves, strict=True)])
    for board, usi in zip(next_boards, moves, strict=True):
        board.push_usi(usi)
    obs, rewards, terminations, truncations, infos = env.step(chosen, active=mask)
    assert rewards.tolist() == [0.0] * NUM_ENVS
    assert not (terminations | truncations).any()
    assert infos == {}
    moved = np.where(mask[:, None], _states(next_boards), after["state"])
    np.testing.assert_array_equal(obs["state"], moved)

    if mode == "Disabled":
        with pytest.raises(ResetNeeded, match="Game 0"):
            env.step(chosen)
        obs = env.reset(options={"reset_mask": ~mask})[0]
    else:
        obs = env.step(np.zeros(NUM_ENVS, np.int64), active=~mask)[0]
    begun = np.where(mask[:, None], _states(next_boards), _next_starts())
    np.testing.assert_array_equal(obs["state"], begun)


@pytest.mark.parametrize("cap", [PLIES - 1, PLIES + 1])
def test_a_cap_one_ply_off(cap: int) -> None:
    env = ShogiVectorEnv(NUM_ENVS, obs="compact", max_plies=cap, initial_sfens=STARTS)
    env.reset(seed=0)
    boards = [Board(start) for start in STARTS]
    ended_by: list[int] = []
    for ply in range(min(cap, PLIES)):
        moves = [game.moves[ply] for game in GAMES]
        chosen = np.array([action(*pair) for pair in zip(boards, moves, strict=True)])
        for board, usi in zip(boards, moves, strict=True):
            board.push_usi(usi)
        infos = env.step(chosen)[4]
        if infos:
            ended_by = infos["final_info"]["termination"].tolist()
    if cap < PLIES:
        assert ended_by == [Termination.MAX_PLIES] * NUM_ENVS
    else:
        capped = Termination.MAX_PLIES
        expected = [game.termination for game in GAMES]
        assert ended_by == [0 if each == capped else each for each in expected]
