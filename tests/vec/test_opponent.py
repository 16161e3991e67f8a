"""An opponent inside the step: seats, rewards, ends, and the learner's view of them."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from keisei.shogi import BLACK, WHITE, Board, Termination
from keisei.vec import Opponent, OpponentVectorEnv, ShogiVectorEnv
from tests.vec.games import (
    BARE_KINGS,
    MATE_IN_ONE,
    WHITE_WILL_DECLARE,
    action,
    compact_state,
    label,
    legal_mask,
    plane_maxima,
    planes,
)

MODES = ["SameStep", "NextStep", "Disabled"]
WHITE_WILL_MATE = "4k4/9/9/9/9/9/P3p4/9/4K4 b g 1"
"""White mates by G*5h."""
WHITE_IS_BEFORE_THE_ZONE = "8K/9/9/9/9/k8/1+p+p+p+p+p3/+p+p+p+p+p4/9 w 2r2b 1"
"""After 9f9g and a move of Black's, White may declare a win."""
PERPETUAL = "8k/9/9/9/9/9/9/7R1/4K4 b - 1"
"""Black's rook checks on 1h and 2h, White's king goes between 1a and 2a."""


def plays(colour: int, *moves: str) -> Opponent:
    """An opponent that plays the first of these moves that it can, else the lowest label."""
    labels = [label(usi, white=colour == WHITE) for usi in moves]

    def choose(obs: Any, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        del obs
        return np.array([next((a for a in labels if row[a]), row.argmax()) for row in masks])

    return choose


def lowest(obs: Any, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The legal action of the lowest label."""
    del obs
    return masks.argmax(axis=1)


class Case(NamedTuple):
    """A game of the learner's moves and an opponent's replies, and how it ends."""

    start: str
    seat: int
    opponent: Opponent
    moves: list[str]
    termination: Termination
    winner: int
    plies: int
    max_plies: int = 40


CASES = {
    "learner mates": Case(
        MATE_IN_ONE, BLACK, lowest, ["G*5b"], Termination.CHECKMATE, BLACK, plies=1
    ),
    "opponent mates": Case(
        WHITE_WILL_MATE,
        BLACK,
        plays(WHITE, "G*5h"),
        ["9g9f"],
        Termination.CHECKMATE,
        WHITE,
        plies=2,
    ),
    "opponent declares": Case(
        WHITE_WILL_DECLARE, BLACK, lowest, ["1a1b"], Termination.DECLARATION, WHITE, plies=1
    ),
    "learner declares": Case(
        WHITE_IS_BEFORE_THE_ZONE,
        WHITE,
        lowest,
        ["9f9g"],
        Termination.DECLARATION,
        WHITE,
        plies=2,
    ),
    "learner evades perpetual check": Case(
        PERPETUAL,
        WHITE,
        plays(BLACK, "2h1h", "1h2h"),
        ["1a2a", "2a1a"] * 3,
        Termination.PERPETUAL_CHECK,
        WHITE,
        plies=12,
    ),
    "learner gives perpetual check": Case(
        PERPETUAL,
        BLACK,
        plays(WHITE, "1a2a", "2a1a"),
        ["2h1h", "1h2h"] * 3,
        Termination.PERPETUAL_CHECK,
        WHITE,
        plies=12,
    ),
    "repetition after the opponent's move": Case(
        BARE_KINGS,
        BLACK,
        plays(WHITE, "5a5b", "5b5a"),
        ["5i5h", "5h5i"] * 3,
        Termination.SENNICHITE,
        -1,
        plies=12,
    ),
    "cap at the learner's move": Case(
        BARE_KINGS, BLACK, lowest, ["5i5h"], Termination.MAX_PLIES, -1, plies=1, max_plies=1
    ),
    "cap at the opponent's move": Case(
        BARE_KINGS, BLACK, lowest, ["5i5h"], Termination.MAX_PLIES, -1, plies=2, max_plies=2
    ),
    "cap at the learner's move as White": Case(
        BARE_KINGS, WHITE, lowest, ["5a5b"], Termination.MAX_PLIES, -1, plies=2, max_plies=2
    ),
}


def _env(
    starts: list[str], opponent: Any, seats: str, num_envs: int = 1, **settings: Any
) -> OpponentVectorEnv:
    given: dict[str, Any] = {"obs": "compact", "initial_sfens": starts, **settings}
    return OpponentVectorEnv(ShogiVectorEnv(num_envs, **given), opponent, seats)


def _replies_on(board: Board, opponent: Opponent) -> None:
    """Play an opponent's move on a board."""
    masks = legal_mask(board)[None]
    board.push_action(int(opponent({}, masks)[0]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", list(CASES))
def test_rewards_and_last_positions_are_the_learners(name: str, mode: str) -> None:
    case = CASES[name]
    seats = "black" if case.seat == BLACK else "white"
    env = _env([case.start], case.opponent, seats, max_plies=case.max_plies, autoreset_mode=mode)
    obs, infos = env.reset(seed=0)
    assert infos == {}
    board = Board(case.start)
    if board.turn != case.seat:
        _replies_on(board, case.opponent)
    first = obs["state"][0].copy()
    np.testing.assert_array_equal(first, compact_state(board, case.max_plies))
    result: tuple[Any, ...] = ()
    for number, usi in enumerate(case.moves):
        result = env.step(np.array([action(board, usi)]))
        board.push_usi(usi)
        if board.ply < case.plies:
            _replies_on(board, case.opponent)
        if number < len(case.moves) - 1:
            assert [array.tolist() for array in result[1:4]] == [[0.0], [False], [False]]
            assert result[4] == {}

    obs, rewards, terminations, truncations, infos = result
    reward = 0.0 if case.winner == -1 else 1.0 if case.winner == case.seat else -1.0
    capped = case.termination == Termination.MAX_PLIES
    assert (rewards.tolist(), rewards.dtype) == ([reward], np.float32)
    assert (terminations.tolist(), truncations.tolist()) == ([not capped], [capped])
    final = {key: array.tolist() for key, array in infos["final_info"].items()}
    expected = {
        "termination": [case.termination],
        "winner": [case.winner],
        "plies": [case.plies],
        "seat": [case.seat],
        "result": [reward],
        "opponent": [0],
    }
    assert final == expected | {"_" + key: [True] for key in expected}
    assert infos["_final_info"].tolist() == [True]

    last = infos["final_obs"][0] if mode == "SameStep" else {k: v[0] for k, v in obs.items()}
    view = compact_state(board, case.max_plies, seat=case.seat)
    np.testing.assert_array_equal(last["state"], view)
    legal = legal_mask(board) if board.turn == case.seat else np.zeros(2187, np.bool_)
    bits = np.packbits(legal, bitorder="little")
    np.testing.assert_array_equal(last["action_mask_bits"], bits)
    if mode != "SameStep":
        np.testing.assert_array_equal(env.action_masks()[0], legal)
    _assert_begins_anew(env, mode, obs, first)


def _assert_begins_anew(env: Any, mode: str, obs: dict[str, Any], first: NDArray[np.uint8]) -> None:
    """The one start position comes back as the mode says."""
    if mode == "NextStep":
        obs, rewards, terminations, truncations, infos = env.step(np.array([-1]))
        assert [rewards[0], terminations[0], truncations[0]] == [0.0, False, False]
        assert infos == {}
    elif mode == "Disabled":
        with pytest.raises(ResetNeeded, match="Game 0"):
            env.step(np.array([0]))
        obs, _ = env.reset(options={"reset_mask": np.array([True])})
    np.testing.assert_array_equal(obs["state"][0], first)


@pytest.mark.parametrize("mode", MODES)
def test_an_opening_that_mates_does_not_hide_the_end_before_it(mode: str) -> None:
    mated_at_once = "4k4/9/9/9/9/9/4p4/9/4K4 w g 1"
    starts = [WHITE_WILL_MATE, mated_at_once, BARE_KINGS]
    env: Any = _env(starts, plays(WHITE, "G*5h"), "black", autoreset_mode=mode)
    env.reset(seed=0)
    mated = action(Board(WHITE_WILL_MATE), "9g9f")
    obs, rewards, terminations, _, infos = env.step(np.array([mated]))
    assert (rewards.tolist(), terminations.tolist()) == ([-1.0], [True])
    assert infos["final_info"]["plies"].tolist() == [2]
    if mode == "NextStep":
        obs, rewards, terminations, _, infos = env.step(np.array([mated]))
        assert (rewards.tolist(), terminations.tolist(), infos) == ([0.0], [False], {})
    if mode == "Disabled":
        obs, _ = env.reset(options={"reset_mask": np.array([True])})
    np.testing.assert_array_equal(obs["state"][0], compact_state(Board(BARE_KINGS), 512))


class Referee:
    """One game a slot on boards: a learner that is told its seat, and an opponent's replies."""

    def __init__(self, starts: list[str], max_plies: int, opponent: Opponent) -> None:
        self._starts = starts
        self._max_plies = max_plies
        self._opponent = opponent
        self._begun = -1
        self.board = Board()
        self.seat = BLACK

    def begin(self, slot: int, seat: int) -> None:
        """The slot's next game, after the opponent's opening move if there is one."""
        self._begun += 1
        self.board = Board(self._starts[(slot + self._begun) % len(self._starts)])
        self.seat = seat
        if self.board.turn != seat:
            _replies_on(self.board, self._opponent)

    def play(self, chosen: int) -> tuple[float, bool, bool]:
        """Reward, termination and truncation of the learner's action and the reply."""
        self.board.push_action(chosen)
        outcome = self.board.outcome(max_plies=self._max_plies, declaration=True)
        if outcome is None:
            _replies_on(self.board, self._opponent)
            outcome = self.board.outcome(max_plies=self._max_plies, declaration=True)
        if outcome is None:
            return 0.0, False, False
        capped = outcome.termination == Termination.MAX_PLIES
        won = 0.0 if outcome.winner is None else 1.0 if outcome.winner == self.seat else -1.0
        return won, not capped, capped

    def state(self) -> NDArray[np.uint8]:
        return compact_state(self.board, self._max_plies, seat=self.seat)

    def mask(self) -> NDArray[np.bool_]:
        if self.board.turn == self.seat:
            return legal_mask(self.board)
        return np.zeros(2187, np.bool_)


FIRST = {("random", "SameStep"), ("black", "NextStep"), ("white", "Disabled"),
         ("alternate", "Disabled")}  # fmt: skip
"""Pairs of seats and modes in which each comes once at least; the other ones take as long."""


@pytest.mark.parametrize(
    ("seats", "mode"),
    [
        pytest.param(*pair, marks=[] if pair in FIRST else pytest.mark.slow)
        for pair in product(("random", "black", "white", "alternate"), MODES)
    ],
)
def test_games_are_those_of_boards(seats: str, mode: str) -> None:
    starts = [BARE_KINGS, PERPETUAL, "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/9/1B5R1/LNSGKGSNL w - 1"]
    max_plies, num_envs = 7, 5
    env = _env(starts, lowest, seats, num_envs, max_plies=max_plies, autoreset_mode=mode)
    obs, _ = env.reset(seed=11)
    referees = [Referee(starts, max_plies, lowest) for _ in range(num_envs)]
    for slot, referee in enumerate(referees):
        referee.begin(slot, int(env.seats[slot]))
    over = np.zeros(num_envs, np.bool_)
    seen_seats = [env.seats]
    for _ in range(40):
        np.testing.assert_array_equal(obs["state"], np.stack([r.state() for r in referees]))
        np.testing.assert_array_equal(env.action_masks(), np.stack([r.mask() for r in referees]))
        chosen = env.sample_actions()
        results = [
            (0.0, False, False) if over[slot] else referee.play(int(chosen[slot]))
            for slot, referee in enumerate(referees)
        ]
        obs, rewards, terminations, truncations, infos = env.step(chosen)
        assert rewards.tolist() == [result[0] for result in results]
        assert terminations.tolist() == [result[1] for result in results]
        assert truncations.tolist() == [result[2] for result in results]
        ended = terminations | truncations
        if mode == "SameStep":
            begun = ended
            for slot in np.flatnonzero(ended):
                last = infos["final_obs"][slot]["state"]
                np.testing.assert_array_equal(last, referees[slot].state())
        else:
            begun, over = over, ended
        if mode == "Disabled" and over.any():
            np.testing.assert_array_equal(obs["state"], np.stack([r.state() for r in referees]))
            obs, _ = env.reset(options={"reset_mask": over})
            begun, over = over, np.zeros_like(over)
        seen_seats.append(env.seats)
        for slot in np.flatnonzero(begun):
            referees[slot].begin(int(slot), int(env.seats[slot]))
    assert {int(seat) for row in seen_seats for seat in row} == {
        "black": {BLACK},
        "white": {WHITE},
    }.get(seats, {BLACK, WHITE})


@pytest.mark.parametrize(
    ("form", "dtype"), [("dict", "uint8"), ("box", "uint8"), ("dict", "float32")]
)
@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
@pytest.mark.parametrize("copy", [True, False])
def test_last_positions_as_planes(form: str, dtype: str, mode: str, copy: bool) -> None:
    start = MATE_IN_ONE.replace(" G ", " G2Prb2n ")
    env: Any = _env(
        [start], lowest, "black", 2, obs=form, dtype=dtype, autoreset_mode=mode, copy=copy
    )
    env.reset(seed=0)
    board = Board(start)
    mate, quiet = action(board, "G*5b"), action(board, "5i5h")
    obs, *_, infos = env.step(np.array([quiet, mate]))
    last = infos["final_obs"][1] if mode == "SameStep" else obs
    if mode == "Disabled":
        last = obs[1] if form == "box" else {key: array[1] for key, array in obs.items()}
    board.push_usi("G*5b")
    expected: NDArray[Any] = planes(compact_state(board, 512, seat=BLACK))
    if dtype == "float32":
        expected = expected / plane_maxima()[:, None, None]
    if form == "dict":
        assert not last["action_mask"].any()
        last = last["observation"]
    np.testing.assert_array_equal(last, expected)
    assert env.env.board(0).turn == BLACK  # the other game goes on
    assert env.env.placement(0).move_number == 3
