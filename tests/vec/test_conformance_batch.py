"""The conformance data once more, through the batch: it must judge as one board does."""

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.shogi import Termination
from keisei.vec import ShogiVectorEnv
from tests.conformance import Record, with_contested
from tests.vec.games import label

MAX_PLIES = 512
OVER_AT_THE_START = [r for r in with_contested("games") if r["result"]["ply"] == 0]
GAMES = [r for r in with_contested("games") if r["result"]["ply"] > 0]
COLOURS = {"b": 0, "w": 1, None: -1}


def test_legal_masks_and_checks_of_all_positions() -> None:
    running = [record for record in with_contested("legal_moves") if record["n"]]
    sfens = [record["sfen"] for record in running]
    env = ShogiVectorEnv(len(sfens), obs="compact", initial_sfens=sfens, declaration="off")
    obs, _ = env.reset(seed=0)
    masks = env.action_masks()
    for index, record in enumerate(running):
        white = record["sfen"].split(" ")[1] == "w"
        labels = sorted(label(usi, white=white) for usi in record["legal"])
        assert np.flatnonzero(masks[index]).tolist() == labels, record["id"]
    assert obs["state"][:, 95].tolist() == [record["in_check"] for record in running]


def _labels(record: Record) -> list[int]:
    """Action labels of all moves of a game."""
    white_first = record["start"].split(" ")[1] == "w"
    moves: list[str] = record["moves"]
    return [label(usi, white=white_first ^ (ply % 2 == 1)) for ply, usi in enumerate(moves)]


def _replay(last_ply: list[int], declaration: str) -> dict[str, NDArray[np.int64]]:
    """Replays all games in one batch, asserting that none ends early; what their ends say."""
    env = ShogiVectorEnv(
        len(GAMES),
        obs="compact",
        max_plies=MAX_PLIES,
        initial_sfens=[record["start"] for record in GAMES],
        declaration=declaration,
    )
    env.reset(seed=0)
    labels = [_labels(record) for record in GAMES]
    ends = {
        name: np.full(len(GAMES), -9)
        for name in ("reward", "termination", "winner", "plies", "truncated")
    }
    for ply in range(max(last_ply)):
        # A slot whose game is over plays a game of its own that nobody looks at.
        actions = env.sample_actions()
        running = np.array([ply < last for last in last_ply])
        for index in np.flatnonzero(running):
            actions[index] = labels[index][ply]
        _, rewards, terminations, truncations, infos = env.step(actions)
        due = np.array([ply + 1 == last for last in last_ply])
        np.testing.assert_array_equal((terminations | truncations)[running], due[running])
        assert not rewards[running & ~due].any()
        assert not (terminations & truncations).any()
        if due.any():
            final = infos["final_info"]
            ends["reward"][due] = rewards[due]
            ends["truncated"][due] = truncations[due]
            for name in ("termination", "winner", "plies"):
                ends[name][due] = final[name][due]
    return ends


def _reward(record: Record, winner: str | None, ply: int) -> int:
    """What the player who moved last must get."""
    first: str = record["start"].split(" ")[1]
    mover = first if ply % 2 else {"b": "w", "w": "b"}[first]
    return 0 if winner is None else 1 if winner == mover else -1


def test_games_over_at_the_start_are_refused() -> None:
    assert OVER_AT_THE_START
    for record in OVER_AT_THE_START:
        with pytest.raises(ValueError, match=record["result"]["reason"].upper()):
            ShogiVectorEnv(1, initial_sfens=[record["start"]])


def test_games_in_lock_step_without_declaration() -> None:
    ends = _replay([record["result"]["ply"] for record in GAMES], "off")
    for index, record in enumerate(GAMES):
        result = record["result"]
        expected = {
            "termination": Termination[result["reason"].upper()],
            "winner": COLOURS[result["winner"]],
            "plies": result["ply"],
            "truncated": result["truncated"],
            "reward": _reward(record, result["winner"], result["ply"]),
        }
        assert {name: ends[name][index] for name in expected} == expected, record["id"]


def test_games_in_lock_step_with_declaration() -> None:
    declared = [index for index, record in enumerate(GAMES) if record["declaration"]]
    plies = [(record["declaration"] or {"ply": record["result"]["ply"]})["ply"] for record in GAMES]
    ends = _replay(plies, "auto")
    for index in declared:
        winner = GAMES[index]["declaration"]["winner"]
        assert ends["termination"][index] == Termination.DECLARATION
        assert ends["winner"][index] == COLOURS[winner]
        assert ends["reward"][index] == -1  # the player to move declares: the last mover lost
        assert not ends["truncated"][index]
