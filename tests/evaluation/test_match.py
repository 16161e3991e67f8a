from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.evaluation import match
from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.openings import random_openings
from keisei.evaluation.results import MatchResult, Tally
from keisei.games.standing import Standing
from keisei.players.greedy import GreedyPlayer
from keisei.players.player import Forfeit
from keisei.players.positions import Positions
from keisei.players.simple import RandomPlayer
from keisei.shogi import Board
from keisei.shogi.constants import BLACK, FIRST_DROP_CLASS, NUM_SQUARES, WHITE, Termination
from keisei.shogi.features import MASK_BYTES, STATE_SIZE, TO_MOVE
from keisei.vec import IllegalActionError, ShogiVectorEnv

NO_OPENING = MatchRules(opening_plies=0)
DROP = FIRST_DROP_CLASS * NUM_SQUARES


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

    def reset(
        self, *, seed: int, options: dict[str, Any]
    ) -> tuple[dict[str, NDArray[np.uint8]], dict[str, Any]]:
        assert seed == 11
        assert options["starts"].tolist() == [0] * self.num_envs
        return self.obs(), {}

    def obs(self) -> dict[str, NDArray[np.uint8]]:
        state = np.zeros((self.num_envs, STATE_SIZE), dtype=np.uint8)
        state[:, TO_MOVE] = self.ply % 2
        return {
            "state": state,
            "action_mask_bits": np.full((self.num_envs, MASK_BYTES), 255, dtype=np.uint8),
        }

    def standing(self) -> Standing:
        """Where other games stand; nobody here looks ahead."""
        return ShogiVectorEnv(self.num_envs, obs="compact").standing()

    def step(self, actions: NDArray[np.int64], active: NDArray[np.bool_]) -> tuple[Any, ...]:
        assert actions.shape == (self.num_envs,)
        assert (actions[active] == DROP).all()
        self.ply += active
        lengths = np.array([self.length(i, int(g)) for i, g in enumerate(self.game)])
        ended = active & (self.ply >= lengths)
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
    """Plays one drop and counts the positions it was asked about, by who is to move."""

    def __init__(self) -> None:
        self.asked = [0, 0]

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        assert len(positions.state) == len(positions.mask_bits) == len(positions.games) > 0
        for colour in (BLACK, WHITE):
            self.asked[colour] += int(np.count_nonzero(positions.state[:, TO_MOVE] == colour))
        return np.full(len(positions), DROP, dtype=np.int64)


@pytest.mark.parametrize(("num_games", "num_envs"), [(1, 1), (7, 3), (12, 4), (10, 64), (9, 2)])
def test_every_game_that_is_started_counts_once_whatever_its_length(
    monkeypatch: pytest.MonkeyPatch, num_games: int, num_envs: int
) -> None:
    monkeypatch.setattr(match, "ShogiVectorEnv", ScriptedEnv)
    player_a, player_b = Countdown(), Countdown()
    result = play_match(player_a, player_b, num_games, rules=NO_OPENING, num_envs=num_envs, seed=11)

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
        rules = MatchRules(max_plies=60)
        return play_match(RandomPlayer(1), RandomPlayer(2), 12, rules=rules, num_envs=5, seed=3)

    result = play()
    assert result == play()
    assert result.total.games == 12
    assert result.as_black.games == result.as_white.games == 6
    assert sum(result.ends.values()) == 12
    assert 0 < result.mean_plies <= 60
    assert result.total.draws >= result.ends.get("max_plies", 0)


def test_a_cap_of_a_few_plies_draws_every_game() -> None:
    result = play_match(
        RandomPlayer(1), RandomPlayer(2), 6, rules=MatchRules(opening_plies=0, max_plies=2)
    )
    assert result.total == Tally(wins=0, draws=6, losses=0)
    assert result.ends == {"max_plies": 6}
    assert result.mean_plies == 2.0
    assert result.score == 0.5


@pytest.mark.parametrize(("num_games", "num_envs"), [(0, 64), (4, 0)])
def test_matches_of_nothing_are_refused(num_games: int, num_envs: int) -> None:
    with pytest.raises(ValueError, match=r"at least 1 (game|board), not 0"):
        play_match(RandomPlayer(1), RandomPlayer(2), num_games, num_envs=num_envs)


def test_openings_that_fill_the_games_are_refused() -> None:
    with pytest.raises(ValueError, match="openings of 8 plies do not fit games of 8"):
        play_match(RandomPlayer(1), RandomPlayer(2), 2, rules=MatchRules(8, 8))


def test_each_opening_is_played_with_both_colours() -> None:
    result = play_match(GreedyPlayer(1), RandomPlayer(2), 11, num_envs=3, seed=5)
    openings = [tuple(game.moves[:4]) for game in result.games]
    assert openings[0:10:2] == openings[1:10:2]
    assert len(set(openings)) == 6
    assert [game.number for game in result.games] == list(range(11))
    assert [game.colour_of_a for game in result.games] == [BLACK, WHITE] * 5 + [BLACK]


def test_the_recorded_games_are_the_games() -> None:
    rules = MatchRules(opening_plies=3, max_plies=80)
    result = play_match(GreedyPlayer(1), RandomPlayer(2), 20, rules=rules, num_envs=7)
    for game in result.games:
        board = Board()
        for move in game.moves:
            assert board.outcome(max_plies=80, declaration=True) is None
            board.push(move)
        outcome = board.outcome(max_plies=80, declaration=True)
        assert outcome is not None
        assert (game.end, game.winner) == (outcome.termination, outcome.winner)
    assert len({game.end for game in result.games}) > 1


def test_openings_depend_on_the_seed_and_not_on_their_number() -> None:
    few, many, other = (random_openings(n, 6, seed) for n, seed in ((3, 1), (9, 1), (9, 2)))
    assert many[:3].tolist() == few.tolist()
    assert many.tolist() != other.tolist()
    assert len({tuple(opening) for opening in many.tolist()}) == 9


def test_openings_leave_the_game_open() -> None:
    # Random games end after some hundred plies, so that about half of these are drawn again.
    openings = random_openings(12, 100, 0)
    for opening in openings.tolist():
        board = Board()
        for action in opening:
            board.push_action(action)
        assert board.outcome(declaration=True) is None


class Resigning:
    """Resigns when a game has a number of plies, and moves at random before."""

    def __init__(self, ply: int) -> None:
        self._ply = ply
        self._random = RandomPlayer(3)

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        actions = self._random.choose(positions)
        late = np.array([len(game.moves) >= self._ply for game in positions.games])
        return np.where(late, Forfeit.RESIGNATION, actions)


@pytest.mark.parametrize("num_envs", [1, 3, 8])
def test_a_resignation_ends_only_its_game(num_envs: int) -> None:
    rules = MatchRules(opening_plies=2, max_plies=30)
    result = play_match(Resigning(6), RandomPlayer(1), 8, rules=rules, num_envs=num_envs)
    assert result.total == Tally(losses=8)
    assert result.ends == {"resignation": 8}
    assert [len(game.moves) for game in result.games] == [6, 7] * 4
    for game in result.games:
        board = Board()
        for move in game.moves:
            board.push(move)
    swapped = play_match(RandomPlayer(1), Resigning(6), 8, rules=rules, num_envs=num_envs)
    assert swapped.total == Tally(wins=8)


def test_an_illegal_action_of_a_player_of_ours_is_an_error() -> None:
    class Wrong:
        def choose(self, positions: Positions) -> NDArray[np.int64]:
            return np.zeros(len(positions), np.int64)

    with pytest.raises(IllegalActionError, match=r"action 0 \(UP to"):
        play_match(Wrong(), RandomPlayer(1), 2)


def test_declarations_can_be_switched_off() -> None:
    # Kings stray far in random games; some end by declaration.
    on, off = (
        play_match(RandomPlayer(1), RandomPlayer(2), 100, rules=MatchRules(declaration=declaration))
        for declaration in (True, False)
    )
    assert on.ends.get("declaration", 0) > 0
    assert "declaration" not in off.ends


def test_progress_is_told() -> None:
    told: list[tuple[int, float]] = []

    def tell(ended: int, points: float) -> None:
        told.append((ended, points))

    players = Resigning(4), RandomPlayer(1)
    play_match(*players, 5, num_envs=1, progress=tell)
    assert list(dict.fromkeys(told)) == [(ended, 0.0) for ended in range(6)]
    assert told.count((0, 0.0)) > 1
    play_match(players[1], players[0], 2, num_envs=1, progress=tell)
    assert told[-1] == (2, 2.0)
