"""A player that looks ahead, in matches and as it is described."""

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.evaluation.match import MatchRules, play_match
from keisei.players.descriptions import PlayerDescriptionError, parse_player
from keisei.players.positions import Positions
from keisei.players.searching import SearchPlayer
from keisei.players.simple import RandomPlayer
from keisei.search.evaluators import Verdict
from keisei.search.settings import SearchSettings


def count_pieces(states: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
    """Judges all moves alike, and positions by the pieces on the board and in hands."""
    offsets, actions = Positions(states, mask_bits).legal_actions()
    counts = np.diff(offsets)
    log_probs = -np.log(np.repeat(counts, counts)).astype(np.float32)
    board = states[:, :81].astype(np.int64)
    own = ((board > 0) & (board < 16)).sum(axis=1) + states[:, 81:88].sum(axis=1)
    enemy = (board > 16).sum(axis=1) + states[:, 88:95].sum(axis=1)
    return offsets, actions, log_probs, ((own - enemy) / 40).astype(np.float32)


def test_it_beats_chance_by_counting_pieces() -> None:
    player = SearchPlayer(lambda: count_pieces, SearchSettings(nodes=40, candidates=40, c_puct=5.0))
    result = play_match(player, RandomPlayer(1), 8, rules=MatchRules(max_plies=200), seed=3)
    assert sum(game.winner == game.colour_of_a for game in result.games) >= 6


def test_equal_players_play_the_same_games() -> None:
    records: list[list[str]] = []
    for _ in range(2):
        player = SearchPlayer(lambda: count_pieces, SearchSettings(nodes=8))
        result = play_match(player, RandomPlayer(2), 2, rules=MatchRules(max_plies=20), seed=3)
        records.append([game.usi_position() for game in result.games])
    assert records[0] == records[1]


def test_positions_alone_are_too_little() -> None:
    positions = Positions(np.zeros((1, 100), np.uint8), np.zeros((1, 274), np.uint8))
    with pytest.raises(ValueError, match="games"):
        SearchPlayer(lambda: count_pieces, SearchSettings()).choose(positions)


def test_settings_are_read_from_the_description() -> None:
    assert parse_player("keisei?argmax").search is None
    found = parse_player("keisei?nodes=400&method=puct&c_puct=1.5&temperature=2").search
    assert found == SearchSettings(nodes=400, method="puct", c_puct=1.5, temperature=2.0)


def test_settings_may_be_as_large_as_is_said() -> None:
    found = parse_player("keisei?nodes=1000000&mate_nodes=1000000000&c_puct=1000000").search
    assert found == SearchSettings(nodes=1_000_000, mate_nodes=1_000_000_000, c_puct=1e6)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("keisei?nodes=0", "nodes=0"),
        ("keisei?nodes=many", "'many' is no whole number"),
        ("keisei?nodes=1000000001", "nodes=1000000001 has to be .* from 1 to 1,000,000"),
        ("keisei?nodes=8&mate_nodes=1000000001", "from 0 to 1,000,000,000"),
        ("keisei?nodes=8&c_puct=1000001", "c_puct=1000001.0 has to be above 0 and at most"),
        ("keisei?nodes=8&c_visit=1000001", "c_visit=1000001.0 has to be from 0 to 1,000,000"),
        ("keisei?nodes=8&method=alphabeta", "'alphabeta'"),
        ("keisei?nodes=8&argmax", "neither argmax nor sampled"),
        ("random?nodes=8", "unknown option 'nodes'"),
    ],
)
def test_descriptions_that_make_no_sense_are_refused(text: str, part: str) -> None:
    with pytest.raises(PlayerDescriptionError, match=part):
        parse_player(text)
