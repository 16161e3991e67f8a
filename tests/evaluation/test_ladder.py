import json
import os
import shutil
from pathlib import Path

import pytest

from keisei.evaluation import ladder
from keisei.evaluation.ladder import climb, known_pairings, ladder_arena, measure, usable_rungs
from keisei.evaluation.ladder_view import ladder_svg, ladder_table
from keisei.evaluation.ratings import Pairing, Rating
from keisei.evaluation.results import MatchResult, Score
from keisei.players.descriptions import parse_player
from keisei.rl.networks import PolicyValueNet

FAIRY_STOCKFISH = shutil.which("fairy-stockfish", path=f"{os.environ['PATH']}:/usr/games")


def no_policy(path: Path, device: str) -> PolicyValueNet:
    raise AssertionError(path, device)


def ignore(first: str, second: str, result: MatchResult) -> None:
    """Told a match that the test does not look at."""


ARENA = ladder_arena(no_policy, seed=3)


def test_the_measured_ladder_hangs_together_and_is_in_order() -> None:
    pairings = known_pairings()
    assert all(pair.score.num_games >= 200 for pair in pairings)
    ratings = {rating.name: rating for rating in ladder.Ladder(pairings).ratings}
    assert set(ratings) == set(ladder.RUNGS)
    assert all(rating.is_bounded for rating in ratings.values())
    # Depth 1 and 100 nodes are close, and their order is not settled.
    by_nodes = [name for name in ladder.RUNGS if name.startswith("nodes")]
    strengths = [ratings[name].elo for name in ("random", "greedy", *by_nodes)]
    assert strengths == sorted(strengths)
    assert abs(ratings["depth 1"].elo - ratings["nodes 100"].elo) < 100


def test_a_climb_ends_where_the_next_rung_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "RUNGS", {"greedy": "greedy", "again": "greedy?", "top": "greedy"})
    told: list[tuple[str, str]] = []

    def report(first: str, second: str, result: MatchResult) -> None:
        assert result.score < ladder.OUT_OF_REACH
        told.append((first, second))

    climbed = climb(parse_player("random"), list(ladder.RUNGS), 4, ARENA, report)
    assert told == [("random", "greedy")]
    assert [first for first, _, _ in climbed.played] == ["random"]


def test_a_rung_does_not_meet_itself() -> None:
    climbed = climb(parse_player("random"), ["random"], 2, ARENA, ignore)
    assert not climbed.played


def test_new_games_join_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Pairing("nodes 1", "random", Score((2.0, 2.0, 1.0), (2, 2, 2)))
    monkeypatch.setattr(ladder, "known_pairings", lambda: [known])
    climbed = climb(parse_player("greedy"), ["random"], 2, ARENA, ignore)
    assert {rating.name for rating in climbed.ratings} == {"random", "greedy", "nodes 1"}
    data = json.loads(json.dumps(climbed.to_json_dict()))
    assert [match["points"] for match in data["matches"]] == [[2.0]]
    assert data["rules"] == {"opening_plies": 4, "max_plies": 320, "declaration": True}


def test_engines_that_fail_are_skipped_with_their_games(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "engine"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    rungs = {"random": "random", "bad": f"usi:{program}?nodes=1", "none": "usi:nobody?nodes=1"}
    monkeypatch.setattr(ladder, "RUNGS", rungs)
    monkeypatch.setattr(ladder, "NEIGHBOURS", (("random", "bad"), ("bad", "none")))
    climbed = climb(parse_player("greedy"), list(rungs), 2, ARENA, ignore)
    assert [second for _, second, _ in climbed.played] == ["random"]
    assert "died with exit code 7" in climbed.skipped["bad"]
    assert "'nobody' is not installed" in climbed.skipped["none"]
    measured = measure(list(rungs), 2, ARENA, ignore)
    assert not measured.played
    assert set(measured.skipped) == {"bad against random", "none"}


def test_a_rung_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown rung 'nodes 2'; the ladder has random, greedy"):
        usable_rungs(["random", "nodes 2"])


RATINGS = [
    Rating("random", 0.0, 0.0, 0.0, 200, is_bounded=True),
    Rating("middle <1>", 371.4, 300.2, 440.0, 400, is_bounded=True),
    Rating("top", 1200.0, 900.0, 1500.0, 200, is_bounded=False),
]


def test_the_table_shows_the_strongest_first() -> None:
    assert ladder_table(RATINGS).splitlines() == [
        "player          Elo     95% interval  games",
        "top          >=1200      900 to 1500    200",
        "middle <1>      371       300 to 440    400",
        "random            0                     200",
    ]


def test_the_picture_shows_everybody_on_one_axis() -> None:
    picture = ladder_svg(RATINGS)
    assert "middle &lt;1&gt;  371" in picture
    assert [f">{tick}<" in picture for tick in (-500, 0, 500, 1000, 1500, 2000)] == [
        False, True, True, True, True, False
    ]  # fmt: skip
    assert picture.count("<circle") == 3


@pytest.mark.slow
@pytest.mark.skipif(not FAIRY_STOCKFISH, reason="fairy-stockfish is not installed")
def test_fairy_stockfish_plays_legal_games_as_strong_as_its_nodes() -> None:
    strong, weak = (parse_player(ladder.RUNGS[name]) for name in ("nodes 1000", "nodes 1"))
    result, again = (ARENA.play(strong, weak, 8) for _ in range(2))
    assert not result.troubles
    assert not {"illegal_move", "engine_failure"} & set(result.ends)
    assert result.score > 0.8
    assert result == again
