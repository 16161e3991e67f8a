import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.evaluation import match
from keisei.evaluation.match import MatchResult, Record, play_match, wilson_interval
from keisei.evaluation.players import RandomPlayer
from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.shogi.features import MASK_BYTES, STATE_SIZE, TO_MOVE


class ScriptedEnv:
    """Games whose length and winner are written down: game g of board i by a formula.

    Board i's games take 2 + 5 * (i % 3) + g plies; Black wins the short ones, White the others.
    """

    def __init__(self, num_envs: int, **_: object) -> None:
        self.num_envs = num_envs
        self.game = np.zeros(num_envs, dtype=np.int64)
        self.ply = np.zeros(num_envs, dtype=np.int64)
        self.closed = False

    @staticmethod
    def length(board: int, game: int) -> int:
        return 2 + 5 * (board % 3) + game

    @staticmethod
    def winner(board: int, game: int) -> int:
        return BLACK if ScriptedEnv.length(board, game) < 6 else WHITE

    def reset(self, *, seed: int) -> tuple[dict[str, NDArray[np.uint8]], dict[str, Any]]:
        assert seed == 11
        return self.obs(), {}

    def obs(self) -> dict[str, NDArray[np.uint8]]:
        state = np.zeros((self.num_envs, STATE_SIZE), dtype=np.uint8)
        state[:, TO_MOVE] = self.ply % 2
        return {
            "state": state,
            "action_mask_bits": np.full((self.num_envs, MASK_BYTES), 255, dtype=np.uint8),
        }

    def sample_actions(self) -> NDArray[np.int64]:
        return np.zeros(self.num_envs, dtype=np.int64)

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, ...]:
        assert actions.shape == (self.num_envs,)
        self.ply += 1
        lengths = np.array([self.length(i, int(g)) for i, g in enumerate(self.game)])
        ended = self.ply >= lengths
        winners = [self.winner(i, int(g)) for i, g in enumerate(self.game)]
        infos: dict[str, Any] = {}
        if ended.any():
            infos["final_info"] = {
                "winner": np.array(winners, dtype=np.int8),
                "termination": np.full(self.num_envs, Termination.CHECKMATE, dtype=np.uint8),
                "plies": lengths.astype(np.int32),
            }
        self.game += ended
        self.ply[ended] = 0
        return self.obs(), np.zeros(self.num_envs), ended, np.zeros_like(ended), infos

    def close(self) -> None:
        self.closed = True


class Countdown:
    """Plays action 1 and counts the positions it was asked about, by who is to move."""

    def __init__(self) -> None:
        self.asked = [0, 0]

    def choose(self, state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> NDArray[np.int64]:
        assert len(state) == len(mask_bits) > 0
        for colour in (BLACK, WHITE):
            self.asked[colour] += int(np.count_nonzero(state[:, TO_MOVE] == colour))
        return np.ones(len(state), dtype=np.int64)


@pytest.mark.parametrize(("num_games", "num_envs"), [(1, 1), (7, 3), (12, 4), (10, 64), (9, 2)])
def test_every_game_that_is_started_counts_once_whatever_its_length(
    monkeypatch: pytest.MonkeyPatch, num_games: int, num_envs: int
) -> None:
    monkeypatch.setattr(match, "ShogiVectorEnv", ScriptedEnv)
    player_a, player_b = Countdown(), Countdown()
    result = play_match(player_a, player_b, num_games, num_envs=num_envs, seed=11)

    boards = min(num_envs, num_games)
    expected: dict[tuple[int, int], int] = {}
    plies = {BLACK: 0, WHITE: 0}
    for number in range(num_games):
        game, board = divmod(number, boards)
        colour_of_a = BLACK if number % 2 == 0 else WHITE
        won = ScriptedEnv.winner(board, game) == colour_of_a
        expected[colour_of_a, won] = expected.get((colour_of_a, won), 0) + 1
        plies[colour_of_a] += ScriptedEnv.length(board, game)
    for colour, record in ((BLACK, result.as_black), (WHITE, result.as_white)):
        assert record.wins == expected.get((colour, True), 0)
        assert record.losses == expected.get((colour, False), 0)
        assert record.draws == 0
    assert result.total.games == num_games
    assert abs(result.as_black.games - result.as_white.games) <= 1
    assert result.ends == {"checkmate": num_games}
    assert result.mean_plies == sum(plies.values()) / num_games
    # Nobody is asked about games that do not count.
    assert sum(player_a.asked) + sum(player_b.asked) == sum(plies.values())


def test_games_of_random_players_are_real_and_repeatable() -> None:
    def play() -> MatchResult:
        return play_match(RandomPlayer(1), RandomPlayer(2), 12, num_envs=5, max_plies=60, seed=3)

    result = play()
    assert result == play()
    assert result.total.games == 12
    assert result.as_black.games == result.as_white.games == 6
    assert sum(result.ends.values()) == 12
    assert 0 < result.mean_plies <= 60
    assert result.total.draws >= result.ends.get("max_plies", 0)


def test_a_cap_of_a_few_plies_draws_every_game() -> None:
    result = play_match(RandomPlayer(1), RandomPlayer(2), 6, num_envs=4, max_plies=2, seed=0)
    assert result.total == Record(wins=0, draws=6, losses=0)
    assert result.ends == {"max_plies": 6}
    assert result.mean_plies == 2.0
    assert result.score == 0.5


@pytest.mark.parametrize("sizes", [{"num_games": 0}, {"num_games": 4, "num_envs": 0}])
def test_matches_of_nothing_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"at least 1 (game|board), not 0"):
        play_match(RandomPlayer(1), RandomPlayer(2), **sizes)


def test_wilson_interval_has_the_textbook_values() -> None:
    assert wilson_interval(0.5, 100) == pytest.approx((0.40383, 0.59617), abs=1e-5)
    # All of ten won: low = 10 / (10 + z squared), with z squared = 3.84146.
    assert wilson_interval(1.0, 10) == pytest.approx((0.722467, 1.0), abs=1e-6)
    assert wilson_interval(0.0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)


RESULT = MatchResult(
    as_black=Record(wins=6, draws=2, losses=2),
    as_white=Record(wins=4, draws=1, losses=5),
    ends={"checkmate": 17, "max_plies": 3},
    mean_plies=101.25,
)


def test_the_score_counts_a_draw_as_half() -> None:
    assert RESULT.total == Record(wins=10, draws=3, losses=7)
    assert RESULT.score == 11.5 / 20
    assert RESULT.as_black.score == 0.7


def test_the_report_tells_score_interval_colours_and_ends() -> None:
    assert RESULT.report("policy", "random").splitlines() == [
        "policy against random: 20 games",
        "  score    57.5%  (95% Wilson interval 36.4% to 76.2%)",
        "  result   +10 =3 -7  (won, drawn, lost)",
        "  as Black +6 =2 -2",
        "  as White +4 =1 -5",
        "  ends     checkmate 17, max plies 3",
        "  length   101.2 plies on average",
    ]


def test_json_and_metrics_hold_the_same_numbers() -> None:
    data = json.loads(json.dumps(RESULT.to_json_dict()))
    metrics = RESULT.metrics()
    for name in ("score", "games", "wins", "draws", "losses", "mean_plies"):
        assert data[name] == metrics[name]
    assert data["interval"]["low"] == metrics["score_low"]
    assert data["interval"]["high"] == metrics["score_high"]
    assert data["as_white"] == {"wins": 4, "draws": 1, "losses": 5}
    assert data["ends"] == {"checkmate": 17, "max_plies": 3}
